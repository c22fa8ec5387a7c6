"""Proxies compared with each other: coefficients as elsewhere, errors as of the bootstrap, shares of the best."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from naslib_zc_plugin.report.correlations import paired_difference, partial_agreement
from naslib_zc_plugin.report.paired import compared, drawn_counts, rank_interval, shares_of_the_best

RNG = np.random.default_rng(0)
N = 240
TRUTH = RNG.normal(size=N).round(1)
SIZE = TRUTH + RNG.normal(size=N)
SCORES = np.stack(
    [
        (TRUTH + RNG.normal(size=N)).round(1),
        np.where(np.arange(N) < 40, np.nan, (TRUTH + 1.5 * RNG.normal(size=N) + SIZE / 2).round(1)),
        TRUTH + RNG.normal(size=N),
    ]
)
CLUSTERS = np.arange(N) // 3


@pytest.mark.parametrize("coefficient", ["kendall", "spearman"])
@pytest.mark.parametrize("control", [None, SIZE], ids=["as it is", "at equal size"])
def test_coefficients_are_those_of_the_correlations_and_errors_those_of_the_bootstrap(
    coefficient: str, control: np.ndarray | None
) -> None:
    found = compared(SCORES, TRUTH, coefficient, control, CLUSTERS)
    controls = [] if control is None else [control]
    for one, other in permutations(range(3), 2):
        drawn = paired_difference(SCORES[one], SCORES[other], TRUTH, controls, clusters=CLUSTERS, resamples=500)
        estimate = getattr(drawn, coefficient)
        assert found.values[one, other] - found.values[other, one] == pytest.approx(estimate.value, abs=1e-6)
        assert found.errors[one, other] == pytest.approx((estimate.high - estimate.low) / 3.92, rel=0.2)
        assert found.n[one, other] == drawn.n
    own = partial_agreement(SCORES[1], TRUTH, controls, clusters=CLUSTERS, resamples=500)
    estimate = getattr(own, coefficient)
    assert found.values[1, 1] == pytest.approx(estimate.value, abs=1e-6)
    assert found.errors[1, 1] == pytest.approx((estimate.high - estimate.low) / 3.92, rel=0.2)


def test_a_copy_of_each_network_in_its_class_tells_nothing_new() -> None:
    once = compared(SCORES, TRUTH)
    twice = np.tile(np.arange(N), 2)
    copied = compared(SCORES[:, twice], TRUTH[twice], clusters=twice)
    np.testing.assert_allclose(copied.errors, once.errors, rtol=0.02)
    alone = compared(SCORES[:, twice], TRUTH[twice])
    np.testing.assert_allclose(alone.errors, once.errors / math.sqrt(2), rtol=0.02)


def test_wins_need_a_difference_that_can_be_told() -> None:
    noise = RNG.normal(size=(2, N))
    found = compared(np.stack([TRUTH + 0.1 * noise[0], TRUTH + 0.12 * noise[0], noise[1]]), TRUTH).wins
    assert found.tolist()[2] == [-1, -1, 0] and found[:, 2].tolist() == [1, 1, 0]
    assert rank_interval(found) in ([(1, 2), (1, 2), (3, 3)], [(1, 1), (2, 2), (3, 3)])


def test_what_says_nothing_wins_nothing() -> None:
    scores = np.stack([np.ones(N), np.full(N, np.nan), TRUTH, np.where(np.arange(N) < 2, TRUTH, np.nan)])
    found = compared(scores, TRUTH)
    assert np.isnan(found.values[0]).all() and np.isnan(found.values[1]).all() and np.isnan(found.values[3]).all()
    assert found.values[2, 2] == 1 and not found.wins[:, [0, 1, 3]].any()


def test_an_order_that_is_the_controls_has_no_coefficient_at_equal_control() -> None:
    found = compared(np.stack([SIZE, TRUTH + SIZE]), TRUTH, "kendall", 2 * SIZE)
    assert np.isnan(found.values[0, 0]) and np.isfinite(found.values[1, 1])


def test_huge_scores_do_not_overflow() -> None:
    found = compared(np.stack([np.where(TRUTH > 0, 1e308, -1e308), TRUTH]), TRUTH)
    assert 0.5 < found.values[0, 0] < 1


def _brute(scores: np.ndarray, truth: np.ndarray, share: float) -> tuple[float, float]:
    """By the definitions, for scores and accuracies without ties."""
    k = math.ceil(share * len(truth))
    gains = [(truth < one).mean() + 0.5 / len(truth) for one in truth]
    by_score, by_truth = np.argsort(-scores), np.argsort(-truth)

    def dcg(order: np.ndarray) -> float:
        return sum(gains[place] / math.log2(2 + at) for at, place in enumerate(order[:k]))

    return dcg(by_score) / dcg(by_truth), len({*by_score[:k]} & {*by_truth[:k]}) / k


def test_shares_of_the_best_are_as_they_are_defined() -> None:
    truth, scores = RNG.normal(size=57), RNG.normal(size=57)
    for share in (0.05, 0.1, 0.5):
        found = shares_of_the_best(scores, truth, np.ones((57, 1)), share)
        assert found[:, 0] == pytest.approx(_brute(scores, truth, share))


def test_a_resample_is_the_sample_with_its_networks_repeated() -> None:
    truth, scores = RNG.normal(size=30), RNG.integers(0, 6, size=30).astype(float)
    counts = drawn_counts(np.arange(30) // 2, 5, seed=1)
    assert counts.shape == (30, 6) and counts[:, 0].tolist() == [1] * 30
    assert (counts[::2] == counts[1::2]).all() and counts.sum(axis=0).tolist() == [30] * 6
    found = shares_of_the_best(scores, truth, counts)
    for draw in range(6):
        drawn = np.repeat(np.arange(30), counts[:, draw].astype(int))
        alone = shares_of_the_best(scores[drawn], truth[drawn], np.ones((30, 1)))
        assert found[1, draw] == pytest.approx(alone[1, 0])


def test_equal_scores_share_their_places() -> None:
    found = shares_of_the_best(np.zeros(20), np.arange(20.0), np.ones((20, 1)), 0.1)
    assert found[1, 0] == pytest.approx(0.1)
