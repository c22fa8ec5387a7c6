"""How well scores find the best: agreement among the best, what the tops share, and the network that would be chosen.

What "the top 10 %" means differs between papers, and so do the numbers: the best by accuracy (epsilon's tables) are
not the best by score (Table VI of Lightweight NAS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .bootstrap import Floats
from .statistics import CONFIDENCE, Agreement, Scores, Undefined, agreement, as_array, finite_truth, oriented

SHARE = 0.1
_COUNT, _BEST = 64, 0.05  # of the number in Top-64/top-5%


@dataclass(frozen=True)
class Top:
    """Agreement among the best, and how many of the best by accuracy are among the best by score.

    Attributes:
        by_accuracy: among the architectures whose accuracy is above the percentile, 90 for the top 10 %.
        by_score: among the ⌊share · n⌋ with the best scores; of equal scores the earlier ones.
        overlap: "Top-10%/top-10%", in percent; None where no score is above its percentile.
        hits: "Top-64/top-5%"; None for 64 architectures or fewer.
    """

    by_accuracy: Agreement
    by_score: Agreement
    overlap: float | None
    hits: int | None


@dataclass(frozen=True)
class Selected:
    """The network with the best score; more than one where networks share it.

    Attributes:
        positions: where it is (they are) among the scores given.
        accuracy: mean accuracy of the networks that share the best score.
        low: lowest of them.
        high: highest of them.
        rank: that of ``high`` among all accuracies given, 1 the best; equal accuracies share the better rank.
        worst_rank: that of ``low``.
    """

    positions: tuple[int, ...]
    accuracy: float
    low: float
    high: float
    rank: int
    worst_rank: int


def top(
    scores: Scores,
    truth: Sequence[float] | Floats,
    *,
    share: float = SHARE,
    higher_is_better: bool = True,
    undefined: Undefined = "drop",
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Top:
    r"""The measures of the best, as epsilon's and Lightweight NAS' codes compute them.

    With scores s, accuracies a and linearly interpolated percentiles :math:`q`, all over the pairs that count:

    * by accuracy: the coefficients over :math:`\{a > q_{90}(a)\}`
    * by score: the coefficients over the first :math:`\lfloor n / 10 \rfloor` in descending order of s
    * overlap: :math:`100\,|\{a > q_{90}(a)\} \cap \{s > q_{90}(s)\}| \,/\, |\{s > q_{90}(s)\}|`
    * hits: :math:`|\{a > q_{95}(a)\} \cap \{s \ge s_{(64)}\}|` with the 64th largest score :math:`s_{(64)}`, so that
      ties with it count and there can be more than 64

    Intervals are over the architectures of a top, which is held fixed.

    Args:
        share: of the best, between 0 and 1; the 64 and 5 % of ``hits`` stay as they are.
        scores, truth, higher_is_better, undefined, resamples, seed, confidence: as for
            :func:`~.statistics.agreement`.

    Raises:
        ValueError: as there, and for a share out of range.
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share}: the best are a share between 0 and 1")
    values, accuracies = oriented(scores, truth, higher_is_better, undefined)
    best = accuracies > _quantile(accuracies, 1 - share)
    first = np.argsort(-values, kind="stable")[: math.floor(share * len(values))]
    by_accuracy, by_score = (
        agreement(
            values[chosen],
            accuracies[chosen],
            undefined=undefined,
            resamples=resamples,
            seed=seed,
            confidence=confidence,
        )
        for chosen in (best, first)
    )
    return Top(by_accuracy, by_score, _overlap(values, best, share), _hits(values, accuracies))


def selected(scores: Scores, truth: Sequence[float] | Floats, *, higher_is_better: bool = True) -> Selected | None:
    """The network that a search by score alone would end with, with every one that shares its score.

    Args:
        scores, truth, higher_is_better: as for :func:`~.statistics.agreement`.

    Returns:
        None where no score is defined.
    """
    values, accuracies = as_array(scores), finite_truth(truth, len(scores))
    if np.isnan(values).all():
        return None
    positions = np.flatnonzero(values == (np.nanmax(values) if higher_is_better else np.nanmin(values)))
    shared = accuracies[positions]
    low, high = float(shared.min()), float(shared.max())
    rank, worst = (1 + int(np.count_nonzero(accuracies > accuracy)) for accuracy in (high, low))
    return Selected(tuple(positions.tolist()), float(shared.mean()), low, high, rank, worst)


def _quantile(values: Floats, q: float) -> float:
    """Linearly interpolated; minus infinity next to a finite number stays what it is."""
    if not len(values):
        return math.nan
    with np.errstate(invalid="ignore"):
        found = float(np.quantile(values, q))
    return -math.inf if math.isnan(found) else found


def _overlap(values: Floats, best: npt.NDArray[np.bool_], share: float) -> float | None:
    chosen = values > _quantile(values, 1 - share)
    return 100 * int(np.count_nonzero(best & chosen)) / int(np.count_nonzero(chosen)) if chosen.any() else None


def _hits(values: Floats, accuracies: Floats) -> int | None:
    if len(values) <= _COUNT:
        return None
    best = accuracies > _quantile(accuracies, 1 - _BEST)
    return int(np.count_nonzero(best & (values >= np.sort(values)[-_COUNT])))
