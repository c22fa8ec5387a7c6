"""Correlation coefficients of one weighted sample under many weightings at once.

A bootstrap resample of n pairs is a vector of n multiplicities. Sorting depends on the pairs alone, so it is
done once, and each coefficient is then read for all resamples together: Spearman and Pearson in O(n), Kendall
in O(n log n) per resample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]


def average_ranks(values: Floats) -> Floats:
    """Rank of each value in ascending order, from 1; equal values share the mean of their ranks."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(size) - (size - 1) / 2)[group]
    return ranks


class PairedSample:
    """Pairs (x, y) whose coefficients can be read under any weighting.

    Args:
        x, y: shape (n,), n >= 1, not NaN. -inf may stand for "below everything" in :meth:`spearman` and
            :meth:`kendall`.

    The methods take ``weights`` of shape (resamples, n): how often each pair occurs in each resample. They
    return shape (resamples,), NaN where a resample holds a single value of x or of y, for which no
    coefficient is defined.
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        self.x, self.y = x, y
        _, x_code = np.unique(x, return_inverse=True)
        _, y_code = np.unique(y, return_inverse=True)
        self._x_ties = _Ties.of(x_code)
        self._y_ties = _Ties.of(y_code)
        self._joint_ties = _Ties.of(x_code * len(x) + y_code)
        self._merges = _merge_plan(np.lexsort((y_code, x_code)), y_code)

    def pearson(self, weights: Floats) -> Floats:
        """Pearson's r. Values are scaled by their largest magnitude first, so that 1e200 does not overflow.

        Values over 160 decades below that count as equal: their squares vanish in float64.
        """
        x, y = (v / (np.abs(v).max() or 1.0) for v in (self.x, self.y))
        return self._unless_constant(_pearson(x, y, weights), weights)

    def spearman(self, weights: Floats) -> Floats:
        """Spearman's rho: Pearson's r of the average ranks within each resample."""
        x, y = self._x_ties.ranks(weights), self._y_ties.ranks(weights)
        return self._unless_constant(_pearson(x, y, weights), weights)

    def kendall(self, weights: Floats) -> Floats:
        """Kendall's tau-b, (C - D) / sqrt((P - T_x) (P - T_y)), by Knight's method (JASA 1966).

        Of the P pairs of a resample T_x are tied in x, T_y in y and T_xy in both, and a merge sort counts the
        D discordant ones; C - D is then P - T_x - T_y + T_xy - 2 D.
        """
        total = weights.sum(axis=1)
        pairs = total * (total - 1) / 2
        tied_x, tied_y = self._x_ties.tied_pairs(weights), self._y_ties.tied_pairs(weights)
        tied_both, discordant = self._joint_ties.tied_pairs(weights), self._discordant(weights)
        surplus = pairs - tied_x - tied_y + tied_both - 2 * discordant
        with np.errstate(invalid="ignore", divide="ignore"):
            tau = surplus / np.sqrt((pairs - tied_x) * (pairs - tied_y))
        return self._unless_constant(np.clip(tau, -1.0, 1.0), weights)

    def _discordant(self, weights: Floats) -> Floats:
        """Weighted number of pairs that x and y order differently."""
        count = np.zeros(len(weights))
        before = np.zeros((len(weights), len(self.x) + 1))
        for merge in self._merges:
            np.cumsum(weights.take(merge.left, axis=1), axis=1, out=before[:, 1 : len(merge.left) + 1])
            above = before.take(merge.block_end, axis=1) - before.take(merge.upto, axis=1)
            count += np.einsum("ij,ij->i", weights.take(merge.right, axis=1), above)
        return count

    def _unless_constant(self, coefficient: Floats, weights: Floats) -> Floats:
        constant = self._x_ties.constant(weights) | self._y_ties.constant(weights)
        return np.where(constant, np.nan, coefficient)


@dataclass(frozen=True)
class _Ties:
    """The groups of equal values: members by group, where each group starts, and the group of each pair."""

    members: Integers
    starts: Integers
    group: Integers

    @staticmethod
    def of(code: Integers) -> _Ties:
        _, group, size = np.unique(code, return_inverse=True, return_counts=True)
        return _Ties(np.argsort(code, kind="stable"), np.cumsum(size) - size, group)

    def sizes(self, weights: Floats) -> Floats:
        """Weight of each group in each resample, shape (resamples, groups)."""
        return np.add.reduceat(weights.take(self.members, axis=1), self.starts, axis=1)

    def tied_pairs(self, weights: Floats) -> Floats:
        sizes = self.sizes(weights)
        tied: Floats = (np.einsum("ij,ij->i", sizes, sizes) - weights.sum(axis=1)) / 2
        return tied

    def constant(self, weights: Floats) -> npt.NDArray[np.bool_]:
        one: npt.NDArray[np.bool_] = self.sizes(weights).max(axis=1) == weights.sum(axis=1)
        return one

    def ranks(self, weights: Floats) -> Floats:
        sizes = self.sizes(weights)
        ranks: Floats = (np.cumsum(sizes, axis=1) - (sizes - 1) / 2).take(self.group, axis=1)
        return ranks


@dataclass(frozen=True)
class _Merge:
    """One level of a merge sort by y: the lefts and rights of all blocks, each in ascending order.

    For every right, ``upto`` counts the lefts up to its place and ``block_end`` those up to the end of its
    block: the lefts in between are the ones with a greater y.
    """

    left: Integers
    right: Integers
    upto: Integers
    block_end: Integers


def _merge_plan(by_x: Integers, y: Integers) -> list[_Merge]:
    """The levels of a bottom-up merge sort by y of pairs in the order ``by_x``, where ties in x ascend in y.

    A stable sort puts equal y in order of position, hence lefts before rights, so that ties are never
    discordant.
    """
    by_y = np.argsort(y[by_x], kind="stable")
    merges = []
    for level in range((len(y) - 1).bit_length()):
        place = by_y[np.argsort(by_y >> (level + 1), kind="stable")]
        is_right = (place >> level) % 2 == 1
        block_end = ((place[is_right] >> (level + 1)) + 1) << level
        upto = np.cumsum(~is_right)[is_right]
        merges.append(_Merge(by_x[place[~is_right]], by_x[place[is_right]], upto, block_end))
    return merges


def _pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted Pearson's r of x and y, shape (n,) or (resamples, n), about the mean of each resample."""
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        dx, dy = (v - np.sum(weights * v, axis=1, keepdims=True) / total for v in (x, y))
        weighted = weights * dx
        covariance, variance_x = (np.einsum("ij,ij->i", weighted, d) for d in (dy, dx))
        variance_y = np.einsum("ij,ij,ij->i", weights, dy, dy)
        spread = np.sqrt(variance_x) * np.sqrt(variance_y)
        return np.where(spread > 0, np.clip(covariance / spread, -1.0, 1.0), np.nan)
