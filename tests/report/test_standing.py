"""The place of a score, against counting."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import percentileofscore

from naslib_zc_plugin.report.standing import Standing, standing
from tests.report.tables import column

entries = st.lists(st.one_of(st.integers(-4, 4).map(float), st.sampled_from(["undefined", "failed", "left"])))


@given(entries, st.integers(-5, 5), st.booleans())
def test_percentile_is_scipys_mean_of_weak_and_strict(given_entries, value: int, up: bool) -> None:  # type: ignore[no-untyped-def]
    values = [entry for entry in given_entries if isinstance(entry, float)]
    found = standing(value, column(given_entries, up=up))
    assert (found.n, found.undefined) == (len(values), given_entries.count("undefined"))
    assert (found.failed, found.left) == (given_entries.count("failed"), given_entries.count("left"))
    assert found.equal == values.count(value)
    assert found.better == sum(other > value if up else other < value for other in values)
    if not values:
        assert found.percentile is None
    else:
        worth = percentileofscore(values, value, "mean")
        assert found.percentile == pytest.approx(worth if up else 100 - worth)


def test_lower_can_be_better() -> None:
    scores = column([1.0, 2.0, 2.0, 4.0, "undefined"], up=False)
    assert standing(2.0, scores) == Standing(50.0, better=1, equal=2, n=4, undefined=1, failed=0, left=0)
    assert standing(0.5, scores).percentile == 100


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_undefined_score_has_no_place(value: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        standing(value, column([1.0]))
