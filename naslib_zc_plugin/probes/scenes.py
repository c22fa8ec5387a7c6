"""Scenes: a real handwritten digit anywhere on a dark canvas, beside pieces of others; made of scikit-learn's digits.

Digits that lie in the middle are learnt by every network, so that accuracies on them hardly tell networks apart. In a
scene the digit has to be found first. The pieces are squares of 4×4 cut from other digits; where several lie on one
another the brightest counts, and the digit lies above them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes.base import Probe
from naslib_zc_plugin.probes.builtin import digits

_DIGIT, _PIECE = 8, 4  # height and width


def recognises(source: str | Path) -> bool:
    """Return whether the source is the text ``scenes``."""
    return str(source) == "scenes"


def load(source: str | Path = "scenes", n: int = 11_680, size: int = 12, pieces: int = 1, seed: int = 0) -> Scenes:
    """Return scenes in three equal channels, 0 to 255, with labels dealt evenly.

    Args:
        source: the text ``scenes``.
        n: number of scenes.
        size: height and width of the canvas, at least 8.
        pieces: number of pieces of other digits in each.
        seed: of the draw.

    Raises:
        DataError: scikit-learn is absent, or a number is too small.
    """
    if n < 1 or size < _DIGIT or pieces < 0:
        found = f"n={n}, size={size}, pieces={pieces}"
        raise DataError(source, f"n of at least 1, size of at least {_DIGIT}, pieces of at least 0", found)
    known = digits()
    images, labels = _drawn(known, n, size, pieces, np.random.default_rng([seed, 0]))
    return Scenes("scenes", images, labels, known.classes, size, pieces)


@dataclass(frozen=True, eq=False)
class Scenes(Probe):
    """Scenes of all digits, whose parts are made anew, so that no digit is in two parts.

    Attributes:
        size: height and width of the canvas.
        pieces: number of pieces of other digits in each.
    """

    size: int = 12
    pieces: int = 1

    def split(self, *sizes: int, seed: int) -> list[Probe]:
        """Return parts of ``sizes`` scenes, and one of as many as are left; a digit is in the scenes of one part only.

        The scenes of the first part show half of the digits, or pieces of them; the other parts share the rest.

        Args:
            sizes: number of scenes of each part.
            seed: of the draw of digits and scenes.

        Raises:
            ValueError: a size is below one, or no scene is left for the last part.
        """
        counts = [len(part) for part in super().split(*sizes, seed=seed)]
        known = digits()
        half = len(known) // 2
        shares = [half, *[half // len(sizes)] * (len(sizes) - 1)] if sizes else []
        shown = known.split(*shares, seed=seed)
        parts = []
        for number, (part, count) in enumerate(zip(shown, counts)):
            images, labels = _drawn(part, count, self.size, self.pieces, np.random.default_rng([seed, 1 + number]))
            parts.append(Probe(self.name, images, labels, self.classes))
        return parts


def _drawn(
    known: Probe, n: int, size: int, pieces: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return ``n`` scenes of some digits, and the labels."""
    grey, rows = known.images[..., 0], np.arange(n)[:, None, None]
    canvas = np.zeros((n, size, size), dtype=grey.dtype)
    for _ in range(pieces):
        cut = _square(rng, _DIGIT - _PIECE, n, _PIECE)
        piece = grey[rng.integers(len(known), size=n)[:, None, None], cut[0], cut[1]]
        place = (rows, *_square(rng, size - _PIECE, n, _PIECE))
        canvas[place] = np.maximum(canvas[place], piece)
    labels = rng.permutation(np.arange(n) % known.classes)
    order = np.argsort(known.labels, kind="stable")
    counts = np.bincount(known.labels, minlength=known.classes)
    chosen = order[(np.cumsum(counts) - counts)[labels] + rng.integers(counts[labels])]
    canvas[(rows, *_square(rng, size - _DIGIT, n, _DIGIT))] = grey[chosen]
    return np.repeat(canvas[..., None], 3, axis=3).astype(np.uint8), labels.astype(np.int64)


def _square(rng: np.random.Generator, room: int, n: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns, (n, side, 1) and (n, 1, side), of squares at random places with so much room."""
    top, left = rng.integers(room + 1, size=(2, n))
    return top[:, None, None] + np.arange(side)[:, None], left[:, None, None] + np.arange(side)
