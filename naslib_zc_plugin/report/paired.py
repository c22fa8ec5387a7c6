r"""Many proxies compared with each other on the networks that they share: differences of coefficients, their errors.

Where each of M proxies is compared with each other one, a bootstrap for every pair would take hours. Here a network's
influence on a coefficient is computed once, and the error of any difference follows from the influences' differences:

.. math:: \operatorname{var}(\hat\theta_a - \hat\theta_b) \approx
    \frac{G}{G - 1} \sum_g \Big(\sum_{i \in g} (d_{a,i} - d_{b,i})\Big)^2,

where :math:`d_{a,i}` is the derivative of the coefficient by the weight of network i, and g runs over G classes of
identical networks, of which a search space holds many: they count as one observation. An interval is the difference ±
1.96 errors. For the shares of the best, which have no derivative, whole classes are drawn with replacement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.report.correlations import Floats, Indices, IntervalEstimate
from naslib_zc_plugin.report.pairs import Pairs

Z = 1.959963984540054
"""Half the width of a 95 % interval, in standard errors."""
_Related = tuple[float, Floats]
"""A coefficient, and its derivative by the weight of each network."""


@dataclass(frozen=True, eq=False)
class Compared:
    """Coefficients of M proxies on the networks that pairs of them share, all arrays of the shape (M, M).

    Attributes:
        values: of the row's proxy, on the networks that it and the column's define; NaN where there is none.
        errors: standard error of ``values - values.T``; on the diagonal that of the coefficient itself.
        n: the number of those networks.
    """

    values: Floats
    errors: Floats
    n: npt.NDArray[np.int64]

    @property
    def wins(self) -> npt.NDArray[np.int8]:
        """1 where the row's proxy is better than the column's, −1 where it is worse, 0 where that cannot be told."""
        difference = self.values - self.values.T
        with np.errstate(invalid="ignore"):
            told = np.abs(difference) > Z * self.errors
        return np.where(told, np.sign(difference), 0).astype(np.int8)


def compared(
    scores: Floats,
    truth: Floats,
    coefficient: str = "kendall",
    control: Floats | None = None,
    clusters: Indices | None = None,
) -> Compared:
    r"""Compare proxies by Spearman's :math:`\rho` or Kendall's :math:`\tau_b`, as they are or at an equal control.

    At an equal control z the coefficient is the partial one of
    :func:`~naslib_zc_plugin.report.correlations.partial_agreement`.

    Args:
        scores: shape (M, n), higher better, NaN where undefined.
        truth: the accuracies, shape (n,), finite.
        coefficient: "kendall" or "spearman".
        control: shape (n,), NaN where not known; None for none.
        clusters: number of the class of each network, shape (n,); None: each is a class of its own.

    >>> found = compared(np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, np.nan]]), np.array([1.0, 2.0, 3.0, 4.0]))
    >>> found.values.round(3).tolist(), found.n.tolist()
    ([[1.0, 1.0], [0.333, 0.333]], [[4, 3], [3, 3]])
    """
    defined = np.isfinite(scores) & (True if control is None else np.isfinite(control))
    patterns, pattern_of = np.unique(defined, axis=0, return_inverse=True)
    pattern_of = pattern_of.reshape(-1)
    _, member = np.unique(np.arange(len(truth)) if clusters is None else clusters, return_inverse=True)
    classes = int(member.max()) + 1
    found = np.full((len(scores), len(patterns)), np.nan)
    influence = np.zeros((len(scores), len(patterns), classes))
    for column, pattern in enumerate(patterns):
        for place, score in enumerate(scores):
            kept = np.flatnonzero(defined[place] & pattern)
            if len(kept) < 3:
                continue
            related = _related(coefficient, score[kept], truth[kept])
            if control is not None:
                z = control[kept]
                related = _at_equal(
                    related, _related(coefficient, score[kept], z), _related(coefficient, truth[kept], z)
                )
            found[place, column] = related[0]
            influence[place, column] = np.bincount(member[kept], np.nan_to_num(related[1]), classes)
    scale = classes / max(1, classes - 1)
    errors = np.empty((len(scores),) * 2)
    for place in range(len(scores)):
        apart = influence[place][pattern_of] - influence[:, pattern_of[place]]
        apart[place] = influence[place, pattern_of[place]]
        errors[place] = np.sqrt(scale * np.einsum("ij,ij->i", apart, apart))
    counts = defined.astype(np.int64)
    return Compared(found[:, pattern_of], errors, counts @ counts.T)


def _related(coefficient: str, x: Floats, y: Floats) -> tuple[float, Floats]:
    """Return a coefficient, and its derivative by the weight of each network: shape (n,)."""
    pairs = Pairs.of(x, y)
    if coefficient == "kendall":
        value, influences = pairs.tau_influences()
    else:
        value, influences = float(pairs.rho(np.ones((len(x), 1)))[0]), pairs.rho_influences()
    return value, influences / len(x)


def _at_equal(xy: _Related, xz: _Related, yz: _Related) -> _Related:
    """Return the coefficient of x and y at an equal z, and its derivative."""
    (value, moved), (rx, dx), (ry, dy) = xy, xz, yz
    free_x, free_y = (1 - r**2 if 1 - r**2 >= 1e-9 else math.nan for r in (rx, ry))
    root = math.sqrt(free_x * free_y)
    partial = (value - rx * ry) / root
    return partial, (moved - ry * dx - rx * dy) / root + partial * (rx * dx / free_x + ry * dy / free_y)


BEST = 0.1
"""Share of the networks that are the best."""


def shares_of_the_best(
    scores: Floats, truth: Floats, counts: Floats, share: float = BEST, gains: Floats | None = None
) -> Floats:
    r"""Return nDCG and the top's overlap of one proxy, in the sample and in resamples of it.

    With the first k = ⌈share · n⌉ networks in the order of the scores, gains g and the best order by accuracy:

    * nDCG: :math:`\sum_{r \le k} g_r / \log_2(1 + r)`, over that of the best order; the gain of a network is the share
      of the networks that are less accurate, of equal ones half
    * overlap: the share of the k networks that are among the k most accurate

    Networks of equal scores (or accuracies) share the places that they take.

    Args:
        scores: shape (n,), higher better, finite.
        truth: the accuracies, shape (n,).
        counts: how often each network was drawn, shape (n, resamples).
        share: of the best.
        gains: of the networks, shape (n,), unless they are those shares.

    Returns:
        Shape (2, resamples).

    >>> one = np.ones((10, 1))
    >>> found = shares_of_the_best(np.arange(10.0), np.array([0, 1, 2, 3, 4, 5, 6, 9, 8, 7.0]), one, share=0.2)
    >>> found.round(3).tolist()
    [[0.865], [0.5]]
    """
    if gains is None:
        below = np.sort(truth)
        gains = (np.searchsorted(below, truth, "left") + np.searchsorted(below, truth, "right")) / 2 / len(truth)
    total = counts.sum(axis=0)
    first = np.ceil(share * total)
    discounts = np.append(0, np.cumsum(1 / np.log2(2 + np.arange(int(total.max())))))
    (taken, discounted), (best, ideal) = (_taken(each, counts, first, discounts) for each in (scores, truth))
    with np.errstate(invalid="ignore", divide="ignore"):
        ndcg = gains @ (discounted * counts) / (gains @ (ideal * counts))
        return np.stack([ndcg, (taken * best * counts).sum(axis=0) / first])


def _taken(values: Floats, counts: Floats, first: Floats, discounts: Floats) -> tuple[Floats, Floats]:
    """Return for each network, of one draw of it, its share in the first places and its mean discount there."""
    _, group = np.unique(-values, return_inverse=True)
    group = group.reshape(-1)
    sums = np.zeros((int(group.max()) + 1, counts.shape[1]))
    np.add.at(sums, group, counts)
    ends = np.cumsum(sums, axis=0)
    low, high = (np.minimum(each, first) for each in (ends - sums, ends))
    per = np.maximum(sums, 1)
    taken, discounted = (high - low) / per, (discounts[high.astype(int)] - discounts[low.astype(int)]) / per
    return taken[group], discounted[group]


def drawn_counts(clusters: Indices, resamples: int, seed: int) -> Floats:
    """Return how often each network is drawn, (n, 1 + resamples): once each, then whole classes with replacement."""
    _, member = np.unique(clusters, return_inverse=True)
    member = member.reshape(-1)
    classes = int(member.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(classes, np.full(classes, 1 / classes), size=resamples)
    return np.concatenate([np.ones((len(member), 1)), drawn.T[member]], axis=1)


def rank_interval(wins: npt.NDArray[np.int8]) -> list[tuple[int, int]]:
    """Return the best and the worst rank of each proxy that its comparisons with the others allow, 1 the best."""
    number = len(wins)
    return [(1 + int((row < 0).sum()), number - int((row > 0).sum())) for row in wins]


COMPARED = 3000
"""Networks of a data set that proxies are compared on, where it has more."""
FEWEST = 10
"""Networks that a coefficient is compared on, at least."""
MEASURES = {"tau": "kendall", "rho": "spearman"}
SHARES = ("ndcg", "top")
_DRAWN = 200  # resamples of the shares of the best


def networks_compared(scores: Floats, most: int, seed: int) -> Indices:
    """Return the places of at most so many networks, those of the most scores first, others at random; ascending.

    Args:
        scores: shape (M, n), NaN where undefined.
        most: of the networks.
        seed: of what is drawn.
    """
    number = scores.shape[1]
    if number <= most:
        return np.arange(number)
    drawn = np.random.default_rng(seed).random(number)
    return np.sort(np.lexsort((drawn, -np.isfinite(scores).sum(axis=0)))[:most])


@dataclass(frozen=True)
class Neighbour:
    """Another score, by how much one's own agrees better than it on the networks that both define, and their number."""

    place: int
    difference: IntervalEstimate
    n: int


@dataclass(frozen=True, eq=False)
class Standings:
    """How M scores stand by each measure: "tau", "rho", at an equal control z "tau|z" and "rho|z"; "ndcg" and "top".

    Attributes:
        estimates: for each score by measure, with 95 % intervals.
        ranks: for each score by measure: rank, and the best and worst one that comparisons allow; only of those ranked.
        neighbours: for each score by measure, of those ranked: what is next to it in rank, better one first.
        among_best: for each score the measures in which it cannot be told from the best of those ranked.
        wins: by measure of tau and rho, of the ranked scores; see :attr:`Compared.wins`.
    """

    estimates: list[dict[str, IntervalEstimate]]
    ranks: list[dict[str, tuple[int, int, int]]]
    neighbours: list[dict[str, list[Neighbour]]]
    among_best: list[list[str]]
    wins: dict[str, npt.NDArray[np.int8]]


def standings(
    scores: Floats,
    truth: Floats,
    controls: Mapping[str, Floats],
    clusters: Indices,
    ranked: Sequence[int],
    seed: int = 0,
) -> Standings:
    """Compare scores by all measures.

    Args:
        scores: shape (M, n), higher better, NaN where undefined.
        truth: the accuracies, shape (n,).
        controls: by name, shape (n,), NaN where not known.
        clusters: number of the class of each network, shape (n,).
        ranked: places of the scores that are compared with each other.
        seed: of the resamples of the shares of the best.
    """
    made = Standings([{} for _ in scores], [{} for _ in scores], [{} for _ in scores], [[] for _ in scores], {})
    alone = [[place] for place in range(len(scores)) if place not in set(ranked)]
    for measure, coefficient in MEASURES.items():
        for name, control in {measure: None, **{f"{measure}|{each}": controls[each] for each in controls}}.items():
            for places in filter(None, [list(ranked), *alone]):
                pairs = compared(scores[places], truth, coefficient, control, clusters)
                for own, place in enumerate(places):
                    estimate = _estimate(float(pairs.values[own, own]), float(pairs.errors[own, own]))
                    made.estimates[place][name] = estimate
                if places == list(ranked):
                    _rank(made, name, pairs, places)
    _add_shares(made, scores, truth, clusters, ranked, seed)
    return made


def _rank(made: Standings, name: str, pairs: Compared, places: Sequence[int]) -> None:
    """Add the wins and ranks by one measure, and who cannot be told from the best."""
    told = np.where(pairs.n >= FEWEST, pairs.wins, 0).astype(np.int8)
    made.wins[name] = told
    values = np.where(np.diag(pairs.n) >= FEWEST, np.diag(pairs.values), np.nan)
    there = np.flatnonzero(np.isfinite(values)).tolist()
    if not there:
        return
    best = max(there, key=lambda own: float(values[own]))
    for own, (low, high) in zip(there, rank_interval(told[np.ix_(there, there)])):
        rank = 1 + int((values[there] > values[own]).sum())
        made.ranks[places[own]][name] = rank, min(low, rank), max(high, rank)
        if told[own, best] >= 0:
            made.among_best[places[own]].append(name)
    order = sorted(there, key=lambda own: -float(values[own]))
    for at, own in enumerate(order):
        beside = [order[each] for each in (at - 1, at + 1) if 0 <= each < len(order)]
        made.neighbours[places[own]][name] = [_neighbour(pairs, own, other, places[other]) for other in beside]


def _neighbour(pairs: Compared, own: int, other: int, place: int) -> Neighbour:
    apart, error = float(pairs.values[own, other] - pairs.values[other, own]), float(pairs.errors[own, other])
    if not math.isfinite(apart) or pairs.n[own, other] < FEWEST:
        return Neighbour(place, IntervalEstimate(None, None, None), int(pairs.n[own, other]))
    return Neighbour(place, IntervalEstimate(apart, apart - Z * error, apart + Z * error), int(pairs.n[own, other]))


def _add_shares(
    made: Standings, scores: Floats, truth: Floats, clusters: Indices, ranked: Sequence[int], seed: int
) -> None:
    """Add nDCG and the top's overlap of all scores, with intervals of drawn classes."""
    counts, defined = drawn_counts(clusters, _DRAWN, seed), np.isfinite(scores)

    def measured(place: int, kept: npt.NDArray[np.bool_]) -> Floats:
        return shares_of_the_best(scores[place][kept], truth[kept], counts[kept])

    first = np.full((len(SHARES), len(scores)), np.nan)
    for place, there in enumerate(defined):
        if there.sum() >= FEWEST:
            found = measured(place, there)
            first[:, place] = found[:, 0]
            for name, drawn in zip(SHARES, found):
                low, high = np.nanquantile(drawn[1:], [0.025, 0.975]).tolist()
                made.estimates[place][name] = IntervalEstimate(float(drawn[0]), low, high)
    for row, name in enumerate(SHARES):
        known = [place for place in ranked if np.isfinite(first[row, place])]
        best = max(known, key=lambda place: float(first[row, place]), default=-1)
        for place in known:
            rank = 1 + int((first[row, known] > first[row, place]).sum())
            made.ranks[place][name] = rank, rank, rank
            both = defined[place] & defined[best]
            apart = measured(best, both)[row] - measured(place, both)[row] if both.sum() >= FEWEST else None
            if place == best or apart is None or np.nanquantile(apart[1:], 0.025) <= 0:
                made.among_best[place].append(name)


def _estimate(value: float, error: float) -> IntervalEstimate:
    if not math.isfinite(value):
        return IntervalEstimate(None, None, None)
    return IntervalEstimate(value, max(-1.0, value - Z * error), min(1.0, value + Z * error))
