"""Resamples counted instead of drawn, against resamples written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from naslib_zc_plugin.report import bootstrap
from naslib_zc_plugin.report.bootstrap import Floats

pytestmark = pytest.mark.filterwarnings("error")  # constant resamples are no reason for a warning

few, many = st.sampled_from([-0.7, 0.0, 0.1, 0.3]), st.integers(-1000, 1000)


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
    found = bootstrap.coefficients(x, y, 5, np.random.default_rng(0))
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
def test_minus_infinity_ranks_last_and_has_no_part_in_pearsons_r(pairs: list[tuple[float, int]]) -> None:
    x, y = np.array(pairs, dtype=np.float64).T
    spearman, kendall, pearson = bootstrap.coefficients(x, y, 0, np.random.default_rng(0))[:, 0]
    finite = np.isfinite(x)
    ranked = bootstrap.coefficients(np.where(finite, x, -1e3), y, 0, np.random.default_rng(0))[:, 0]
    kept = bootstrap.coefficients(x[finite], y[finite], 0, np.random.default_rng(0))[:, 0]
    np.testing.assert_allclose([spearman, kendall, pearson], [ranked[0], ranked[1], kept[2]], atol=1e-12)


@pytest.mark.parametrize("n", [3, 4, 5, 63, 64, 65, 1000])
def test_any_length_merges(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n), rng.integers(0, n, size=n).astype(np.float64)
    found = bootstrap.coefficients(x, y, 2, np.random.default_rng(1))
    drawn = np.argsort(x)[np.random.default_rng(1).integers(n, size=(2, n))]
    expected = [stats.kendalltau(a, b)[0] for a, b in zip([x, *x[drawn]], [y, *y[drawn]])]
    np.testing.assert_allclose(found[1], expected, atol=1e-12)


def test_fewer_than_three_pairs_have_no_coefficient() -> None:
    found = bootstrap.coefficients(np.array([1.0, 2.0]), np.array([1.0, 2.0]), 4, np.random.default_rng(0))
    assert found.shape == (3, 5) and np.isnan(found).all()
