"""Influences of pairs on coefficients, and intervals by them: against derivatives written out, and the bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from naslib_zc_plugin.report import correlations
from naslib_zc_plugin.report.correlations import (
    Agreement,
    Floats,
    IntervalEstimate,
    agreement,
    intervals_are,
    paired_difference,
    partial_agreement,
)
from naslib_zc_plugin.report.pairs import Pairs

pytestmark = pytest.mark.filterwarnings("error")

x_values = st.sampled_from([-math.inf, -0.7, 0.0, 0.1, 0.3, 2.0])
cases = st.lists(st.tuples(x_values, st.integers(0, 9)), min_size=3, max_size=25)


def weighted_rho(p: Floats, x: Floats, y: Floats) -> float:
    a, b = (((v[:, None] > v) + 0.5 * (v[:, None] == v)) @ p - 0.5 for v in (x, y))
    return float((p * a) @ b / math.sqrt(((p * a) @ a) * ((p * b) @ b)))


def weighted_tau(p: Floats, x: Floats, y: Floats) -> float:
    sign_x, sign_y = (np.sign((v[:, None] > v).astype(float) - (v[:, None] < v)) for v in (x, y))
    products = (sign_x * sign_y, abs(sign_x), abs(sign_y))
    concordance, differ_x, differ_y = (p @ each @ p for each in products)
    return float(concordance / math.sqrt(differ_x * differ_y))


def weighted_pearson(p: Floats, x: Floats, y: Floats) -> float:
    finite = np.isfinite(x)
    p, x, y = p[finite] / p[finite].sum(), x[finite], y[finite]
    dx, dy = x - p @ x, y - p @ y
    return float((p * dx) @ dy / math.sqrt(((p * dx) @ dx) * ((p * dy) @ dy)))


def derivatives(coefficient: Callable[[Floats, Floats, Floats], float], x: Floats, y: Floats) -> list[float]:
    """Move a little of the weight to one pair, and away from it, one pair after the other."""
    n, step = len(x), 1e-5
    found = []
    for row in np.eye(n):
        ends = [coefficient(np.full(n, 1 / n) + side * (row - 1 / n), x, y) for side in (-step, step)]
        found.append((ends[1] - ends[0]) / (2 * step))
    return found


@settings(max_examples=60)
@given(cases)
def test_an_influence_is_the_derivative_by_the_weight_of_a_pair(case: list[tuple[float, int]]) -> None:
    x, y = np.array(case, dtype=np.float64).T
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    pairs = Pairs.of(x, y)
    tau, influences = pairs.tau_influences()
    assert tau == pairs.tau(np.ones((len(x), 1)))[0]
    np.testing.assert_allclose(influences, derivatives(weighted_tau, x, y), atol=1e-6)
    np.testing.assert_allclose(pairs.rho_influences(), derivatives(weighted_rho, x, y), atol=1e-6)
    finite = np.isfinite(x)
    if np.count_nonzero(finite) >= 3 and len(set(x[finite])) > 1 and len(set(y[finite])) > 1:
        np.testing.assert_allclose(pairs.pearson_influences(), derivatives(weighted_pearson, x, y), atol=1e-5)


@pytest.mark.parametrize("n", [3, 4, 5, 63, 64, 65, 200])
def test_any_length_is_split(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n), rng.integers(0, n, size=n).astype(np.float64)
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    differ = np.mean(y[:, None] != y, axis=1) * n / (n - 1)  # x has no ties
    mean, root = signs.sum() / (n * (n - 1)), math.sqrt(differ.mean())
    expected = 2 * (signs.sum(axis=1) / (n - 1) - mean) / root - mean / root * (differ / differ.mean() - 1)
    tau, found = Pairs.of(x, y).tau_influences()
    assert tau == pytest.approx(mean / root, abs=1e-12)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def families(n: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Networks of which three in a family are alike, with ties, a size, two scores, and some that are undefined."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(4, n // 3 + 1)).repeat(3, axis=1)[:, :n] + 0.5 * rng.normal(size=(4, n))
    size, truth = common[0], common[0] + common[1]
    score = np.round(truth + common[2], 1)
    score[rng.random(n) < 0.1] = np.nan
    return {"score": score, "other": truth + common[3], "truth": truth, "size": size, "family": np.arange(n) // 3}


def by_both(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, Any]:
    return tuple(call(*arguments, intervals=each, **options) for each in ("influence", "bootstrap"))  # type: ignore[return-value]


def assert_alike(found: IntervalEstimate, drawn: IntervalEstimate) -> None:
    """Equal values; ends as near as 1,000 resamples are to 1,000 others, twice over."""
    assert None not in (found.low, found.high, found.value)
    assert found.value == drawn.value
    width = drawn.high - drawn.low  # type: ignore[operator]
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.08 * width)


@pytest.mark.parametrize("undefined", ["drop", "worst"])
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_are_the_bootstraps(undefined: Any, clustered: bool) -> None:
    given = families()
    clusters = given["family"].tolist() if clustered else None
    found, drawn = by_both(agreement, given["score"], given["truth"], undefined=undefined, clusters=clusters)
    assert (found.n, found.undefined) == (drawn.n, drawn.undefined)
    for name in ("spearman", "kendall", "pearson"):
        assert_alike(getattr(found, name), getattr(drawn, name))


@pytest.mark.parametrize("controls", [[], ["size", "other"]])
def test_those_at_equal_size_are_the_bootstraps(controls: list[str]) -> None:
    given = families()
    arguments = given["score"], given["truth"], [given[name] for name in controls]
    found, drawn = by_both(partial_agreement, *arguments, clusters=given["family"], higher_is_better=False)
    assert_alike(found.spearman, drawn.spearman)
    assert_alike(found.kendall, drawn.kendall)


@pytest.mark.parametrize("controls", [[], ["size"]])
def test_those_of_differences_are_the_bootstraps(controls: list[str]) -> None:
    given = families()
    arguments = given["score"], given["other"], given["truth"], [given[name] for name in controls]
    found, drawn = by_both(paired_difference, *arguments, clusters=given["family"])
    assert_alike(found.spearman, drawn.spearman)
    assert_alike(found.kendall, drawn.kendall)
    same = paired_difference(given["score"], 2 * given["score"], given["truth"], intervals="influence").kendall
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_families_widen_the_interval() -> None:
    given = families()
    together, alone = (
        agreement(given["score"], given["truth"], clusters=each, intervals="influence").kendall
        for each in (given["family"], None)
    )
    assert together.high - together.low > 1.3 * (alone.high - alone.low)


def test_many_clusters_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    given = families(120)
    assert [intervals_are(n) for n in (15_625, 20_000, 20_001, 423_624)] == ["bootstrap"] * 2 + ["influence"] * 2
    monkeypatch.setattr(correlations, "MOST_DRAWN", 50)
    for clusters, chosen in ((None, "influence"), (given["family"], "bootstrap")):
        arguments = given["score"], given["truth"]
        auto = agreement(*arguments, clusters=clusters)
        assert auto == agreement(*arguments, clusters=clusters, intervals=chosen)  # type: ignore[arg-type]
        assert auto != agreement(*arguments, clusters=clusters, intervals="bootstrap", seed=1)
    none = agreement(*arguments, resamples=0)
    assert none.kendall.value == auto.kendall.value and none.kendall.low is None


def test_the_order_of_architectures_does_not_matter() -> None:
    given = families(200)
    mixed = np.random.default_rng(0).permutation(200)
    first, again = (
        agreement(given["score"][i], given["truth"][i], clusters=given["family"][i], intervals="influence")
        for i in (np.arange(200), mixed)
    )
    for name in ("spearman", "kendall", "pearson"):
        one, two = getattr(first, name), getattr(again, name)
        assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high), abs=1e-12)


def test_what_has_no_interval() -> None:
    truth = [1.0, 2.0, 3.0, 4.0]
    nothing = IntervalEstimate(None, None, None)
    assert agreement([0.1] * 4, truth, intervals="influence") == Agreement(4, 0, *[nothing] * 3)
    perfect = agreement(truth, truth, intervals="influence")
    for each in (perfect.spearman, perfect.kendall, perfect.pearson):
        assert (each.value, each.low, each.high) == pytest.approx((1, 1, 1))
    single = agreement([1.0, 3.0, 2.0, 4.0], truth, clusters=["a"] * 4, intervals="influence")
    assert single.kendall.value is not None and single.kendall.low is None
    as_the_control = partial_agreement(truth, [1.0, 3.0, 2.0, 4.0], [truth], intervals="influence")
    assert as_the_control.kendall == nothing
    two = agreement([1.0, 2.0, None, None], truth, undefined="worst", intervals="influence")
    assert two.pearson == nothing and two.kendall.low is not None
    with pytest.raises(ValueError, match="choose one of auto, bootstrap, influence"):
        agreement(truth, truth, intervals="jackknife")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 clusters and 4 accuracies"):
        agreement(truth, truth, clusters=[1, 2])
