"""The values that the functions of a network give, and their numbers in the order of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.passes.network import memory


@dataclass(frozen=True)
class Value:
    """A tensor that a function of the network gave.

    Attributes:
        number: of the call, counted from 1 in the order of the run.
        place: among the tensors of the call's output.
        shape: of the tensor, for ``samples`` samples.
        channel: the dimension of its channels, not below 0; None where that is not known.
        samples: of the run.
    """

    number: int
    place: int
    shape: tuple[int, ...]
    channel: int | None
    samples: int

    @property
    def positions(self) -> tuple[int, ...]:
        """All dimensions but the channels'; the samples are one of them."""
        return tuple(size for dim, size in enumerate(self.shape) if dim != self.channel)

    @property
    def rows(self) -> int:
        """Number of vectors of channels: samples × positions."""
        return torch.Size(self.positions).numel()

    @property
    def channels(self) -> int:
        """Number of channels; 0 where they are not known."""
        return 0 if self.channel is None else self.shape[self.channel]

    @property
    def has_positions(self) -> bool:
        """Whether there are several vectors of channels for a sample."""
        return self.rows > self.samples

    @property
    def is_sequence(self) -> bool:
        """Whether channels come last and there are several positions."""
        return self.channel == len(self.shape) - 1 and self.has_positions


class Counter:
    """Counts the calls of functions that give tensors of real numbers.

    A tensor that is another one's memory in the same shape does not count: such are made or not made by whether
    gradients are asked for.

    Attributes:
        number: of the last call that counted.
    """

    def __init__(self) -> None:
        self.number = 0

    def count(self, args: Sequence[Any], output: Any) -> list[Tensor]:
        """Return the tensors of real numbers that a call gave; the call counts if there are any."""
        if type(output) in (int, float, bool, str, torch.Size, torch.dtype, torch.device, type(None)):
            return []
        found = [each for each in tensors(output) if each.is_floating_point() and not _same(each, args)]
        self.number += bool(found)
        return found


def _same(output: Tensor, args: Sequence[Any]) -> bool:
    given = args[0] if args else None
    if not isinstance(given, Tensor) or given is output or given.shape != output.shape:
        return False
    place = memory(output)
    return place is not None and place == memory(given) and output.storage_offset() == given.storage_offset()
