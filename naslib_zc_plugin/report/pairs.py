r"""Coefficients of pairs of values: of a sample and of its bootstrap resamples, and the influence of each pair.

A resample is a count per pair: the number of times that it was drawn. The order of the pairs, and which of them are
concordant, are the same in all resamples, so that sorting is done once and a resample only adds up counts: five times
as fast as a loop over scipy's functions for 1,000 pairs, half as fast again for 15,625.

The *influence* of a pair on a coefficient :math:`\theta(P)` of the distribution P of the pairs is its derivative by
that pair's weight, :math:`\psi_i = \partial\theta((1 - \epsilon)P + \epsilon\delta_i)/\partial\epsilon` at
:math:`\epsilon = 0`. Influences add up to 0, and the mean of their squares is n times the coefficient's variance
(Hampel, *The influence curve and its role in robust estimation*, JASA 1974). All n cost one sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Optional, Union

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

Scores = Union[Sequence[Optional[float]], Floats]
"""One per architecture; None, NaN and infinities are undefined."""

_CELLS = 2**17  # counts held at once: blocks that stay in the processor's cache are the fastest


def as_array(scores: Scores) -> Floats:
    """Return scores as float64, with NaN for every undefined one (None, NaN, infinite)."""
    if not isinstance(scores, np.ndarray):
        scores = np.asarray([np.nan if score is None else score for score in scores], dtype=np.float64)
    values = scores.astype(np.float64, copy=False)
    return np.where(np.isfinite(values), values, np.nan)


def finite_truth(truth: Sequence[float] | Floats, length: int) -> Floats:
    """Return accuracies as float64; raise ``ValueError`` unless ``length`` of them are given and all are finite."""
    accuracies = np.asarray(truth, dtype=np.float64)
    if accuracies.shape != (length,):
        raise ValueError(f"{length} scores and {len(accuracies)} accuracies: give one accuracy per score")
    bad = np.flatnonzero(~np.isfinite(accuracies))
    if len(bad):
        raise ValueError(f"truth[{bad[0]}] is {accuracies[bad[0]]}: leave out architectures without accuracy")
    return accuracies


def resampled(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield how often each of n pairs (or clusters) was drawn, shape (n, resamples of a block); first once each."""
    yield np.ones((n, 1))
    most = max(1, _CELLS // n)
    for done in range(0, resamples, most):
        rows = min(most, resamples - done)
        drawn = rng.integers(n, size=(rows, n)) * rows + np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * rows).reshape(n, rows).astype(np.float64)


@dataclass(frozen=True)
class Pairs:
    """Two variables, sorted once for all resamples: the order, by the first and then the second, and what it needs.

    Counts are those of the pairs in that order.
    """

    order: Indices
    x: Floats
    y: Floats
    groups: tuple[Groups, Groups, Groups]

    @classmethod
    def of(cls, x: Floats, y: Floats) -> Pairs:
        """Return the pairs of two variables, shape (n,); minus infinity ranks below all other values."""
        order = np.lexsort((y, x))
        x, y = x[order], y[order]
        both = np.cumsum(np.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1])))
        return cls(order, x, y, (Groups.of(x), Groups.of(y), Groups.of(both)))

    @cached_property
    def _splits(self) -> list[_Split]:
        return list(_splits(self.groups[1].order))

    def rho(self, counts: Floats) -> Floats:
        """Compute Spearman's rho of each resample, by average ranks; NaN where a variable is constant."""
        n = counts.sum(axis=0)  # whole clusters are of different sizes
        deviations, squares = [], []
        for groups in self.groups[:2]:
            sums = groups.sums(counts)
            # A group's average rank less the mean rank (n + 1) / 2: halves, so that the sums are exact.
            deviation = np.cumsum(sums, axis=0) - (sums + n) / 2
            squares.append(_dot(sums, deviation**2))
            deviations.append(deviation[groups.group])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.clip(_dot(counts * deviations[0], deviations[1]) / np.sqrt(squares[0] * squares[1]), -1, 1)

    def tau(self, counts: Floats) -> Floats:
        """Compute Kendall's tau-b of each resample; NaN where a variable is constant."""
        n = counts.sum(axis=0)
        tied_x, tied_y, tied = (_dot(sums, sums - 1) / 2 for sums in (each.sums(counts) for each in self.groups))
        discordant = sum((split.discordant(counts) for split in self._splits), np.zeros(len(n)))
        return _tau_b(n, tied_x, tied_y, tied, discordant)

    def pearson(self, counts: Floats) -> Floats:
        """Compute Pearson's r over the finite x of each resample; NaN for fewer than three drawn."""
        present = (counts > 0) & np.isfinite(self.x)[:, None]
        counts = np.where(present, counts, 0.0)
        total = counts.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            dx, dy = (_deviations(values, counts, present) for values in (self.x, self.y))
            r = _dot(counts * dx, dy) / np.sqrt(_dot(counts, dx**2)) / np.sqrt(_dot(counts, dy**2))
        return np.where(total >= 3, np.clip(r, -1.0, 1.0), np.nan)

    # Influences --------------------

    def rho_influences(self) -> Floats:
        r"""Compute the influence of each pair on Spearman's rho, in the order that they were given in: shape (n,).

        With mid-ranks :math:`a_i, b_i`, centred and divided by n, and :math:`\rho = C_{ab} / \sqrt{C_{aa} C_{bb}}` for
        :math:`C_{ab} = \sum_i a_i b_i / n`, a pair has a part in the product, and moves the ranks of all above it:

        .. math::
            \psi_i(C_{ab}) = a_i b_i - 3\,C_{ab} + \frac1n \sum_j [h(x_i, x_j)\,b_j + h(y_i, y_j)\,a_j]

        with h = 1 where the second value is larger, ½ where they are equal, else 0. NaN where a variable is constant.
        """
        n = len(self.order)
        ranks = []
        for groups in self.groups[:2]:
            sizes = groups.sizes
            ranks.append(((np.cumsum(sizes) - (sizes + n) / 2) / n)[groups.group])

        def product(p: int, q: int) -> tuple[float, Floats]:
            value = float(ranks[p] @ ranks[q]) / n
            moved = self.groups[p].above(ranks[q]) + self.groups[q].above(ranks[p])
            return value, ranks[p] * ranks[q] - 3 * value + moved / n

        return self._as_given(_ratio(product(0, 1), product(0, 0), product(1, 1)))

    def tau_influences(self) -> tuple[float, Floats]:
        r"""Compute Kendall's tau-b and the influence of each pair on it, in the order that they were given in.

        :math:`\tau_b = T / \sqrt{U_x U_y}`: means over all couples of pairs of :math:`\pm 1` (concordant, discordant, 0
        for ties), and of whether x (y) differ. With :math:`T_i` the mean over the couples of pair i,
        :math:`\psi_i(T) = 2 (T_i - T)`, and so for the others. Pair i is concordant with so many more than it is
        discordant with: all, less those tied in x or in y, less twice the discordant ones, :math:`O(n \log n)` for all.

        Returns:
            The coefficient and shape (n,); NaN where a variable is constant.
        """
        n = len(self.order)
        discordant = np.zeros(n)
        for split in _splits(self.groups[1].order):
            split.add_discordant(discordant)
        tied_x, tied_y, tied = (groups.sizes[groups.group] for groups in self.groups)  # itself included
        couples = [n - tied_x - tied_y + tied - 2 * discordant, n - tied_x, n - tied_y]
        rows = [each / (n - 1) for each in couples]
        means = [(float(row.mean()), 2 * (row - row.mean())) for row in rows]
        once = np.array([float(n)])
        of_x, of_y, of_both = (np.array([each.sizes @ (each.sizes - 1) / 2]) for each in self.groups)
        value = _tau_b(once, of_x, of_y, of_both, np.array([discordant.sum() / 2]))
        return float(value[0]), self._as_given(_ratio(*means))

    def pearson_influences(self) -> Floats:
        r"""Compute the influence of each pair on Pearson's r over the finite x, in the order that they were given in.

        With standardised values z, :math:`\psi_i = z_x z_y - r (z_x^2 + z_y^2) / 2`, times n over the number of finite
        x; 0 for the others. NaN for fewer than three, or where a variable is constant.
        """
        finite = np.isfinite(self.x)
        if (count := int(np.count_nonzero(finite))) < 3:
            return np.full(len(finite), np.nan)
        every = np.ones((count, 1))
        found = np.zeros(len(finite))
        with np.errstate(invalid="ignore", divide="ignore"):
            zx, zy = (_deviations(values[finite], every, every > 0)[:, 0] for values in (self.x, self.y))
            zx, zy = zx / np.sqrt(np.mean(zx**2)), zy / np.sqrt(np.mean(zy**2))
            found[finite] = (zx * zy - np.mean(zx * zy) * (zx**2 + zy**2) / 2) * (len(finite) / count)
        return self._as_given(found)

    def _as_given(self, values: Floats) -> Floats:
        found = np.empty_like(values)
        found[self.order] = values
        return found


def _ratio(product: tuple[float, Floats], first: tuple[float, Floats], second: tuple[float, Floats]) -> Floats:
    """Return the influences on p / √(s t), of the values and influences of p, s and t; NaN where s or t is 0."""
    (p, dp), (s, ds), (t, dt) = product, first, second
    if s <= 0 or t <= 0:
        return np.full(len(dp), np.nan)
    root = float(np.sqrt(s * t))
    found: Floats = dp / root - p / root * (ds / s + dt / t) / 2
    return found


def _tau_b(n: Floats, tied_x: Floats, tied_y: Floats, tied: Floats, discordant: Floats) -> Floats:
    """Compute Kendall's tau-b: couples that are not tied, less twice the discordant ones; NaN for a constant."""
    couples = n * (n - 1) / 2
    difference = couples - tied_x - tied_y + tied - 2 * discordant
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.clip(difference / np.sqrt((couples - tied_x) * (couples - tied_y)), -1, 1)
    return found


def _deviations(values: Floats, counts: Floats, present: npt.NDArray[np.bool_]) -> Floats:
    """Return the deviations of scaled values from their mean in each resample; 0 where they are not present.

    Scaled, 1e200 does not overflow, and equal values are exactly 1 or -1, with a mean free of rounding.
    """
    magnitude = np.where(present, np.abs(values)[:, None], 0.0).max(axis=0)
    scaled = np.where(present, values[:, None] / magnitude, 0.0)
    return np.where(present, scaled - _dot(counts, scaled) / counts.sum(axis=0), 0.0)


def _dot(a: Floats, b: Floats) -> Floats:
    """Return the sum of the products in each column."""
    return np.einsum("ij,ij->j", a, b)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Groups:
    """Groups of equal values: the order that sorts them, the start of each group in it, the group of each value."""

    order: Indices
    starts: Indices
    group: Indices

    @classmethod
    def of(cls, values: npt.NDArray[np.generic]) -> Groups:
        """Return the groups of values, shape (n,)."""
        order = np.argsort(values, kind="stable")
        ascending = values[order]
        is_first = np.append(True, ascending[1:] != ascending[:-1])
        group = np.empty(len(values), np.intp)
        group[order] = np.cumsum(is_first) - 1
        return cls(order, np.flatnonzero(is_first), group)

    @property
    def sizes(self) -> Floats:
        """The number of values in each group, ascending."""
        return np.diff(np.append(self.starts, len(self.order))).astype(np.float64)

    def sums(self, counts: Floats) -> Floats:
        """Return the counts of each group, ascending, shape (groups, resamples)."""
        return np.add.reduceat(counts[self.order], self.starts, axis=0)

    def above(self, numbers: Floats) -> Floats:
        """Return for each value the sum of the numbers of larger values, and half of those of equal ones: (n,)."""
        sums = self.sums(numbers)
        found: Floats = (sums.sum() - np.cumsum(sums) + sums / 2)[self.group]
        return found


@dataclass(frozen=True)
class _Split:
    """One level of a sort of y by halves, and the couples of pairs that it tells apart.

    Blocks of ``2 * half`` neighbours in the order of y, each in the order of x, are split into their halves. ``low``
    and ``high`` hold the elements of the halves, block after block; ``before`` how many of ``high`` precede each of
    ``low``.
    """

    half: int
    low: Indices
    high: Indices
    before: Indices

    def discordant(self, counts: Floats) -> Floats:
        """Count drawn couples of a smaller y that follows a greater one in the order of x, per resample."""
        low = counts[self.low]
        running = np.zeros((len(self.high) + 1, counts.shape[1]))
        np.cumsum(counts[self.high], axis=0, out=running[1:])
        starts = np.arange(0, len(low), self.half)
        other_blocks = _dot(np.add.reduceat(low, starts, axis=0), running[starts])
        return _dot(low, running[self.before]) - other_blocks

    def add_discordant(self, found: Floats) -> None:
        """Add to each element's number those with which it is discordant at this level: in place, shape (n,)."""
        found[self.low] += self.before - np.arange(len(self.low)) // self.half * self.half
        numbers = np.arange(len(self.high))
        preceding = np.searchsorted(self.before, numbers, "right")  # of low, in other blocks, too
        found[self.high] += (numbers // self.half + 1) * self.half - preceding


def _splits(order: Indices) -> Iterator[_Split]:
    """Yield the levels of a sort by y, from the whole on; ``order`` sorts by y what is in the order of x, stably."""
    n = len(order)
    rank = np.empty(n, np.intp)
    rank[order] = np.arange(n)
    place = np.arange(n)
    for level in reversed(range((n - 1).bit_length())):
        half = 1 << level
        is_high = (rank[place] >> level & 1).astype(bool)
        low, high = place[~is_high], place[is_high]
        yield _Split(half, low, high, np.cumsum(is_high)[~is_high])
        low_numbers, high_numbers = np.arange(len(low)), np.arange(len(high))
        # Ranks are 0 … n − 1, so that all blocks but the last are full, and each half starts at a multiple of it.
        place[low_numbers + low_numbers // half * half] = low
        place[high_numbers + (high_numbers // half + 1) * half] = high
