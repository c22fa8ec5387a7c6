"""Labelled images and sequences of tokens, from which batches are drawn, and their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Union

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError

if TYPE_CHECKING:
    from torch import Tensor

Indices = Union[Sequence[int], NDArray[np.integer[Any]]]


@dataclass(frozen=True, eq=False)
class Probe:
    """A set of labelled images from which batches are drawn; checked when it is created.

    Attributes:
        name: the source.
        images: uint8, or finite float32, of shape ``(n, height, width, channels)`` with 1 or 3 channels.
        labels: int64 of shape ``(n,)``, each in ``0..classes - 1``.
        classes: number of classes, also of those without an image here.

    Raises:
        DataError: one of these does not hold.

    >>> probe = Probe("grey", np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) % 2, classes=2)
    >>> images, labels = probe.balanced(2, seed=0).batch(2)
    >>> images.shape, sorted(labels.tolist())
    (torch.Size([2, 3, 8, 8]), [0, 1])
    """

    name: str
    images: NDArray[np.uint8] | NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
            raise DataError(self.name, "images of shape (n, height, width, 1 or 3)", f"{images.shape}")
        if images.dtype not in (np.uint8, np.float32):
            raise DataError(self.name, "images of type uint8 or float32", f"{images.dtype}")
        if images.dtype == np.float32 and not np.isfinite(images).all():
            raise DataError(self.name, "finite images", "NaN or infinity")
        if labels.shape != images.shape[:1]:
            raise DataError(self.name, f"labels of shape ({len(images)},)", f"{labels.shape}")
        if labels.dtype != np.int64:
            raise DataError(self.name, "labels of type int64", f"{labels.dtype}")
        if labels.min() < 0 or labels.max() >= self.classes:
            raise DataError(self.name, f"labels in 0..{self.classes - 1}", f"labels in {labels.min()}..{labels.max()}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: int | Indices) -> Probe:
        """Return the images at ``indices``, at least one, in that order and as often as named.

        Args:
            indices: places of images, from 0; or how many from the start.

        Raises:
            ValueError: not a flat sequence of integers, or an index out of range.
        """
        chosen = _indices(indices, len(self), f"{self.name} has {len(self)} images")
        return Probe(self.name, self.images[chosen], self.labels[chosen], self.classes)

    def random(self, n: int, seed: int) -> Probe:
        """Draw ``n`` different images uniformly; a larger ``n`` extends the draw of a smaller one.

        Args:
            n: number of images.
            seed: of the draw.

        Raises:
            ValueError: ``n`` is below one, or there are fewer images.
        """
        return self.take(self._shuffled(n, seed)[:n])

    def balanced(self, n: int, seed: int) -> Probe:
        """Draw ``n`` different images, as evenly over the classes as the data allow.

        Images are taken in rounds of one random image per class; a class that has run out is passed over, and
        the last, incomplete round falls on random classes.

        Args:
            n: number of images.
            seed: of the draw.

        Raises:
            ValueError: ``n`` is below one, or there are fewer images.
        """
        return self.take(self._rounds(n, seed)[:n])

    def split(self, *sizes: int, seed: int) -> list[Probe]:
        """Return disjoint random parts of ``sizes`` images, and one of all others, as even over classes as possible.

        Args:
            sizes: number of images of each part.
            seed: of the draw.

        Raises:
            ValueError: a size is below one, or no image is left for the last part.
        """
        if min(sizes, default=1) < 1 or sum(sizes) >= len(self):
            raise ValueError(f"{self.name} has {len(self)} images: parts of {sizes} leave none, or are none")
        order, parts = self._rounds(len(self), seed), []
        for size in (*sizes, len(self) - sum(sizes)):
            parts.append(self.take(order[:size]))
            order = order[size:]
        return parts

    def batch(
        self,
        images: int | Indices,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return images and labels as tensors.

        Args:
            images: how many from the start, or the indices of those to take.
            mean: per channel, subtracted; in units of the range 0..1. None: 0.
            std: per channel, divided by afterwards. None: 1.

        Returns:
            Images ``(n, channels, height, width)`` float32, where uint8 images are scaled to 0..1 before
            normalisation and float32 ones taken as they are; labels ``(n,)`` int64.

        Raises:
            ValueError: there are fewer images, or ``mean`` or ``std`` does not fit the channels.
        """
        import torch

        chosen = self.take(images)
        x = torch.from_numpy(np.ascontiguousarray(chosen.images.transpose(0, 3, 1, 2))).float()
        if chosen.images.dtype == np.uint8:
            x /= 255
        x = (x - self._per_channel(mean, 0.0)) / self._per_channel(std, 1.0)
        return x, torch.from_numpy(chosen.labels)

    def _per_channel(self, values: float | Sequence[float] | None, default: float) -> Tensor:
        """Return one value or one per channel, shape (channels, 1, 1) or (1, 1, 1)."""
        import torch

        tensor = torch.tensor(default if values is None else values, dtype=torch.float32).reshape(-1, 1, 1)
        if len(tensor) not in (1, self.images.shape[3]):
            raise ValueError(f"{self.name} has {self.images.shape[3]} channels, found {len(tensor)} values")
        return tensor

    def _rounds(self, n: int, seed: int) -> NDArray[np.int64]:
        """Return all indices, in rounds of one random image per class that has any left."""
        order = self._shuffled(n, seed)
        labels = self.labels[order]
        rounds = np.empty(len(order), dtype=np.int64)
        for label in np.unique(labels):
            of_class = labels == label
            rounds[of_class] = np.arange(of_class.sum())
        return order[np.argsort(rounds, kind="stable")]

    def _shuffled(self, n: int, seed: int) -> NDArray[np.int64]:
        _indices(n, len(self), f"{self.name} has {len(self)} images")
        return np.random.default_rng(seed).permutation(len(self))


@dataclass(frozen=True, eq=False)
class Tokens:
    """A set of sequences of equal length from which batches are drawn; checked when it is created.

    Attributes:
        name: the source.
        tokens: int64 of shape ``(n, length)``, each in ``0..vocabulary_size - 1``.
        vocabulary_size: number of different tokens, also of those that do not occur here.
        targets: the token that follows each one, of the same shape; None where there is none to be predicted.

    Raises:
        DataError: one of these does not hold.

    >>> text = Tokens("counting", np.arange(12).reshape(2, 6), vocabulary_size=12)
    >>> tokens, targets = text.cut(3).batch(2)
    >>> tokens.tolist(), targets
    ([[0, 1, 2], [6, 7, 8]], None)
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
        """Number of classes at each position: the size of the vocabulary."""
        return self.vocabulary_size

    def cut(self, length: int) -> Tokens:
        """Return the first ``length`` tokens of every sequence.

        Args:
            length: number of tokens, at least one.

        Raises:
            ValueError: the sequences are shorter.
        """
        if not 1 <= length <= self.tokens.shape[1]:
            raise ValueError(f"{self.name} has sequences of {self.tokens.shape[1]} tokens, not of {length}")
        targets = None if self.targets is None else self.targets[:, :length]
        return Tokens(self.name, self.tokens[:, :length], self.vocabulary_size, targets)

    def batch(self, chosen: int | Indices) -> tuple[Tensor, Tensor | None]:
        """Return tokens and targets as tensors.

        Args:
            chosen: how many sequences from the start, or the indices of those to take.

        Returns:
            Tokens ``(n, length)`` int64; targets of the same shape, or None.

        Raises:
            ValueError: no sequence, an index out of range, or not a flat sequence of integers.
        """
        import torch

        numbers = _indices(chosen, len(self), f"{self.name} has {len(self)} sequences")
        targets = None if self.targets is None else torch.from_numpy(self.targets[numbers])
        return torch.from_numpy(self.tokens[numbers]), targets


def _indices(chosen: int | Indices, count: int, there: str) -> NDArray[np.integer[Any]]:
    """Return indices, or those of the first ``chosen``, after checking that all are below ``count``."""
    found = np.arange(min(chosen, count + 1)) if isinstance(chosen, (int, np.integer)) else np.asarray(chosen)
    if found.size and (found.ndim != 1 or found.dtype.kind not in "iu"):
        raise ValueError(f"choose by a number or a flat sequence of integers, found {chosen!r}")
    if found.size == 0 or found.min() < 0 or found.max() >= count:
        raise ValueError(f"{there}, asked for {chosen!r}; ask for 1 to {count}, or for indices 0..{count - 1}")
    return found


@dataclass(frozen=True)
class Source:
    """A source of images or tokens; a module with these two functions is one as well.

    Attributes:
        recognises: returns whether a path or text is one of this source.
        load: reads or makes the images or tokens; its parameters after the first are the source's options.
    """

    recognises: Callable[[str | Path], bool]
    load: Callable[..., Probe | Tokens]
