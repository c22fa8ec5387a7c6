"""How well a proxy's scores agree with trained accuracies: coefficients with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .correlations import Floats, PairedSample

Undefined = Literal["drop", "worst"]

_CELLS = 2**18  # weights held at once: blocks that stay in the processor's cache are the fastest


@dataclass(frozen=True)
class Estimate:
    """A coefficient and its bootstrap percentile interval.

    ``value`` is None where the coefficient is undefined (fewer than three pairs, or constant scores or
    accuracies). ``low`` and ``high`` are None as well where no resample defines it, in particular without
    resamples.
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
    spearman: Estimate
    kendall: Estimate
    pearson: Estimate


def agreement(
    scores: Sequence[float | None],
    truth: Sequence[float],
    *,
    higher_is_better: bool = True,
    undefined: Undefined = "drop",
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Agreement:
    r"""Correlate scores with accuracies: Spearman's :math:`\rho`, Kendall's :math:`\tau_b` and Pearson's r.

    The percentile intervals are over architectures: pairs are drawn with replacement, for all coefficients
    jointly. A resample that does not define a coefficient, because all scores or all accuracies drawn are
    equal, is left out of its interval. Results do not depend on the order of the pairs. Time grows as
    resamples x n log n: 1,000 resamples of 1,000 pairs take about a fifth of a second and of 15,625 two
    to three seconds; ask for fewer ``resamples`` beyond that. With 0 there are no intervals.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined.
        truth: the accuracies, finite, higher better (negate a perplexity).
        higher_is_better: the proxy's direction; if False the scores are negated.
        undefined: "drop" leaves architectures with undefined scores out. "worst" ranks them below every
            defined score, tied among themselves, and counts them in ``n``; Pearson's r has no place for them
            and still drops them.
        resamples: number of bootstrap resamples.
        seed: of the resamples.
        confidence: of the intervals, between 0 and 1.

    Raises:
        ValueError: for lengths that differ, accuracies that are not finite, or options out of range.
    """
    values, accuracies = as_array(scores), finite_truth(truth, len(scores))
    if undefined not in ("drop", "worst"):
        raise ValueError(f"undefined={undefined!r}: choose 'drop' or 'worst'")
    if resamples < 0 or not 0 < confidence < 1:
        raise ValueError("resamples must be 0 or more, and confidence between 0 and 1")
    missing = np.isnan(values)
    values = np.where(missing, -np.inf, values if higher_is_better else -values)
    if undefined == "drop":
        values, accuracies = values[~missing], accuracies[~missing]
    order = np.lexsort((accuracies, values))
    coefficients = _coefficients(values[order], accuracies[order], resamples, np.random.default_rng(seed))
    spearman, kendall, pearson = (_estimate(row, confidence) for row in coefficients)
    return Agreement(len(values), int(missing.sum()), spearman, kendall, pearson)


def as_array(scores: Sequence[float | None]) -> Floats:
    """Scores as float64, with NaN for every undefined one (None, NaN, infinite)."""
    values = np.asarray([np.nan if score is None else score for score in scores], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def finite_truth(truth: Sequence[float], length: int) -> Floats:
    """Accuracies as float64.

    Raises:
        ValueError: unless there are ``length`` of them and all are finite.
    """
    accuracies = np.asarray(truth, dtype=np.float64)
    if accuracies.shape != (length,):
        raise ValueError(f"{length} scores and {len(accuracies)} accuracies: give one accuracy per score")
    if not np.isfinite(accuracies).all():
        first = int(np.argmin(np.isfinite(accuracies)))
        raise ValueError(f"truth[{first}] is {accuracies[first]}: leave out architectures without accuracy")
    return accuracies


def _coefficients(x: Floats, y: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Spearman, Kendall and Pearson, shape (3, 1 + resamples): of the sample itself, then of its resamples.

    x ascends, and its leading -inf are the undefined scores that Pearson's r leaves out.
    """
    first = int(np.searchsorted(x, -np.inf, side="right"))
    rows = np.full((3, 1 + resamples), np.nan)
    if len(x) < 3:
        return rows
    ranked = PairedSample(x, y)
    measured = PairedSample(x[first:], y[first:]) if len(x) - first >= 3 else None
    done = 0
    for weights in _weightings(len(x), resamples, rng):
        block = slice(done, done + len(weights))
        rows[0, block], rows[1, block] = ranked.spearman(weights), ranked.kendall(weights)
        if measured is not None:
            rows[2, block] = measured.pearson(weights[:, first:])
        done = block.stop
    return rows


def _weightings(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """The sample itself, every pair once; then the resamples, in blocks of bounded size."""
    yield np.ones((1, n))
    most = max(1, _CELLS // n)
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _estimate(coefficients: Floats, confidence: float) -> Estimate:
    value, drawn = coefficients[0], coefficients[1:]
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value):
        return Estimate(None, None, None)
    if not len(drawn):
        return Estimate(float(value), None, None)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(value), float(low), float(high))
