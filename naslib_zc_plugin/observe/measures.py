"""Measures of how alike samples are by an activation's output: kernels m − f for a distance f ≤ m, summed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from naslib_zc_plugin.observe.codes import PIECE, agreement


def precise(output: Tensor) -> Tensor:
    """An output of half precision in single precision, in which it can be compared; others as they are."""
    return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output


class Sum(Protocol):
    """A kernel that grows with each activation."""

    def add(self, output: Tensor) -> None:
        """Add the kernel of an activation's output, (N, …)."""

    def total(self) -> Tensor:
        """The kernel, (N, N), float64."""


class Measure(Protocol):
    """What is known of a kind of activation: how outputs are compared. A value: equal ones make one observation."""

    def start(self, samples: int) -> Sum:
        """The kernel of no activation."""


@dataclass(frozen=True)
class Partition:
    """Hamming distance of codes: the part of the output's range that a unit's value lies in; m: the number of units.

    Attributes:
        parts: number of equal parts; 0: codes tell positive outputs from others (which is what ReLU calls for).
        low, high: the range.
    """

    parts: int = 0
    low: float = 0.0
    high: float = 1.0

    def start(self, samples: int) -> Sum:
        """The kernel of no activation."""
        return _Codes(self, samples)

    def codes(self, output: Tensor) -> Tensor:
        """The code of each value, uint8."""
        if not self.parts:
            return (output > 0).to(torch.uint8)
        scaled = (precise(output) - self.low) * (self.parts / (self.high - self.low))
        return scaled.clamp_(0, self.parts - 1).to(torch.uint8)


class _Codes:
    """Sum of agreements; outputs are collected until they make a piece worth comparing."""

    def __init__(self, partition: Partition, samples: int) -> None:
        self._partition, self._samples = partition, samples
        self._sum: Tensor | None = None
        self._buffer: Tensor | None = None
        self._filled = 0

    def add(self, output: Tensor) -> None:
        """Add an output's agreement."""
        values = output.reshape(self._samples, -1)
        for piece in values.split(PIECE, dim=1) if values.shape[1] > PIECE else (values,):
            buffer = self._room(piece)
            buffer[:, self._filled : self._filled + piece.shape[1]] = piece
            self._filled += piece.shape[1]

    def total(self) -> Tensor:
        """The sum."""
        self._compare()
        return torch.zeros(self._samples, self._samples, dtype=torch.float64) if self._sum is None else self._sum

    def _room(self, piece: Tensor) -> Tensor:
        buffer = self._buffer
        if buffer is None or buffer.dtype != piece.dtype or self._filled + piece.shape[1] > PIECE:
            self._compare()
        if buffer is None or buffer.dtype != piece.dtype:
            buffer = self._buffer = piece.new_empty(self._samples, PIECE)
        return buffer

    def _compare(self) -> None:
        if self._buffer is not None and self._filled:
            codes = self._partition.codes(self._buffer[:, : self._filled])
            found = agreement(codes, self._partition.parts or 2)
            self._sum = found if self._sum is None else self._sum + found
            self._filled = 0
