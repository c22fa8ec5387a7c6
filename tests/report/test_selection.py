"""The best: agreement among them, tops, the selected network, and the place of one score."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import percentileofscore

from naslib_zc_plugin.report.correlations import agreement
from naslib_zc_plugin.report.selection import Percentile, Selected, Top, percentile, selected, top
from tests.report.tables import column

scores = st.one_of(st.integers(-6, 6), st.sampled_from([None, math.nan, math.inf, -math.inf]))
pairs = st.lists(st.tuples(scores, st.integers(0, 12)), min_size=0, max_size=130)


def quantile(values: list[float], q: float) -> float:
    """Between the neighbours, in proportion."""
    ordered, place = sorted(values), (len(values) - 1) * q / 100
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low if low in (high, -math.inf) else low + (high - low) * (place - math.floor(place))


def loops(kept: list[tuple[float, int]], undefined: str) -> Top:
    """Of pairs that count, with minus infinity for what ranks worst."""

    def agree(chosen: list[tuple[float, int]]) -> object:
        return agreement([s for s, _ in chosen], [a for _, a in chosen], undefined=undefined, resamples=0)  # type: ignore[arg-type]

    best = [(s, a) for s, a in kept if a > quantile([a for _, a in kept], 90)]
    first = sorted(kept, key=lambda pair: -pair[0])[: len(kept) // 10]
    chosen = [(s, a) for s, a in kept if s > quantile([s for s, _ in kept], 90)]
    overlap = 100 * sum(pair in best for pair in chosen) / len(chosen) if chosen else None
    hits = None
    if len(kept) > 64:
        last = sorted((s for s, _ in kept), reverse=True)[63]
        hits = sum(a > quantile([a for _, a in kept], 95) and s >= last for s, a in kept)
    return Top(agree(best), agree(first), overlap, hits)  # type: ignore[arg-type]


@settings(max_examples=150)
@given(pairs, st.booleans(), st.sampled_from(["drop", "worst"]))
def test_the_best_are_the_definitions_in_loops(case, up: bool, undefined: str) -> None:  # type: ignore[no-untyped-def]
    values, truth = [s for s, _ in case], [a for _, a in case]
    worth = [-math.inf if s is None or not math.isfinite(s) else s if up else -s for s in values]
    kept = [(s, a) for s, a in zip(worth, truth) if undefined == "worst" or s > -math.inf]
    found = top(values, truth, higher_is_better=up, undefined=undefined, resamples=0)  # type: ignore[arg-type]
    expected = loops(kept, undefined)
    assert (found.by_accuracy, found.by_score) == (expected.by_accuracy, expected.by_score)
    assert found.overlap == pytest.approx(expected.overlap) and found.hits == expected.hits


def test_ties_with_the_64th_count_and_shrink_the_top_of_scores() -> None:
    truth = list(range(200))
    assert top([float(a // 100) for a in truth], truth, resamples=0).hits == 10
    assert top([0.0] * 200, truth, resamples=0).overlap is None
    assert top([0.0] * 200, truth, resamples=0).hits == 10
    # Of 200, 20 are above the 90th percentile of the accuracy, and 10 above that of these scores: all of them best.
    assert top([float(max(189, a)) for a in truth], truth, resamples=0).overlap == 100
    assert top([1.0] * 64, truth[:64], resamples=0).hits is None
    assert top([1.0] * 65, truth[:65], resamples=0).hits is not None


def test_another_share() -> None:
    truth = list(range(100))
    found = top([-float(a) for a in truth], truth, share=0.3, higher_is_better=False, resamples=20)
    assert (found.by_accuracy.n, found.by_score.n, found.overlap) == (30, 30, 100)
    assert found.by_accuracy.spearman.low == 1
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            top([1.0], [1.0], share=share)


@given(st.lists(st.tuples(scores, st.integers(0, 9)), min_size=0, max_size=20), st.booleans())
def test_the_selected_network_is_the_argmax_with_all_that_share_it(case, up: bool) -> None:  # type: ignore[no-untyped-def]
    values, truth = [s for s, _ in case], [a for _, a in case]
    defined = [s for s in values if s is not None and math.isfinite(s)]
    found = selected(values, truth, higher_is_better=up)
    if not defined:
        assert found is None
        return
    best = (max if up else min)(defined)
    where = [i for i, s in enumerate(values) if s == best]
    shared = [truth[i] for i in where]
    ranks = [1 + sum(other > accuracy for other in truth) for accuracy in (max(shared), min(shared))]
    mean = pytest.approx(sum(shared) / len(shared))
    assert found == Selected(tuple(where), mean, min(shared), max(shared), *ranks)


@pytest.mark.parametrize(
    ("truth", "printed", "tolerance"),
    [
        ("cifar10_test_200_half_train", 0.767, 0.02),
        ("cifar100_test_200", 0.722, 0.002),
        ("imagenet16_test_200", 0.756, 0.005),
    ],
)
def test_lightweight_nas_table_vi(shared: Path, truth: str, printed: float, tolerance: float) -> None:
    """Validation accuracy after 12 epochs as a score: the first 1,562. CIFAR-10's truth here is one seed of theirs."""
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(shared / "data/nasbench201/accuracies.parquet")
    early, final = (table[name].to_pylist() for name in (f"{truth.split('_')[0]}_val_12", truth))
    found = top(early, final, resamples=0).by_score
    assert found.n == 1562
    assert found.spearman.value == pytest.approx(printed, abs=tolerance)


entries = st.lists(st.one_of(st.integers(-4, 4).map(float), st.sampled_from(["undefined", "failed", "pending"])))


@given(entries, st.integers(-5, 5), st.booleans())
def test_percentile_is_scipys_mean_of_weak_and_strict(given_entries, value: int, up: bool) -> None:  # type: ignore[no-untyped-def]
    values = [entry for entry in given_entries if isinstance(entry, float)]
    found = percentile(value, column(given_entries, up=up))
    assert (found.n, found.undefined) == (len(values), given_entries.count("undefined"))
    assert (found.failed, found.pending) == (given_entries.count("failed"), given_entries.count("pending"))
    assert found.equal == values.count(value)
    assert found.better == sum(other > value if up else other < value for other in values)
    if not values:
        assert found.percentile is None
    else:
        worth = percentileofscore(values, value, "mean")
        assert found.percentile == pytest.approx(worth if up else 100 - worth)


def test_lower_can_be_better() -> None:
    scores = column([1.0, 2.0, 2.0, 4.0, "undefined"], up=False)
    assert percentile(2.0, scores) == Percentile(50.0, better=1, equal=2, n=4, undefined=1, failed=0, pending=0)
    assert percentile(0.5, scores).percentile == 100


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_undefined_score_has_no_place(value: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile(value, column([1.0]))
