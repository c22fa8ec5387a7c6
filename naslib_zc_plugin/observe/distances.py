"""Measures by a distance of one's own, activation by activation: Euclidean, Jensen–Shannon, or any other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Callable

import torch
from torch import Tensor

from naslib_zc_plugin.observe.measures import Sum, precise

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Distance:
    """A kernel m − f for each activation.

    Attributes:
        mapping: output (N, …) → codes.
        f: codes → distances of all pairs, (N, N).
        m: codes → the largest value that f can take.
    """

    mapping: Callable[[Tensor], Tensor]
    f: Callable[[Tensor], Tensor]
    m: Callable[[Tensor], float]

    def start(self, samples: int) -> Sum:
        """The kernel of no activation."""
        return _Distances(self, samples)


class _Distances:
    """Sum of m − f."""

    def __init__(self, distance: Distance, samples: int) -> None:
        self._distance = distance
        self._sum = torch.zeros(samples, samples, dtype=torch.float64)

    def add(self, output: Tensor) -> None:
        """Add an output's."""
        codes = self._distance.mapping(output)
        self._sum = self._sum.to(output.device) + (self._distance.m(codes) - self._distance.f(codes).double())

    def total(self) -> Tensor:
        """The sum."""
        return self._sum


def _flat(output: Tensor) -> Tensor:
    return precise(output).reshape(len(output), -1)


def _euclidean(codes: Tensor) -> Tensor:
    return torch.cdist(codes, codes, compute_mode="donot_use_mm_for_euclid_dist")  # else a code differs from itself


@cache
def euclidean(span: float) -> Distance:
    """Euclidean distance of the raw values, :math:`m = span \\sqrt d` for d units whose values span that range."""
    return Distance(_flat, _euclidean, lambda codes: span * math.sqrt(codes.shape[1]))


def _rows(output: Tensor) -> Tensor:
    return precise(output).reshape(len(output), -1, output.shape[-1])


def _divergences(codes: Tensor) -> Tensor:
    """Sum over rows of the Jensen–Shannon divergences, (N, rows, S) → (N, N), in nats."""
    samples, _, states = codes.shape
    found = torch.zeros(samples, samples, dtype=torch.float64, device=codes.device)
    for part in codes.split(max(1, _AT_ONCE // (samples * states)), dim=1):
        entropies = torch.special.entr(part).flatten(1).sum(1, dtype=torch.float64)
        for one in range(samples - 1):
            mixed = torch.special.entr((part[one + 1 :] + part[one]).mul_(0.5)).flatten(1).sum(1, dtype=torch.float64)
            found[one, one + 1 :] += mixed - (entropies[one + 1 :] + entropies[one]) / 2
    return found + found.T


@cache
def jensen_shannon(mean: bool = False, bits: bool = False) -> Distance:
    """Jensen–Shannon divergence of the distributions in the last dimension, :math:`m = \\log 2` for each.

    Args:
        mean: the mean over an activation's distributions; otherwise their sum.
        bits: logarithms to base 2; otherwise natural ones.
    """

    def scale(codes: Tensor) -> float:
        return 1 / ((codes.shape[1] if mean else 1) * (math.log(2) if bits else 1))

    return Distance(
        _rows,
        lambda codes: _divergences(codes) * scale(codes),
        lambda codes: math.log(2) * codes.shape[1] * scale(codes),
    )
