"""Coefficients under bootstrap weights against scipy on the resample written out, and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from naslib_zc_plugin.report.correlations import Floats, PairedSample, average_ranks

REFERENCE = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}


def loops_tau_b(x: Floats, y: Floats) -> float:
    concordant = discordant = only_x = only_y = 0
    for i in range(len(x)):
        for j in range(i):
            product = np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
            concordant += product > 0
            discordant += product < 0
            only_x += x[i] != x[j]
            only_y += y[i] != y[j]
    if not only_x or not only_y:
        return math.nan
    return float((concordant - discordant) / math.sqrt(only_x * only_y))


@st.composite
def resampled(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """Pairs with many ties or none, in any order, and some multiplicities for them."""
    n = draw(st.integers(1, 20))
    few, many = st.sampled_from([-0.7, 0.0, 0.1, 0.3]), st.integers(-1000, 1000)
    x, y = (draw(hnp.arrays(np.float64, n, elements=draw(st.sampled_from([few, many])))) for _ in "xy")
    weights = draw(hnp.arrays(np.float64, (3, n), elements=st.integers(0, 3)))
    weights[:, 0] += 1  # no resample is empty
    return x, y, weights


@given(resampled())
def test_a_weighting_is_the_resample_written_out(case: tuple[Floats, Floats, Floats]) -> None:
    x, y, weights = case
    sample = PairedSample(x, y)
    found = {name: getattr(sample, name)(weights) for name in REFERENCE}
    for row, weight in enumerate(weights.astype(int)):
        many_x, many_y = np.repeat(x, weight), np.repeat(y, weight)
        assert found["kendall"][row] == pytest.approx(loops_tau_b(many_x, many_y), abs=1e-12, nan_ok=True)
        constant = np.ptp(many_x) == 0 or np.ptp(many_y) == 0
        for name, reference in REFERENCE.items():
            expected = math.nan if constant else reference(many_x, many_y)[0]
            assert found[name][row] == pytest.approx(expected, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("n", [2, 3, 63, 64, 65, 1000])
@pytest.mark.parametrize("decimals", [1, 9])
def test_sizes_about_the_powers_of_two(n: int, decimals: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    y = (x + rng.normal(size=n)).round(decimals)
    sample, once = PairedSample(x, y), np.ones((1, n))
    for name, reference in REFERENCE.items():
        assert getattr(sample, name)(once)[0] == pytest.approx(reference(x, y)[0], abs=1e-12), name


def test_equal_values_are_constant_whatever_their_mean_rounds_to() -> None:
    rng = np.random.default_rng(0)
    x, y = np.append(np.full(50, 0.1), 0.7), rng.normal(size=51)
    weights = np.append(rng.integers(0, 3, (200, 50)), np.zeros((200, 1)), axis=1)
    for name in REFERENCE:
        assert np.isnan(getattr(PairedSample(x, y), name)(weights)).all(), name
        assert np.isnan(getattr(PairedSample(y, x), name)(weights)).all(), name


def test_pearson_survives_synflow() -> None:
    x = np.array([1e-3, 1e5, 1e61, 3e150, 1e300])
    y = np.array([1.0, 2.0, 3.0, 5.0, 4.0])
    weights = np.array([[1, 1, 1, 1, 1], [1, 2, 0, 0, 0], [1, 1, 1, 0, 0.0]])
    found = PairedSample(x, y).pearson(weights)
    assert found[0] == pytest.approx(stats.pearsonr(x / 1e300, y)[0])
    # The first two vanish beside 1e300: equal, hence undefined, rather than a number made of rounding.
    assert np.isnan(found[1])
    assert np.isnan(PairedSample(x[:2], np.ones(2)).pearson(np.ones((1, 2)))[0])


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(-5, 5)))
def test_average_ranks(values: Floats) -> None:
    np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values))
