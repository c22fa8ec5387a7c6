"""Agreement of a proxy's scores with trained accuracies: correlations with bootstrap intervals, also at equal size.

A resample is a count per pair: the number of times that it was drawn. The order of the pairs, and which of them are
concordant, are the same in all resamples, so that sorting is done once and a resample only adds up counts: five times
as fast as a loop over scipy's functions for 1,000 pairs, half as fast again for 15,625.

One convention holds throughout the report: a score that is ``None``, NaN or infinite is *undefined*. It is counted and
shown, and never replaced by a number.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Optional, Union, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Scores = Union[Sequence[Optional[float]], Floats]
"""One per architecture; None, NaN and infinities are undefined."""
UndefinedRank = Literal["drop", "worst"]
"""Where undefined scores rank: they are left out, or rank below every defined one, tied among themselves."""

CONFIDENCE = 0.95
_SAME = 1e-12  # 1 − r² below which two orders are the same
_CELLS = 2**17  # counts held at once: blocks that stay in the processor's cache are the fastest


@dataclass(frozen=True)
class IntervalEstimate:
    """A coefficient and its bootstrap percentile interval.

    ``value`` is None for fewer than three pairs, constant scores or constant accuracies; ``low`` and ``high`` are then
    None, too, as they are where no resample defines the coefficient, in particular without resamples.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Agreement of scores with accuracies; + always means that the proxy prefers the better architectures.

    ``n`` counts the pairs used and ``undefined`` the scores that are None or not finite.
    """

    n: int
    undefined: int
    spearman: IntervalEstimate
    kendall: IntervalEstimate
    pearson: IntervalEstimate


def agreement(
    scores: Scores,
    truth: Sequence[float] | Floats,
    *,
    higher_is_better: bool = True,
    undefined: UndefinedRank = "drop",
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Agreement:
    r"""Correlate scores with accuracies: Spearman's :math:`\rho`, Kendall's :math:`\tau_b` and Pearson's r.

    The percentile intervals are over architectures: pairs are drawn with replacement, for all coefficients jointly.
    A resample that does not define a coefficient is left out of its interval. Results do not depend on the order of
    the pairs. 1,000 resamples of 1,000 pairs take about a fifth of a second and of 15,625 about three.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined.
        truth: the accuracies, finite, higher better (negate a perplexity).
        higher_is_better: the proxy's direction; if False the scores are negated.
        undefined: "drop" leaves architectures with undefined scores out. "worst" ranks them below every defined score,
            tied among themselves, and counts them in ``n``; Pearson's r still drops them.
        resamples: number of bootstrap resamples; 0 for no intervals.
        seed: of the resamples.
        confidence: of the intervals, between 0 and 1.

    Returns:
        The coefficients, and the counts of pairs and of undefined scores.

    Raises:
        ValueError: lengths differ, accuracies are not finite, or options are out of range.

    >>> found = agreement([1.0, 3.0, 2.0, None], [0.7, 0.9, 0.8, 0.6], resamples=0)
    >>> found.n, found.undefined, found.spearman.value
    (3, 1, 1.0)
    """
    if resamples < 0 or not 0 < confidence < 1:
        raise ValueError("resamples must be 0 or more, and confidence between 0 and 1")
    values, accuracies = compared_pairs(scores, truth, higher_is_better, undefined)
    missing = len(scores) - int(np.count_nonzero(np.isfinite(values)))
    found = coefficients(values, accuracies, resamples, np.random.default_rng(seed))
    spearman, kendall, pearson = (_estimate(row, confidence) for row in found)
    return Agreement(len(values), missing, spearman, kendall, pearson)


@dataclass(frozen=True)
class RankAgreement:
    """Rank correlations at equal controls, or their difference between two scores.

    ``n`` counts the architectures used, ``left_out`` those for which a score or a control is undefined.
    """

    n: int
    left_out: int
    spearman: IntervalEstimate
    kendall: IntervalEstimate


def partial_agreement(
    scores: Scores,
    truth: Sequence[float] | Floats,
    controls: Sequence[Scores] = (),
    *,
    higher_is_better: bool = True,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> RankAgreement:
    r"""Correlate the ranks of scores and accuracies at equal controls, such as the number of parameters.

    Spearman's :math:`\rho` and Kendall's :math:`\tau_b` between all variables are reduced by one control z after the
    other,

    .. math:: r_{ab \cdot z} = \frac{r_{ab} - r_{az} r_{bz}}{\sqrt{(1 - r_{az}^2)(1 - r_{bz}^2)}},

    which for :math:`\rho` is the correlation of what is left of the ranks after a linear regression on the controls'.
    A score that orders as a control does has none.

    Percentile intervals as in :func:`agreement`, but that whole clusters are drawn with replacement: networks of one
    family are alike, and count as one observation rather than as many.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined, and left out.
        truth: the accuracies, finite, higher better.
        controls: one value per architecture each; architectures without are left out.
        higher_is_better: the proxy's direction; if False the scores are negated.
        clusters: one label per architecture; None: each is a cluster of its own.
        resamples: number of bootstrap resamples; 0 for no intervals.
        seed: of the resamples.
        confidence: of the intervals, between 0 and 1.

    Returns:
        The coefficients, None where fewer than three more architectures than controls are left.

    Raises:
        ValueError: lengths differ, accuracies are not finite, or options are out of range.

    >>> size, truth = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]
    >>> found = partial_agreement([2.0, 6.0, 1.0, 5.0, 3.0, 4.0], truth, [size], resamples=0)
    >>> round(found.spearman.value, 3), round(found.kendall.value, 3)
    (0.906, 0.419)
    """
    drawn, counts = _related([scores], truth, controls, clusters, resamples, seed, confidence)
    sign = 1 if higher_is_better else -1
    return RankAgreement(*counts, *(_estimate(sign * each[0], confidence) for each in drawn))


def paired_difference(
    scores: Scores,
    others: Scores,
    truth: Sequence[float] | Floats,
    controls: Sequence[Scores] = (),
    *,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> RankAgreement:
    """Return by how much scores agree better with accuracies than other scores do, on the networks that both define.

    Both are compared in the same resamples, so the interval is of the difference: much narrower than the two intervals
    suggest where both scores err on the same networks. "Better" is an interval above zero.

    Args:
        scores: one per architecture, higher better (negate those of a proxy whose lower values are).
        others: the same of the other proxy.
        truth: as for :func:`partial_agreement`, as are the arguments that follow.
        controls: see there.
        clusters: see there.
        resamples: see there.
        seed: see there.
        confidence: see there.

    Returns:
        The differences of the coefficients, of ``scores`` less those of ``others``.

    Raises:
        ValueError: as for :func:`partial_agreement`.

    >>> found = paired_difference([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], resamples=0)
    >>> found.n, round(found.kendall.value, 3)
    (4, 0.333)
    """
    drawn, counts = _related([scores, others], truth, controls, clusters, resamples, seed, confidence)
    return RankAgreement(*counts, *(_estimate(each[0] - each[1], confidence) for each in drawn))


def _related(
    scores: Sequence[Scores],
    truth: Sequence[float] | Floats,
    controls: Sequence[Scores],
    clusters: Sequence[Hashable] | None,
    resamples: int,
    seed: int,
    confidence: float,
) -> tuple[list[list[Floats]], tuple[int, int]]:
    """Return rho and tau of each score with the truth at equal controls, of the sample and of its resamples.

    The second value counts the architectures used, and those that are left out.
    """
    if resamples < 0 or not 0 < confidence < 1:
        raise ValueError("resamples must be 0 or more, and confidence between 0 and 1")
    accuracies = finite_truth(truth, len(scores[0]))
    given = [as_array(each) for each in (*scores, *controls)]
    if any(len(each) != len(accuracies) for each in given):
        raise ValueError("give one score, one accuracy and one value of each control per architecture")
    labels = range(len(accuracies)) if clusters is None else clusters
    if len(labels) != len(accuracies):
        raise ValueError(f"{len(labels)} clusters and {len(accuracies)} accuracies: give one label per architecture")
    rows = np.stack([*given[: len(scores)], accuracies, *given[len(scores) :]])
    kept = np.flatnonzero(np.isfinite(rows).all(axis=0))
    rows, n, left_out = rows[:, kept], len(kept), len(accuracies) - len(kept)
    order = np.lexsort(rows)
    numbers: dict[Hashable, int] = {}
    member = np.array([numbers.setdefault(labels[i], len(numbers)) for i in kept[order].tolist()], dtype=np.intp)
    if n < 3 + len(controls):
        return [[np.full(1 + resamples, np.nan)] * len(scores)] * 2, (n, left_out)
    tables = _matrices(rows[:, order], member, resamples, np.random.default_rng(seed))
    for _ in controls:
        tables = _without_last(tables)
    return [[table[place, len(scores)] for place in range(len(scores))] for table in tables], (n, left_out)


def _matrices(rows: Floats, member: Indices, resamples: int, rng: np.random.Generator) -> Floats:
    """Return rho and tau between all rows, shape (2, rows, rows, 1 + resamples); whole clusters are drawn."""
    size, clusters = len(rows), int(member.max()) + 1
    pairs = [(a, b, _Pair.of(rows[a], rows[b])) for b in range(size) for a in range(b)]
    blocks = []
    for drawn in _draws(clusters, resamples, rng):
        counts = drawn[member]
        block = np.ones((2, size, size, counts.shape[1]))
        for a, b, pair in pairs:
            block[:, a, b] = block[:, b, a] = pair.rho(counts[pair.order]), pair.tau(counts[pair.order])
        blocks.append(block)
    return np.concatenate(blocks, axis=-1)


def _without_last(tables: Floats) -> Floats:
    """Return the coefficients between all variables but the last, at an equal last one."""
    rest, last = tables[:, :-1, :-1], tables[:, :-1, -1]
    free = 1 - last**2
    free = np.where(free < _SAME, np.nan, free)  # orders as the control does
    found = (rest - last[:, :, None] * last[:, None]) / np.sqrt(free[:, :, None] * free[:, None])
    return np.clip(found, -1, 1)


def compared_pairs(
    scores: Scores, truth: Sequence[float] | Floats, higher_is_better: bool, undefined: UndefinedRank
) -> tuple[Floats, Floats]:
    r"""Return the pairs that count, with scores that are higher where better.

    Args:
        scores: one per architecture.
        truth: the accuracies, finite.
        higher_is_better: the proxy's direction.
        undefined: as for :func:`agreement`.

    Returns:
        Scores (undefined ones are left out, or :math:`-\infty` if they rank worst) and their accuracies.

    Raises:
        ValueError: lengths differ, accuracies are not finite, or ``undefined`` is unknown.
    """
    if undefined not in get_args(UndefinedRank):
        raise ValueError(f"undefined={undefined!r}: choose 'drop' or 'worst'")
    values, accuracies = as_array(scores), finite_truth(truth, len(scores))
    missing = np.isnan(values)
    values = np.where(missing, -np.inf, values if higher_is_better else -values)
    return (values[~missing], accuracies[~missing]) if undefined == "drop" else (values, accuracies)


def as_array(scores: Scores) -> Floats:
    """Return scores as float64, with NaN for every undefined one (None, NaN, infinite)."""
    values = np.asarray([np.nan if score is None else score for score in scores], dtype=np.float64)
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


def _estimate(coefficients: Floats, confidence: float) -> IntervalEstimate:
    """Return a coefficient (the first) with the percentile interval of its resamples (the others)."""
    if np.isnan(coefficients[0]):
        return IntervalEstimate(None, None, None)
    value, *drawn = coefficients[~np.isnan(coefficients)].tolist()
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist() if drawn else (None, None)
    return IntervalEstimate(value, low, high)


def coefficients(x: Floats, y: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    r"""Compute Spearman's :math:`\rho`, Kendall's :math:`\tau_b` and Pearson's r of a sample and of its resamples.

    Args:
        x: values, shape (n,); :math:`-\infty` ranks below all others and has no part in Pearson's r.
        y: values, shape (n,), finite.
        resamples: number of times that n pairs are drawn with replacement, from the pairs in the order of x, then y.
        rng: draws them.

    Returns:
        Shape (3, 1 + resamples); NaN for fewer than three pairs, or where x or y is constant.
    """
    if (n := len(x)) < 3:
        return np.full((3, 1 + resamples), np.nan)
    pair = _Pair.of(x, y)
    x, y = x[pair.order], y[pair.order]
    found = []
    for counts in _draws(n, resamples, rng):
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            found.append([pair.rho(counts), pair.tau(counts), _pearson(counts, x, y)])
    return np.concatenate(found, axis=1)


@dataclass(frozen=True)
class _Pair:
    """Two variables, sorted once for all resamples: the order, by the first and then the second, and what it needs.

    Counts are those of the pairs in that order.
    """

    order: Indices
    groups: tuple[_Groups, _Groups, _Groups]
    merges: list[_Merge]

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Pair:
        """Return the pair of two variables, shape (n,)."""
        order = np.lexsort((y, x))
        x, y = x[order], y[order]
        both = np.cumsum(np.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1])))
        return cls(order, (_Groups.of(x), _Groups.of(y), _Groups.of(both)), list(_merges(y)))

    def rho(self, counts: Floats) -> Floats:
        """Compute Spearman's rho of each resample; NaN where a variable is constant."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return _spearman(counts, *self.groups[:2])

    def tau(self, counts: Floats) -> Floats:
        """Compute Kendall's tau-b of each resample; NaN where a variable is constant."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return _kendall(counts, *self.groups, self.merges)


def _draws(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield how often each of n pairs (or clusters) was drawn, shape (n, resamples of a block); first once each."""
    yield np.ones((n, 1))
    most = max(1, _CELLS // n)
    for done in range(0, resamples, most):
        rows = min(most, resamples - done)
        drawn = rng.integers(n, size=(rows, n)) * rows + np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * rows).reshape(n, rows).astype(np.float64)


@dataclass(frozen=True)
class _Groups:
    """Groups of equal values: the order that sorts them, the start of each group in it, the group of each value."""

    order: Indices
    starts: Indices
    group: Indices

    @classmethod
    def of(cls, values: npt.NDArray[np.generic]) -> _Groups:
        """Return the groups of values, shape (n,)."""
        distinct, group = np.unique(values, return_inverse=True)
        order = np.argsort(group, kind="stable")
        return cls(order, np.searchsorted(group[order], np.arange(len(distinct))), group)

    def sums(self, counts: Floats) -> Floats:
        """Return the counts of each group, ascending, shape (groups, resamples)."""
        return np.add.reduceat(counts[self.order], self.starts, axis=0)


def _dot(a: Floats, b: Floats) -> Floats:
    """Return the sum of the products in each column."""
    return np.einsum("ij,ij->j", a, b)  # type: ignore[no-any-return]


def _spearman(counts: Floats, x: _Groups, y: _Groups) -> Floats:
    """Compute Spearman's rho of each resample, by average ranks."""
    n = counts.sum(axis=0)  # whole clusters are of different sizes
    deviations, squares = [], []
    for groups in (x, y):
        sums = groups.sums(counts)
        # A group's average rank less the mean rank (n + 1) / 2: halves, so that the sums are exact.
        deviation = np.cumsum(sums, axis=0) - (sums + n) / 2
        squares.append(_dot(sums, deviation**2))
        deviations.append(deviation[groups.group])
    return np.clip(_dot(counts * deviations[0], deviations[1]) / np.sqrt(squares[0] * squares[1]), -1, 1)


def _kendall(counts: Floats, x: _Groups, y: _Groups, both: _Groups, merges: list[_Merge]) -> Floats:
    """Compute Kendall's tau-b of each resample: pairs that are not tied, less twice the discordant ones."""
    n = counts.sum(axis=0)
    pairs = n * (n - 1) / 2
    tied_x, tied_y, tied = (_dot(sums, sums - 1) / 2 for sums in (groups.sums(counts) for groups in (x, y, both)))
    difference = pairs - tied_x - tied_y + tied - 2 * sum(merge.discordant(counts) for merge in merges)
    found: Floats = np.clip(difference / np.sqrt((pairs - tied_x) * (pairs - tied_y)), -1, 1)
    return found


@dataclass(frozen=True)
class _Merge:
    """One level of a merge sort by y, and the pairs that it brings into order.

    Blocks of ``2 * half`` neighbours are merged from two halves. ``left`` and ``right`` hold the elements of the
    halves, block after block and ascending in each; ``before`` how many of ``right`` precede each of ``left``.
    """

    half: int
    left: Indices
    right: Indices
    before: Indices

    def discordant(self, counts: Floats) -> Floats:
        """Count drawn pairs of a greater element on the left and a smaller one on the right, per resample."""
        left = counts[self.left]
        running = np.zeros((len(self.right) + 1, counts.shape[1]))
        np.cumsum(counts[self.right], axis=0, out=running[1:])
        starts = np.arange(0, len(left), self.half)
        other_blocks = _dot(np.add.reduceat(left, starts, axis=0), running[starts])
        return _dot(left, running[self.before]) - other_blocks


def _merges(y: Floats) -> Iterator[_Merge]:
    """Yield the levels of a merge sort by y, shape (n,), from blocks of two on."""
    place, half = np.arange(len(y)), 1
    while half < len(y):
        order = np.lexsort((y, place // (2 * half)))  # stable: of equal values the left ones come first
        is_right = order // half % 2 == 1
        yield _Merge(half, order[~is_right], order[is_right], np.cumsum(is_right)[~is_right])
        half *= 2


def _pearson(counts: Floats, x: Floats, y: Floats) -> Floats:
    """Compute Pearson's r over the finite x; NaN for fewer than three drawn."""
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
