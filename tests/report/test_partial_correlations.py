"""Rank correlations at equal size, and paired differences: against residuals of regressions and written loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from naslib_zc_plugin.report import correlations
from naslib_zc_plugin.report.correlations import agreement, paired_difference, partial_agreement

RNG = np.random.default_rng(5)
SIZE = RNG.normal(size=60).round(1)
FLOPS = (SIZE + RNG.normal(size=60)).round(1)
TRUTH = (SIZE + RNG.normal(size=60)).round(1)
SCORE = (TRUTH + SIZE + RNG.normal(size=60)).round(1)
OTHER = (TRUTH + 2 * RNG.normal(size=60)).round(1)
FAMILY = RNG.integers(0, 12, 60).tolist()


def _residuals(values: Any, controls: list[Any]) -> Any:
    """What a linear regression of the ranks on the controls' ranks leaves."""
    design = np.stack([np.ones(len(values)), *map(stats.rankdata, controls)], axis=1)
    ranks = stats.rankdata(values)
    return ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]


def _tau(x: Any, y: Any) -> float:
    return float(stats.kendalltau(x, y).statistic)


@pytest.mark.parametrize("controls", [[], [SIZE], [SIZE, FLOPS]])
def test_rho_is_the_correlation_of_the_residuals_of_ranks(controls: list[Any]) -> None:
    found = partial_agreement(SCORE, TRUTH, controls, resamples=0)
    expected = np.corrcoef(_residuals(SCORE, controls), _residuals(TRUTH, controls))[0, 1]
    assert found.spearman.value == pytest.approx(expected, abs=1e-10)
    assert (found.n, found.left_out) == (60, 0)


def test_tau_is_that_of_kendalls_formula_and_of_the_inverse_matrix() -> None:
    xy, xz, yz = _tau(SCORE, TRUTH), _tau(SCORE, SIZE), _tau(TRUTH, SIZE)
    expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_agreement(SCORE, TRUTH, [SIZE], resamples=0).kendall.value == pytest.approx(expected, abs=1e-12)
    variables = [SCORE, TRUTH, SIZE, FLOPS]
    inverse = np.linalg.inv([[_tau(a, b) for b in variables] for a in variables])
    expected = -inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1])
    found = partial_agreement(SCORE, TRUTH, [SIZE, FLOPS], resamples=0)
    assert found.kendall.value == pytest.approx(expected, abs=1e-12)
    other = partial_agreement(SCORE, TRUTH, [FLOPS, SIZE], resamples=0)
    assert found.kendall.value == pytest.approx(other.kendall.value, abs=1e-12)


def test_without_controls_and_clusters_it_is_the_agreement() -> None:
    found, plain = partial_agreement(SCORE, TRUTH, resamples=0), agreement(SCORE, TRUTH, resamples=0)
    assert found.spearman.value == pytest.approx(plain.spearman.value, abs=1e-12)
    assert found.kendall.value == pytest.approx(plain.kendall.value, abs=1e-12)


def test_whole_clusters_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each resample written out: the rows of the drawn clusters, one after the other."""
    drawn = []
    draws = correlations.resampled

    def recorded(*arguments: Any) -> Any:
        for counts in draws(*arguments):
            drawn.append(counts)
            yield counts

    monkeypatch.setattr(correlations, "resampled", recorded)
    found = partial_agreement(SCORE, TRUTH, [SIZE], clusters=FAMILY, resamples=30, seed=3)
    counts = np.concatenate(drawn, axis=1)
    assert counts.shape == (len(set(FAMILY)), 31) and (counts.sum(axis=0) == len(set(FAMILY))).all()
    order = np.lexsort(np.stack([SCORE, TRUTH, SIZE]))
    named: dict[int, int] = {}
    for row in order:
        named.setdefault(FAMILY[row], len(named))
    values = []
    for draw in counts.T[1:]:
        rows = [row for row in range(60) for _ in range(int(draw[named[FAMILY[row]]]))]
        x, y, z = SCORE[rows], TRUTH[rows], SIZE[rows]
        values.append(np.corrcoef(_residuals(x, [z]), _residuals(y, [z]))[0, 1])
    low, high = np.quantile(values, [0.025, 0.975])
    assert (found.spearman.low, found.spearman.high) == (pytest.approx(low), pytest.approx(high))


def test_like_networks_in_clusters_widen_the_interval() -> None:
    """Ten copies of each network are no more knowledge than one."""

    def width(estimate: Any) -> float:
        return float(estimate.high - estimate.low)

    score, truth, size = (np.tile(each, 10) for each in (SCORE, TRUTH, SIZE))
    once = partial_agreement(SCORE, TRUTH, [SIZE], resamples=500)
    alone = partial_agreement(score, truth, [size], resamples=500)
    together = partial_agreement(score, truth, [size], clusters=list(range(60)) * 10, resamples=500)
    assert width(together.spearman) == pytest.approx(width(once.spearman), rel=0.15)
    assert width(alone.spearman) < 0.5 * width(once.spearman)


def test_the_order_of_architectures_does_not_matter_and_the_direction_is_the_sign() -> None:
    mixed = np.random.default_rng(0).permutation(60)
    given: dict[str, Any] = {"resamples": 50, "clusters": FAMILY}
    first = partial_agreement(SCORE, TRUTH, [SIZE], **given)
    again = partial_agreement(
        SCORE[mixed], TRUTH[mixed], [SIZE[mixed]], resamples=50, clusters=[FAMILY[i] for i in mixed]
    )
    assert first == again
    turned = partial_agreement(-SCORE, TRUTH, [SIZE], higher_is_better=False, **given)
    assert turned.spearman.value == pytest.approx(first.spearman.value)
    assert partial_agreement(SCORE, TRUTH, [SIZE], higher_is_better=False, **given).kendall.low == -first.kendall.high


@pytest.mark.parametrize("other", [SIZE, -SIZE, np.exp(SIZE)])
def test_what_orders_as_the_control_says_nothing(other: Any) -> None:
    found = partial_agreement(other, TRUTH, [SIZE], resamples=10)
    assert found.spearman.value is None and found.kendall.value is None and found.kendall.low is None


def test_undefined_scores_and_controls_are_left_out() -> None:
    score, size = SCORE.copy(), SIZE.copy()
    score[3], score[4], size[5] = np.nan, np.inf, np.nan
    kept = [row for row in range(60) if row not in (3, 4, 5)]
    found = partial_agreement(score.tolist(), TRUTH, [size], resamples=0)
    expected = partial_agreement(SCORE[kept], TRUTH[kept], [SIZE[kept]], resamples=0)
    assert (found.n, found.left_out) == (57, 3) and found.spearman == expected.spearman
    few = partial_agreement([1.0, 2.0, None], [1.0, 2.0, 3.0], [[1.0, 3.0, 2.0]])
    assert few.n == 2 and few.spearman.value is None


def test_a_difference_is_of_the_same_resamples() -> None:
    found = paired_difference(SCORE, OTHER, TRUTH, clusters=FAMILY, resamples=300)
    first, second = (agreement(each, TRUTH, resamples=0) for each in (SCORE, OTHER))
    assert found.kendall.value == pytest.approx(first.kendall.value - second.kendall.value, abs=1e-12)
    assert found.spearman.low < found.spearman.value < found.spearman.high
    same = paired_difference(SCORE, 2 * SCORE, TRUTH, [SIZE], resamples=50)
    assert (same.kendall.value, same.kendall.low, same.kendall.high) == (0, 0, 0)
    back = paired_difference(OTHER, SCORE, TRUTH, clusters=FAMILY, resamples=0)
    assert back.kendall.value == -found.kendall.value


def test_a_difference_is_of_the_networks_that_both_define() -> None:
    other = OTHER.copy()
    other[:20] = np.nan
    found = paired_difference(SCORE, other, TRUTH, [SIZE], resamples=0)
    first, second = (partial_agreement(each[20:], TRUTH[20:], [SIZE[20:]], resamples=0) for each in (SCORE, OTHER))
    assert (found.n, found.left_out) == (40, 20)
    assert found.spearman.value == pytest.approx(first.spearman.value - second.spearman.value, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [1.0]), "2 scores and 1 accuracies"),
        (([1.0, 2.0], [1.0, math.nan]), r"truth\[1\] is nan"),
        (([1.0, 2.0], [1.0, 2.0], [[1.0]]), "one value of each control"),
    ],
)
def test_bad_input(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        partial_agreement(*arguments)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="2 clusters and 3 accuracies"):
        partial_agreement([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], clusters=[1, 2])
    with pytest.raises(ValueError, match="resamples must be 0 or more"):
        paired_difference([1.0], [1.0], [1.0], resamples=-1)
