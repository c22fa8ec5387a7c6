"""Coefficients and their bootstrap: against scipy, against resamples written out, and what is undefined."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from naslib_zc_plugin.report import correlations, pairs
from naslib_zc_plugin.report.correlations import Agreement, Floats, IntervalEstimate, agreement

pytestmark = pytest.mark.filterwarnings("error")  # constant resamples are no reason for a warning

NOTHING = IntervalEstimate(None, None, None)
cases = st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 99)), min_size=3, max_size=25)


def noisy(n: int, seed: int = 0) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    return list(truth + rng.normal(size=n)), list(truth)


def ranks_only(found: Agreement) -> Agreement:
    return replace(found, pearson=NOTHING)


@given(cases)
def test_values_are_scipys(case: list[tuple[int, int]]) -> None:
    scores, truth = zip(*case)
    assume(len(set(scores)) > 1 and len(set(truth)) > 1)
    found = agreement(scores, truth, resamples=0)
    assert found.spearman == IntervalEstimate(pytest.approx(stats.spearmanr(scores, truth)[0], abs=1e-12), None, None)
    assert found.kendall == IntervalEstimate(pytest.approx(stats.kendalltau(scores, truth)[0], abs=1e-12), None, None)
    assert found.pearson == IntervalEstimate(pytest.approx(stats.pearsonr(scores, truth)[0], abs=1e-12), None, None)
    assert (found.n, found.undefined) == (len(case), 0)


@settings(max_examples=30)
@given(cases, st.randoms())
def test_order_monotone_maps_and_direction_change_nothing(case, random) -> None:  # type: ignore[no-untyped-def]
    scores, truth = zip(*case)
    found = agreement(scores, truth, resamples=50)
    random.shuffle(case)
    assert agreement(*zip(*case), resamples=50) == found
    stretched = agreement([math.exp(3 * s) for s in scores], [t**3 for t in truth], resamples=50)
    assert ranks_only(stretched) == ranks_only(found)
    assert agreement([-s for s in scores], truth, higher_is_better=False, resamples=50) == found


@pytest.mark.parametrize("name", ["spearman", "kendall", "pearson"])
def test_intervals_are_scipys_bootstrap(name: str) -> None:
    scores, truth = noisy(150)
    statistic = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}[name]
    reference = stats.bootstrap(
        (scores, truth),
        lambda x, y: statistic(x, y)[0],
        paired=True,
        vectorized=False,
        n_resamples=1500,
        confidence_level=0.9,
        method="percentile",
        random_state=np.random.default_rng(1),
    ).confidence_interval
    found = getattr(agreement(scores, truth, resamples=4000, confidence=0.9), name)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.015)
    assert found.low < found.value < found.high


def test_blocks_of_resamples_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, truth = noisy(40)
    whole = agreement(scores, truth, resamples=101)
    monkeypatch.setattr(pairs, "_CELLS", 7 * 40)
    assert agreement(scores, truth, resamples=101) == whole
    assert agreement(scores, truth, resamples=101, seed=1) != whole


def with_holes() -> tuple[list[float | None], list[float], list[bool]]:
    scores, truth = noisy(30)
    holed: list[float | None] = list(scores)
    holed[2], holed[7], holed[11], holed[20] = None, math.nan, math.inf, -math.inf
    return holed, truth, [s is not None and math.isfinite(s) for s in holed]


def test_undefined_scores_are_dropped_and_counted() -> None:
    scores, truth, defined = with_holes()
    kept = [(s, t) for s, t, d in zip(scores, truth, defined) if d]
    found = agreement(scores, truth, resamples=60)
    assert found == replace(agreement(*zip(*kept), resamples=60), undefined=4)
    assert found.n == 26


@pytest.mark.parametrize(("higher", "beyond"), [(True, -1e3), (False, 1e3)])
def test_undefined_scores_can_rank_worst(higher: bool, beyond: float) -> None:
    scores, truth, defined = with_holes()
    filled = [s if d else beyond for s, d in zip(scores, defined)]
    found = agreement(scores, truth, higher_is_better=higher, undefined="worst", resamples=60)
    expected = agreement(filled, truth, higher_is_better=higher, resamples=60)
    assert ranks_only(found) == replace(ranks_only(expected), undefined=4)
    assert found.n == 30
    dropped = agreement(scores, truth, higher_is_better=higher, resamples=60)
    assert found.pearson.value == pytest.approx(dropped.pearson.value, abs=1e-12)
    assert found.pearson.low < found.pearson.value < found.pearson.high


def test_all_undefined() -> None:
    scores, truth = [None] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]
    assert agreement(scores, truth) == Agreement(0, 5, NOTHING, NOTHING, NOTHING)
    assert agreement(scores, truth, undefined="worst") == Agreement(5, 5, NOTHING, NOTHING, NOTHING)
    assert agreement([], []) == Agreement(0, 0, NOTHING, NOTHING, NOTHING)


def test_two_scores_among_undefined_ones_have_ranks_and_no_pearson() -> None:
    found = agreement([1.0, 2.0, None, None], [3.0, 4.0, 2.0, 1.0], undefined="worst")
    assert found.spearman.value > 0.9
    assert found.pearson == NOTHING


@pytest.mark.parametrize(("scores", "truth"), [([1, 2], [1, 2]), ([0.1] * 7, range(7)), (range(7), [0.1] * 7)])
def test_too_few_or_constant_is_none(scores: list[float], truth: list[float]) -> None:
    assert agreement(scores, truth) == Agreement(len(scores), 0, NOTHING, NOTHING, NOTHING)


def test_constant_resamples_are_left_out() -> None:
    # About a third of the resamples draws equal scores only; in the others the order is perfect.
    found = agreement([0.1, 0.1, 0.1, 0.7], [0.1, 0.1, 0.1, 0.9])
    for estimate in (found.spearman, found.kendall, found.pearson):
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx((1, 1, 1))


def test_equal_values_are_constant_whatever_their_mean_rounds_to() -> None:
    # A third of the resamples lacks the last pair, and in all others it sets the sign.
    rng = np.random.default_rng(0)
    scores, truth = np.append(np.full(50, 0.1), 0.7), np.append(rng.normal(size=50), 100.0)
    for found in (agreement(scores, truth), agreement(truth, scores)):
        for estimate in (found.spearman, found.kendall, found.pearson):
            assert estimate.low > 0
        assert found.pearson.low > 0.9


def test_pearson_survives_synflow() -> None:
    scores, truth = np.array([1e-3, 1e5, 1e61, 3e150, 1e300]), [1.0, 2.0, 3.0, 5.0, 4.0]
    found = agreement(scores, truth).pearson
    assert found.value == pytest.approx(stats.pearsonr(scores / 1e300, truth)[0])
    assert -1 <= found.low < found.value < found.high <= 1


def test_many_architectures() -> None:
    # Bivariate normal: tau = 2/pi arcsin(r), with r = sqrt(1/2) here.
    assert agreement(*noisy(50_000), resamples=3).kendall.value == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0, 2.0], [1.0]), {}, "2 scores and 1 accuracies"),
        (([1.0, 2.0], [1.0, math.nan]), {}, r"truth\[1\] is nan"),
        (([1.0], [1.0]), {"undefined": "zero"}, "choose 'drop' or 'worst'"),
        (([1.0], [1.0]), {"resamples": -1}, "resamples"),
        (([1.0], [1.0]), {"confidence": 1.0}, "confidence"),
    ],
)
def test_bad_input(arguments, options, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        agreement(*arguments, **options)


@pytest.mark.parametrize(("data", "expected"), [("cifar10", 0.772), ("cifar100", 0.825), ("imagenet16", 0.818)])
def test_nasbench201_early_accuracy(shared: Path, data: str, expected: float) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(shared / "data/nasbench201/accuracies.parquet")
    early, final = (table[f"{data}_{name}"].to_pylist() for name in ("val_12", "test_200"))
    found = agreement(early, final, resamples=20)
    assert found.n == 15_625
    assert found.spearman.value == pytest.approx(expected, abs=5e-4)
    assert found.spearman.high - found.spearman.low < 0.03


few, many = st.sampled_from([-0.7, 0.0, 0.1, 0.3]), st.integers(-1000, 1000)


def coefficients(x: Floats, y: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    return correlations.coefficients(pairs.Pairs.of(x, y), np.arange(len(x)), resamples, rng)


def loops_tau_b(x: Floats, y: Floats) -> float:
    concordant = discordant = only_x = only_y = 0
    for i in range(len(x)):
        for j in range(i):
            product = np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
            concordant += product > 0
            discordant += product < 0
            only_x += x[i] != x[j]
            only_y += y[i] != y[j]
    return float((concordant - discordant) / math.sqrt(only_x * only_y))


@settings(max_examples=60)
@given(st.data(), st.integers(3, 20))
def test_each_resample_is_the_pairs_written_out(data: st.DataObject, n: int) -> None:
    x, y = (data.draw(hnp.arrays(np.float64, n, elements=data.draw(st.sampled_from([few, many])))) for _ in "xy")
    found = coefficients(x, y, 5, np.random.default_rng(0))
    drawn = np.vstack([np.arange(n), np.random.default_rng(0).integers(n, size=(5, n))])
    order = np.lexsort((y, x))
    for row, (a, b) in enumerate(zip(x[order][drawn], y[order][drawn])):
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert np.isnan(found[:, row]).all()
        else:
            expected = [stats.spearmanr(a, b)[0], loops_tau_b(a, b), stats.pearsonr(a, b)[0]]
            np.testing.assert_allclose(found[:, row], expected, atol=1e-12)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([-math.inf, -2.0, 0.5, 3.0]), st.integers(0, 9)), min_size=3, max_size=15))
def test_minus_infinity_ranks_last_and_has_no_part_in_pearsons_r(case: list[tuple[float, int]]) -> None:
    x, y = np.array(case, dtype=np.float64).T
    spearman, kendall, pearson = coefficients(x, y, 0, np.random.default_rng(0))[:, 0]
    finite = np.isfinite(x)
    ranked = coefficients(np.where(finite, x, -1e3), y, 0, np.random.default_rng(0))[:, 0]
    kept = agreement(x[finite], y[finite], resamples=0).pearson.value
    np.testing.assert_allclose(
        [spearman, kendall, pearson], [*ranked[:2], np.nan if kept is None else kept], atol=1e-12
    )


@pytest.mark.parametrize("n", [3, 4, 5, 63, 64, 65, 1000])
def test_any_length_merges(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n), rng.integers(0, n, size=n).astype(np.float64)
    found = coefficients(x, y, 2, np.random.default_rng(1))
    drawn = np.argsort(x)[np.random.default_rng(1).integers(n, size=(2, n))]
    expected = [stats.kendalltau(a, b)[0] for a, b in zip([x, *x[drawn]], [y, *y[drawn]])]
    np.testing.assert_allclose(found[1], expected, atol=1e-12)
