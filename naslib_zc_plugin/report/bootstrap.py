"""Correlations of a sample and of its bootstrap resamples, many resamples at once.

A resample is a count per pair: how often it was drawn. The order of the pairs, and which of them are concordant, are
the same in all resamples, so that the sorting is done once and a resample only adds up counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

_CELLS = 2**17  # counts held at once: blocks that stay in the processor's cache are the fastest


def coefficients(x: Floats, y: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    r"""Spearman's :math:`\rho`, Kendall's :math:`\tau_b` and Pearson's r, of the sample and then of its resamples.

    Args:
        x: values, shape (n,); :math:`-\infty` ranks below all others and has no part in Pearson's r.
        y: values, shape (n,), finite.
        resamples: how many times n pairs are drawn with replacement, from the pairs in the order of x, then y.
        rng: what draws them.

    Returns:
        Shape (3, 1 + resamples); NaN for fewer than three pairs, or where x or y is constant.
    """
    if (n := len(x)) < 3:
        return np.full((3, 1 + resamples), np.nan)
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    pair = np.cumsum(np.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1])))
    groups = _Groups.of(x), _Groups.of(y), _Groups.of(pair)
    merges = list(_merges(y))
    found = []
    for counts in _draws(n, resamples, rng):
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            found.append([_spearman(counts, *groups[:2]), _kendall(counts, *groups, merges), _pearson(counts, x, y)])
    return np.concatenate(found, axis=1)


def _draws(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each of n pairs was drawn, shape (n, resamples of a block); first once each."""
    yield np.ones((n, 1))
    most = max(1, _CELLS // n)
    for done in range(0, resamples, most):
        rows = min(most, resamples - done)
        drawn = rng.integers(n, size=(rows, n)) * rows + np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * rows).reshape(n, rows).astype(np.float64)


@dataclass(frozen=True)
class _Groups:
    """Equal values: the order that sorts them, where in it each group starts, and the group of each value."""

    order: Indices
    starts: Indices
    group: Indices

    @classmethod
    def of(cls, values: npt.NDArray[np.generic]) -> _Groups:
        distinct, group = np.unique(values, return_inverse=True)
        order = np.argsort(group, kind="stable")
        return cls(order, np.searchsorted(group[order], np.arange(len(distinct))), group)

    def sums(self, counts: Floats) -> Floats:
        """Counts of each group, ascending, shape (groups, resamples)."""
        found: Floats = np.add.reduceat(counts[self.order], self.starts, axis=0)
        return found


def _dot(a: Floats, b: Floats) -> Floats:
    """Sum of the products in each column."""
    found: Floats = np.einsum("ij,ij->j", a, b)
    return found


def _spearman(counts: Floats, x: _Groups, y: _Groups) -> Floats:
    n = len(counts)
    deviations, squares = [], []
    for groups in (x, y):
        sums = groups.sums(counts)
        # A group's average rank less the mean rank (n + 1) / 2: halves, so that the sums are exact.
        deviation = np.cumsum(sums, axis=0) - (sums + n) / 2
        squares.append(_dot(sums, deviation**2))
        deviations.append(deviation[groups.group])
    return np.clip(_dot(counts * deviations[0], deviations[1]) / np.sqrt(squares[0] * squares[1]), -1, 1)


def _kendall(counts: Floats, x: _Groups, y: _Groups, both: _Groups, merges: list[_Merge]) -> Floats:
    n = len(counts)
    pairs = n * (n - 1) / 2
    tied_x, tied_y, tied = (_dot(sums, sums - 1) / 2 for sums in (groups.sums(counts) for groups in (x, y, both)))
    difference = pairs - tied_x - tied_y + tied - 2 * sum(merge.discordant(counts) for merge in merges)
    return np.clip(difference / np.sqrt((pairs - tied_x) * (pairs - tied_y)), -1, 1)


@dataclass(frozen=True)
class _Merge:
    """One level of a merge sort by y: which pairs it brings into order.

    Blocks of ``2 * half`` neighbours are merged from two halves. ``left`` and ``right`` hold the elements of the
    halves, block after block and ascending in each; ``before`` how many of ``right`` precede each of ``left``.
    """

    half: int
    left: Indices
    right: Indices
    before: Indices

    def discordant(self, counts: Floats) -> Floats:
        """Drawn pairs of a greater element on the left and a smaller one on the right, per resample."""
        left = counts[self.left]
        running = np.zeros((len(self.right) + 1, counts.shape[1]))
        np.cumsum(counts[self.right], axis=0, out=running[1:])
        starts = np.arange(0, len(left), self.half)
        other_blocks = _dot(np.add.reduceat(left, starts, axis=0), running[starts])
        return _dot(left, running[self.before]) - other_blocks


def _merges(y: Floats) -> Iterator[_Merge]:
    place, half = np.arange(len(y)), 1
    while half < len(y):
        order = np.lexsort((y, place // (2 * half)))  # stable: of equal values the left ones come first
        is_right = order // half % 2 == 1
        yield _Merge(half, order[~is_right], order[is_right], np.cumsum(is_right)[~is_right])
        half *= 2


def _pearson(counts: Floats, x: Floats, y: Floats) -> Floats:
    """Pearson's r over the finite x; NaN for fewer than three drawn."""
    present = (counts > 0) & np.isfinite(x)[:, None]
    counts = np.where(present, counts, 0.0)
    total = counts.sum(axis=0)

    def deviations(values: Floats) -> Floats:
        # Scaled, 1e200 does not overflow, and equal values are exactly 1 or -1, with a mean free of rounding.
        magnitude = np.where(present, np.abs(values)[:, None], 0.0).max(axis=0)
        scaled = np.where(present, values[:, None] / magnitude, 0.0)
        return np.where(present, scaled - _dot(counts, scaled) / total, 0.0)

    dx, dy = deviations(x), deviations(y)
    r = _dot(counts * dx, dy) / np.sqrt(_dot(counts, dx**2)) / np.sqrt(_dot(counts, dy**2))
    return np.where(total >= 3, np.clip(r, -1.0, 1.0), np.nan)
