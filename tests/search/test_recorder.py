"""The clock, the budget, and what becomes of evaluations that fail."""

from __future__ import annotations

import math
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.search.evaluators import Evaluation
from naslib_zc_plugin.search.journal import Entry
from naslib_zc_plugin.search.recorder import Diverged, Recorder, goes_on
from naslib_zc_plugin.search.scores import Scored


class _Lengths:
    """A key's fitness is its length, and costs ten seconds."""

    costly, tells = False, ()

    def __init__(self, change: Callable[[str], Evaluation] | None = None) -> None:
        self._change = change

    def __call__(self, key: str) -> Evaluation:
        return self._change(key) if self._change else Evaluation(float(len(key)), 10.0)

    def facts(self) -> dict[str, Any]:
        return {}

    def notes(self) -> list[str]:
        return []


def _score(key: str) -> Scored:
    return Scored(float(len(key)), "ok", "", 1.5)


def _recorder(known: tuple[Entry, ...] = (), **changes: Any) -> tuple[Recorder, list[Entry]]:
    written: list[Entry] = []
    given: dict[str, Any] = {"evaluator": _Lengths(), "budget": {"evaluations": 10}, **changes}
    recorder = Recorder(given["evaluator"], _score, known, lambda step, entry: written.append(entry), given["budget"])
    return recorder, written


def test_evaluations_are_charged_each_time_and_scores_once() -> None:
    recorder, written = _recorder()
    assert [recorder.score(key) for key in ("a", "bb", "a")] == [1, 2, 1]
    assert recorder.clock == 3.0
    recorder.evaluate("a")
    recorder.score("ccc")
    recorder.evaluate("a")
    assert [(entry.clock, entry.scored) for entry in written] == [(13.0, 2), (24.5, 3)]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_no_fitness(wrong: float) -> None:
    recorder, written = _recorder(evaluator=_Lengths(lambda key: Evaluation(wrong, 4.0)))
    assert recorder.evaluate("a") is None
    assert written == [Entry("a", None, 4.0, 4.0, 0, f"the fitness is {wrong}")]


def test_an_evaluator_that_raises_fails_its_architecture_alone() -> None:
    def some(key: str) -> Evaluation:
        if key == "bad":
            raise RuntimeError("no such network")
        return Evaluation(1.0, 1.0)

    recorder, written = _recorder(evaluator=_Lengths(some))
    assert [recorder.evaluate(key) for key in ("good", "bad", "good")] == [1.0, None, 1.0]
    assert written[1].reason == "RuntimeError: no such network"


def test_ctrl_c_is_no_failure_of_an_architecture() -> None:
    def stop(key: str) -> Evaluation:
        raise KeyboardInterrupt

    recorder, written = _recorder(evaluator=_Lengths(stop))
    with pytest.raises(KeyboardInterrupt):
        recorder.evaluate("a")
    assert written == []


@given(st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=8), st.integers(0, 8))
def test_played_again_it_answers_and_counts_as_before(keys: list[str], cut: int) -> None:
    first, written = _recorder()
    for key in keys:
        first.score(key)
        first.evaluate(key)
    again, more = _recorder(tuple(written[:cut]))
    answers = [(again.score(key), again.evaluate(key)) for key in keys]
    assert answers == [(len(key), len(key)) for key in keys]
    assert written[:cut] + more == written
    assert (again.step, again.clock) == (first.step, first.clock)


def test_another_key_than_recorded_is_told() -> None:
    recorder, _ = _recorder((Entry("a", 1.0, 1.0, 1.0, 0),))
    with pytest.raises(Diverged, match="step 0 was a, now the search asks for b"):
        recorder.evaluate("b")


def test_either_budget_ends_a_search_and_the_last_evaluation_may_overdraw() -> None:
    assert goes_on({"evaluations": 2}, 1, 1e9) and not goes_on({"evaluations": 2}, 2, 0)
    assert goes_on({"seconds": 2}, 10**6, 1.9) and not goes_on({"seconds": 2}, 0, 2)
    assert not goes_on({"evaluations": 5, "seconds": 2}, 1, 3) and not goes_on({"evaluations": 5, "seconds": 2}, 5, 1)
    recorder, _ = _recorder(budget={"seconds": 25})
    while recorder.goes_on():
        recorder.evaluate("a")
    assert (recorder.step, recorder.clock) == (3, 30.0)
