"""What NASLib gets for a score: finite, in the order of the scores, and last where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.scoring import Score
from tests.hosts.naslib.needs import needs

predictor = needs("naslib_zc_plugin.hosts.naslib.predictor")

VALUES = st.floats(allow_nan=False, allow_infinity=False)
LISTS = st.lists(st.one_of(st.none(), VALUES), max_size=12)


def score(value: float | None, name: str = "naswot") -> Score:
    status = "undefined" if value is None else "ok"
    return Score(value, status, "no ReLU" if value is None else "", 0.0, None, name, 1)


def told(name: str, value: float) -> float:
    return float(predictor.naslib_value(score(value, name)))


@given(LISTS)
def test_lists_are_finite_and_in_order_and_end_with_those_that_have_none(values: list[float | None]) -> None:
    found = predictor.naslib_values([score(value) for value in values])
    assert np.isfinite(found.astype(np.float32)).all()
    known = [(value, number) for value, number in zip(values, found) if value is not None]
    missing = {number for value, number in zip(values, found) if value is None}
    for value, number in known:
        assert number == (value if abs(value) < 1e30 else pytest.approx(math.copysign(1e30, value)))
        assert all(np.float32(number) > np.float32(other) for other in missing)
        assert all(number <= other for higher, other in known if higher >= value)
    assert len(missing) <= 1
    if missing and not known:
        assert missing == {predictor.LAST}
    if missing and len(known) > 1:
        low, high = min(known)[1], max(known)[1]
        assert low - max(missing) <= max((high - low) / 9 or 1, abs(low) / 1e6)


@given(VALUES)
def test_alone_nothing_ranks_behind_a_graph_without_score(value: float) -> None:
    for name in ("naswot", "ntk", "synflow"):
        assert predictor.naslib_value(score(value, name)) > predictor.naslib_value(score(None, name)) == predictor.LAST
    assert predictor.naslib_value(score(None), -3.0) == -3.0


@given(VALUES, VALUES)
def test_direction(a: float, b: float) -> None:
    higher, lower = (told(name, a) <= told(name, b) for name in ("grad_norm", "ntk"))
    assert not a <= b or higher
    assert not a >= b or lower


@given(st.floats(min_value=1, max_value=1e300), st.floats(min_value=1, max_value=1e300))
def test_synflow_keeps_its_order_and_fits_single_precision(a: float, b: float) -> None:
    assert (told("synflow", a) <= told("synflow", b)) or a > b
    assert told("synflow", a) == math.log(a)
    assert told("synflow", 0.0) == 0.0


def test_scores_that_are_known_already() -> None:
    for value in (None, math.nan, math.inf, -math.inf):
        assert predictor.known_value(value) == predictor.LAST
    assert predictor.known_value(3) == 3.0
    assert np.float32(predictor.LAST) < np.float32(predictor.known_value(-1e300)) < -9e29
