"""The numbers of a printed row, with intervals: coefficients, measures of the best, selected networks, searches.

Intervals are of 95 %. Those of coefficients are bootstrap percentiles over architectures, those of shares
Clopper and Pearson's. A mean of thirty searches is compared with the range that such a mean has, for the printed one is
no less random than ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Callable

import numpy as np

from naslib_zc_plugin.report.correlations import Agreement, IntervalEstimate, UndefinedRank, agreement
from naslib_zc_plugin.report.selection import selected, top
from naslib_zc_plugin.reproduce.printed import NOT_RUN, NOT_TO_BE_HAD, UNDEFINED, OurNumber
from naslib_zc_plugin.reproduce.sources import Floats, Scored
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import strategy

COEFFICIENTS = {"tau": "kendall", "rho": "spearman", "r": "pearson"}
_HITS, _BEST = 64, 0.05
_FEWEST = 4  # networks among the best by score, below which Top-64/top-5 % is not compared
_DEFINED = 10  # networks, with fewer of which a coefficient is not compared
_RUNS, _EVALUATIONS = 30, 1000  # of the printed searches
_WHOLE = 0.98  # share of a space's scores from which on its best network is known

_BOUNDS = {
    **dict.fromkeys((*COEFFICIENTS, "tau_top", "rho_top", "rho_best"), (-1.0, 1.0)),
    "overlap": (0.0, 100.0), "hits": (0.0, float(_HITS)), "kept": (0.0, np.inf), "selected": (0.0, 100.0),
}  # fmt: skip

Numbers = dict[str, OurNumber]


def estimates(
    scored: Scored, wanted: Sequence[str], options: Mapping[str, str], resamples: int = 1000, seed: int = 0
) -> Numbers:
    """OurNumber the measures of a printed row, but for those of searches.

    Args:
        scored: scores and accuracies.
        wanted: names of measures.
        options: of the row: ``minus`` turns the sign of coefficients, ``absolute`` takes it away, ``worst`` ranks
            undefined scores last, ``of`` is how many architectures the paper took, ``sample`` says that these are a
            sample of its own, ``space`` that its Top-64 is not to be had from a sample.
        resamples: of the intervals.
        seed: of the resamples.

    Returns:
        An estimate for each measure wanted that is one of these.
    """
    made: dict[str, Callable[[], OurNumber]] = {}
    undefined: UndefinedRank = "worst" if "worst" in options else "drop"
    agree = partial(agreement, undefined=undefined, resamples=resamples, seed=seed)
    if set(wanted) & set(COEFFICIENTS):
        whole = agree(scored.values, scored.truth)
        made.update({name: partial(_coefficient, whole, name, options) for name in COEFFICIENTS})
    if set(wanted) & {"tau_top", "rho_top", "rho_best"}:
        best = top(scored.values, scored.truth, undefined=undefined, resamples=resamples, seed=seed)
        for name, among in (("tau_top", best.by_accuracy), ("rho_top", best.by_accuracy), ("rho_best", best.by_score)):
            made[name] = partial(_coefficient, among, name.partition("_")[0], options)
    made["overlap"] = partial(_overlap, scored)
    made["hits"] = partial(_hits, scored, options)
    made["kept"] = partial(_kept, scored, options)
    made["selected"] = partial(_selected, scored, options)
    found = {name: made[name]() for name in wanted if name in made}
    if "sample" in options:
        theirs = int(options["of"])
        return {name: of_difference(ours, scored.drawn, theirs, _BOUNDS[name]) for name, ours in found.items()}
    return found


def of_difference(ours: OurNumber, drawn: int, theirs: int, bounds: tuple[float, float]) -> OurNumber:
    """Return a number of a sample with the interval in which that of another sample of the same population lies.

    The variances of both samples add up: an interval of n architectures is √(1 + n / n') times as wide, for n' in the
    other one. A population has none of its own, and its number is compared with the interval as it is.

    >>> found = of_difference(OurNumber(0.5, 0.4, 0.56, 100), 100, 300, (-1, 1))
    >>> round(found.low, 3), round(found.high, 3)
    (0.385, 0.569)
    """
    if ours.value is None or ours.low is None or ours.high is None:
        return ours
    wider = float(np.sqrt(1 + drawn / theirs))
    low, high = (ours.value + wider * (bound - ours.value) for bound in (ours.low, ours.high))
    return replace(ours, low=max(low, bounds[0]), high=min(high, bounds[1]), theirs=theirs)


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a share.

    >>> tuple(round(bound, 3) for bound in share_interval(3, 10))
    (0.067, 0.652)
    """
    from scipy.stats import beta

    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(0.975, hits + 1, n - hits))
    return low, high


def _coefficient(found: Agreement, name: str, options: Mapping[str, str]) -> OurNumber:
    estimate: IntervalEstimate = getattr(found, COEFFICIENTS[name])
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        reason = f"{found.n:,} of {found.n + found.undefined:,} networks have a score: no coefficient, or no interval"
        return OurNumber(None, n=found.n, reason=reason, verdict=NOT_RUN if found.n < _DEFINED else UNDEFINED)
    if found.n < _DEFINED:
        return OurNumber(None, n=found.n, reason=f"{found.n} networks are too few for an interval")
    if "minus" in options or ("absolute" in options and value < 0):
        value, low, high = -value, -high, -low
    return OurNumber(value, low, high, found.n)


def _overlap(scored: Scored) -> OurNumber:
    made = np.isfinite(scored.values)
    values, truth = scored.values[made], scored.truth[made]
    if len(values) < 10 * _FEWEST:
        return OurNumber(None, n=len(values), reason=f"the top 10 % of {len(values):,} networks are too few")
    best, high = (column > np.quantile(column, 0.9) for column in (truth, values))
    both, n = int(np.count_nonzero(best & high)), int(np.count_nonzero(high))
    if n == 0:
        return OurNumber(None, reason="the best scores are all equal", verdict=UNDEFINED)
    low, high_ = share_interval(both, n)
    return OurNumber(100 * both / n, 100 * low, 100 * high_, n)


def _hits(scored: Scored, options: Mapping[str, str]) -> OurNumber:
    """Count the best 5 % among the 64 best by score; of fewer architectures, among as large a share of them."""
    made = np.isfinite(scored.values)
    values, truth = scored.values[made], scored.truth[made]
    theirs = int(options.get("of", scored.drawn))
    is_whole = scored.drawn >= _WHOLE * theirs
    number = _HITS if is_whole else round(_HITS * scored.drawn / theirs)
    if number < _FEWEST or len(values) <= number:
        reason = f"64 networks of the paper's {theirs:,} are {number} of ours: too few"
        return OurNumber(None, n=len(values), reason=reason, verdict=NOT_TO_BE_HAD if "space" in options else NOT_RUN)
    best = truth > np.quantile(truth, 1 - _BEST)
    found = int(np.count_nonzero(best & (values >= np.sort(values)[-number])))
    low, high = share_interval(min(found, number), number)
    return OurNumber(_HITS * found / number, _HITS * low, _HITS * high, number)


def _kept(scored: Scored, options: Mapping[str, str]) -> OurNumber:
    made, n = int(np.count_nonzero(np.isfinite(scored.values))), scored.drawn
    theirs = int(options.get("of", n))
    if n >= theirs and "sample" not in options:
        return OurNumber(made, made, made, n)
    low, high = share_interval(made, n)
    return OurNumber(theirs * made / n, theirs * low, theirs * high, n)


def _selected(scored: Scored, options: Mapping[str, str]) -> OurNumber:
    """Return the accuracy of the best network of a space, of which a few do where one's score cannot be better."""
    found, size = selected(scored.values, scored.truth), space(scored.space).size or 0
    if found is None:
        return OurNumber(None, reason="no score is defined", verdict=UNDEFINED)
    best_possible = "bound" in options and abs(float(np.nanmax(scored.values))) == float(options["bound"])
    if len(scored.keys) < _WHOLE * size and not best_possible:
        reason = f"{found.accuracy:.2f} is the best of {len(scored.keys):,}: the best of {size:,} needs all scores"
        return OurNumber(None, n=len(scored.keys), reason=reason)
    same = f"{len(found.positions)} networks share the best score" if found.positions[1:] else ""
    if scored.noise:
        low, high = np.quantile(best_redrawn(scored.values, scored.truth, scored.noise), [0.025, 0.975]).tolist()
        return OurNumber(found.accuracy, min(low, found.accuracy), max(high, found.accuracy), len(scored.keys), same)
    return OurNumber(found.accuracy, found.low, found.high, len(scored.keys), same)


def redrawn(scores: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """Return scores of another draw of weights and batch: with normal noise, a share of each; undefined ones last."""
    values: Floats = scores * (1 + noise * rng.standard_normal(len(scores)))
    return np.where(np.isfinite(values), values, -np.inf)


def best_redrawn(scores: Floats, accuracies: Floats, noise: float, draws: int = 1000, seed: int = 0) -> Floats:
    """Return the accuracies of the networks that other draws of the scores would select.

    >>> best_redrawn(np.array([1.0, 9.0]), np.array([70.0, 90.0]), noise=0.01, draws=2)
    array([90., 90.])
    """
    rng = np.random.default_rng(seed)
    return np.array([accuracies[int(np.argmax(redrawn(scores, noise, rng)))] for _ in range(draws)])


# Searches --------------------


def search_estimates(
    kind: str,
    scores: Mapping[str, float],
    reported: Mapping[str, Mapping[str, float]],
    runs: int = 60,
    seed: int = 0,
    noise: float = 0.0,
) -> Numbers:
    """OurNumber mean and deviation of thirty searches by a score, as Lightweight NAS runs them.

    Random search follows from the ranks: of 1,000 networks that are drawn, that of rank r wins if it is drawn and the
    r - 1 better ones are not. Evolution is run ``runs`` times, 1,019 evaluations each.

    Args:
        kind: ``random_search`` or ``aging_evolution``.
        scores: by architecture, higher better, NaN where undefined; those of the whole space.
        reported: accuracies by architecture, by the name of the measure (``validation``, ``test``).
        runs: of evolution.
        seed: of evolution, and of the draws of thirty.
        noise: of the scores, from draw to draw of weights and batch: the thirty searches of a paper read one table
            of scores, which is another than ours (half of the draws are from ours, for it has such noise already). An
            evolution finds the best network of its table.

    Returns:
        For each name of ``reported`` the mean, and ``<name>_sd``, each with the 95 % range of thirty searches.
    """
    if kind == "random_search":
        keys, chance = _winners(scores, _EVALUATIONS)
    else:
        keys = [_evolved(scores, _EVALUATIONS + 19, seed + run) for run in range(runs)]
        chance = np.full(len(keys), 1 / len(keys))
    rng = np.random.default_rng(seed)
    draws = rng.choice(len(keys), size=(2000, _RUNS), p=chance)
    orders = [np.arange(len(keys))]
    if noise and kind == "random_search":
        every = np.array([scores[key] for key in keys])
        orders = [*orders * 100, *(np.argsort(-redrawn(every, noise, rng), kind="stable") for _ in range(100))]
    found: Numbers = {}
    for name, accuracies in reported.items():
        values = np.array([accuracies[key] for key in keys])
        mean = float(chance @ values)
        deviation = float(np.sqrt(chance @ (values - mean) ** 2))
        taken = np.concatenate([values[order][part] for order, part in zip(orders, np.array_split(draws, len(orders)))])
        for label, value, of_draws in ((name, mean, taken.mean(axis=1)), (f"{name}_sd", deviation, taken.std(axis=1))):
            low, high = np.quantile(of_draws, [0.025, 0.975]).tolist()
            found[label] = OurNumber(value, low, high, _RUNS)
        if noise and kind != "random_search":
            every, all_accuracies = (np.array([each[key] for key in scores]) for each in (scores, accuracies))
            low, high = np.quantile(best_redrawn(every, all_accuracies, noise), [0.025, 0.975]).tolist()
            ours = found[name]
            assert ours.low is not None and ours.high is not None
            found[name] = replace(ours, low=min(low, ours.low), high=max(high, ours.high))
    return found


def _winners(scores: Mapping[str, float], number: int) -> tuple[list[str], Floats]:
    """Return networks, the best-scored first, and for each the chance that it is the best of those drawn."""
    keys = sorted((key for key, value in scores.items() if value == value), key=lambda key: -scores[key])
    drawn = np.minimum(1, number / (len(scores) - np.arange(len(keys))))
    chance = drawn * np.cumprod([1.0, *(1 - drawn[:-1])])
    return keys, chance / chance.sum()


def _evolved(scores: Mapping[str, float], evaluations: int, seed: int) -> str:
    """Return the network of the best score that an evolution finds, the first of equal ones."""
    searching = strategy("aging_evolution", space("nasbench201"), preset="lightweight_nas", seed=seed)
    best, fittest = "", -np.inf
    for _ in range(evaluations):
        key = searching.ask()
        score = scores.get(key, np.nan)
        searching.tell(key, score if score == score else None)
        if score > fittest:
            best, fittest = key, score
    return best
