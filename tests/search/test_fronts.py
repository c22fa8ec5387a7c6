"""Fronts: dominance and hypervolume against double loops, NSGA-II against the whole space, what cannot be searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.constraints import Known, limits_of
from naslib_zc_plugin.search.feasible import FeasibleSpace, Infeasible
from naslib_zc_plugin.search.fronts import Front, Point, hypervolume, non_dominated, pareto_front
from naslib_zc_plugin.spaces import space

pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25)
WIDTHS = space("nats_sss")


def points(values: Sequence[tuple[int, int]]) -> list[Point]:
    return [Point(str(number), float(value), float(measure)) for number, (value, measure) in enumerate(values)]


def beats(one: Point, other: Point) -> bool:
    return (
        one.value >= other.value
        and one.measure <= other.measure
        and (one.value, one.measure) != (other.value, other.measure)
    )


@given(pairs)
def test_the_front_is_what_nothing_beats(values: list[tuple[int, int]]) -> None:
    given_ = points(values)
    front = non_dominated(given_)
    unbeaten = {(p.value, p.measure) for p in given_ if not any(beats(other, p) for other in given_)}
    assert [(p.value, p.measure) for p in front] == sorted(unbeaten, key=lambda each: each[1])


@given(pairs)
def test_the_hypervolume_is_the_number_of_cells(values: list[tuple[int, int]]) -> None:
    """Of the grid of unit cells [v − 1, v] × [m, m + 1] those that a point dominates, above 2 and below 8."""
    cells = [
        any(value >= v and measure <= m for value, measure in values) for v in range(3, 10) for m in range(8)
    ]  # fmt: skip
    assert hypervolume(points(values), 2.0, 8.0) == sum(cells)


def widths(key: str) -> list[int]:
    return list(map(int, key.split(":")))


def score(key: str) -> float | None:
    """Grows with width, less at the end; undefined for a twentieth of the keys."""
    if Random(key).random() < 0.05:
        return None
    return sum(width**0.5 / place for place, width in enumerate(widths(key), 1))


def measure(key: str) -> float:
    return float(sum(width * place for place, width in enumerate(widths(key), 1)))


def test_nsga_finds_more_of_the_front_than_random_candidates() -> None:
    pytest.importorskip("optuna")
    whole = [Point(key, value, measure(key)) for key in map(WIDTHS.key, range(WIDTHS.size)) if (value := score(key))]
    most, true = 1000.0, hypervolume(whole, 0.0, 1000.0)
    front = pareto_front(WIDTHS, score, measure, candidates=400, population=20, seed=1)
    assert front.points == non_dominated(front.seen)
    assert all(point.value == score(point.key) and point.measure == measure(point.key) for point in front.seen)
    drawn = [WIDTHS.sample(Random(seed)) for seed in range(400)]
    by_chance = [Point(key, value, measure(key)) for key in drawn if (value := score(key))]
    assert true > hypervolume(front.points, 0.0, most) > hypervolume(by_chance, 0.0, most)
    again = pareto_front("nats_sss", score, measure, candidates=400, population=20, seed=1)
    assert again.seen == front.seen


def test_nothing_beyond_the_limits_is_scored() -> None:
    pytest.importorskip("optuna")
    scored: list[str] = []

    def noted(key: str) -> float | None:
        scored.append(key)
        return score(key)

    limits = limits_of({"params": "<= 400"})
    part = FeasibleSpace(WIDTHS, limits, lambda limit, key: Known.exactly(measure(key)))
    front = pareto_front(part, noted, measure, candidates=60, population=10)
    assert scored and all(measure(key) <= 400 for key in scored)
    assert len(scored) == len(set(scored)) and {point.key for point in front.seen} <= set(scored)
    with pytest.raises(Infeasible, match="none of .* candidates has a score and a measure"):
        pareto_front(WIDTHS, lambda key: None, measure, candidates=4, population=2)


def test_along_the_front() -> None:
    front = Front([Point(str(number), float(number), float(number**2)) for number in range(11)], [])
    assert front.along(3) == ["0", "5", "10"]
    assert front.along(6) == ["0", "2", "4", "6", "8", "10"]
    assert len(front.along(50)) == 11 and front.along(1) == ["10"]
    with pytest.raises(ValueError, match="at least one along the front, not 0"):
        front.along(0)


def test_the_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    front = Front(points([(1, 1), (3, 2)]), points([(1, 1), (3, 2), (0, 3)]))
    figure = front.plot("score", "$params", front.along(1), tmp_path / "front.svg")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$params", "score")
    assert [len(each.get_offsets()) for each in axes.collections] == [3, 1]
    assert (tmp_path / "front.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("searched", "candidates", "message"),
    [
        ("nasbench101", 100, "NSGA-II needs a space of independent choices, which nasbench101 is not; did you mean"),
        ("nats_sss", 10, "candidates must be at least the population"),
    ],
)
def test_what_cannot_be_searched(searched: str, candidates: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pareto_front(searched, score, measure, candidates=candidates)
