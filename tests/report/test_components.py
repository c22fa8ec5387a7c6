"""Principal components against scikit-learn's, and what they say of columns of known make."""

from __future__ import annotations

import numpy as np
import pytest

from naslib_zc_plugin.report.components import components
from naslib_zc_plugin.table import ScoreTable
from tests.report.tables import column, table

RNG = np.random.default_rng(5)
MIXED = RNG.normal(size=(80, 4)) @ RNG.normal(size=(4, 4)) * [1, 10, 0.1, 3] + [5, 0, -7, 100]


def scores(rows: np.ndarray, **others: list[float | str]) -> ScoreTable:
    """A table with a column per column."""
    given = {f"c{place}": list(map(float, values)) for place, values in enumerate(rows.T)}
    return table({label: column(entries) for label, entries in {**given, **others}.items()})


@pytest.mark.parametrize("standardised", [True, False])
def test_shares_and_loadings_are_those_of_scikit_learn(standardised: bool) -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    rows = (MIXED - MIXED.mean(0)) / MIXED.std(0) if standardised else MIXED
    oracle = decomposition.PCA().fit(rows)
    found = components(scores(MIXED), standardised=standardised, resamples=0)
    assert found.shares == pytest.approx(oracle.explained_variance_ratio_)
    assert np.abs(np.sum(found.loadings * oracle.components_, axis=1)) == pytest.approx(1)
    assert (found.loadings[range(4), np.abs(found.loadings).argmax(1)] > 0).all()
    assert (found.n, found.left_out, found.first.low) == (80, 0, None)


def test_one_direction_and_as_many_as_columns() -> None:
    line = np.arange(10.0)[:, None] * [1.0, -2.0, 1e30]
    one = components(scores(line), resamples=20)
    assert one.shares == pytest.approx([1, 0, 0]) and one.first.low == pytest.approx(1)
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 20, dtype=float)
    two = components(scores(corners))
    assert two.shares == pytest.approx([0.5, 0.5])
    assert two.first.low is not None and two.first.high is not None and 0.5 <= two.first.low < two.first.high < 0.7


def test_raw_columns_count_by_their_width() -> None:
    wide = RNG.normal(size=(50, 2)) * [1e6, 1]
    assert components(scores(wide), standardised=False, resamples=0).shares[0] > 0.999
    assert components(scores(wide), resamples=0).shares[0] < 0.7
    assert components(scores(wide * 1e200), standardised=False, resamples=0).shares[0] > 0.999


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    found = components(scores(MIXED), resamples=200, seed=3)
    rng, shares = np.random.default_rng(3), []
    for _ in range(200):
        drawn = MIXED[rng.integers(80, size=80)]
        values = np.linalg.svd((drawn - drawn.mean(0)) / drawn.std(0), compute_uv=False) ** 2
        shares.append(values[0] / values.sum())
    assert (found.first.low, found.first.high) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])))


def test_architectures_without_all_of_them_are_left_out_and_counted() -> None:
    entries: list[float | str] = [*map(float, MIXED[:-6, 0] ** 3), *["undefined"] * 4, *["left"] * 2]
    found = components(scores(MIXED, cubes=entries), ["c1", "cubes"], resamples=0)
    assert (found.n, found.left_out, found.labels) == (74, 6, ["c1", "cubes"])
    expected = np.linalg.eigvalsh(np.corrcoef(MIXED[:-6, 1], MIXED[:-6, 0] ** 3))[::-1] / 2
    assert found.shares == pytest.approx(expected)


def test_what_has_no_components() -> None:
    flat = scores(MIXED, flat=[3.0] * 80, none=["undefined"] * 80)
    with pytest.raises(ValueError, match="'flat' is the same for all architectures"):
        components(flat, ["c0", "flat"])
    with pytest.raises(ValueError, match="defined for 0 architectures"):
        components(flat, ["c0", "none"])
    with pytest.raises(ValueError, match="two columns or more"):
        components(flat, ["c0"])
    with pytest.raises(ValueError, match="no scores called 'c9'"):
        components(flat, ["c0", "c9"])
