"""Sequences of tokens at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError

if TYPE_CHECKING:
    from torch import Tensor

Indices = Union[Sequence[int], NDArray[np.integer[Any]]]


@dataclass(frozen=True, eq=False)
class Tokens:
    """A set of sequences of equal length from which batches are drawn; checked when made.

    Attributes:
        name: where they come from.
        tokens: int64 of shape ``(n, length)``, each in ``0..vocabulary_size - 1``.
        vocabulary_size: number of different tokens, also of those that do not occur here.
        targets: the token that follows each one, of the same shape; None where there is none to be predicted.

    Raises:
        DataError: one of these does not hold.
    """

    name: str
    tokens: NDArray[np.int64]
    vocabulary_size: int
    targets: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for what, array in (("tokens", self.tokens), ("targets", self.targets)):
            if array is None:
                continue
            if array.ndim != 2 or 0 in array.shape or array.dtype != np.int64 or array.shape != self.tokens.shape:
                expected = f"{what} of type int64 and shape (n, length), at least one"
                raise DataError(self.name, expected, f"{array.dtype} of shape {array.shape}")
            if array.min() < 0 or array.max() >= self.vocabulary_size:
                found = f"{what} in {array.min()}..{array.max()}"
                raise DataError(self.name, f"{what} in 0..{self.vocabulary_size - 1}", found)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def classes(self) -> int:
        """What a network tells apart at each position: the vocabulary."""
        return self.vocabulary_size

    def cut(self, length: int) -> Tokens:
        """The first ``length`` tokens of every sequence.

        Raises:
            ValueError: the sequences are shorter.
        """
        if not 1 <= length <= self.tokens.shape[1]:
            raise ValueError(f"{self.name} has sequences of {self.tokens.shape[1]} tokens, not of {length}")
        targets = None if self.targets is None else self.targets[:, :length]
        return Tokens(self.name, self.tokens[:, :length], self.vocabulary_size, targets)

    def batch(self, chosen: int | Indices) -> tuple[Tensor, Tensor | None]:
        """Tokens and targets as tensors, (n, length) int64.

        Args:
            chosen: how many sequences from the start, or the indices of those to take.

        Raises:
            ValueError: none, one that is not there, or not a flat sequence of integers.
        """
        import torch

        numbers = np.arange(chosen) if isinstance(chosen, (int, np.integer)) else np.asarray(chosen)
        if numbers.size and (numbers.ndim != 1 or numbers.dtype.kind not in "iu"):
            raise ValueError(f"sequences are chosen by a number or a flat sequence of integers, found {chosen!r}")
        if numbers.size == 0 or numbers.min() < 0 or numbers.max() >= len(self):
            raise ValueError(f"{self.name} has {len(self)} sequences, asked for {chosen!r}; ask for 1 to {len(self)}")
        targets = None if self.targets is None else torch.from_numpy(self.targets[numbers])
        return torch.from_numpy(self.tokens[numbers]), targets
