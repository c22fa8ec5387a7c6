"""The clock, the budget, and what becomes of evaluations that fail."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.search.config import Budget
from naslib_zc_plugin.search.journal import Entry, ProxyScore
from naslib_zc_plugin.search.loop import HOSTS, Diverged, Evaluate, Evaluation, Recorder
from naslib_zc_plugin.strategies import Strategy, strategy
from naslib_zc_plugin.testing.strategies import Words


class _Lengths:
    """A key's fitness is its length, and costs ten seconds."""

    costly, metric_names = False, ()

    def __init__(self, change: Callable[[str], Evaluation] | None = None) -> None:
        self._change = change

    def __call__(self, key: str) -> Evaluation:
        return self._change(key) if self._change else Evaluation(float(len(key)), 10.0)

    def provenance(self) -> dict[str, Any]:
        return {}

    def notes(self) -> list[str]:
        return []


def _score(key: str) -> ProxyScore:
    return ProxyScore(float(len(key)), "ok", "", 1.5)


def _recorder(known: tuple[Entry, ...] = (), **changes: Any) -> tuple[Recorder, list[Entry]]:
    written: list[Entry] = []
    given: dict[str, Any] = {"evaluator": _Lengths(), "budget": Budget(evaluations=10), **changes}
    recorder = Recorder(
        given["evaluator"], _score, known, lambda step, entry: written.append(entry), given["budget"].allows
    )
    return recorder, written


def test_evaluations_are_charged_each_time_and_scores_once() -> None:
    recorder, written = _recorder()
    assert [recorder.score(key) for key in ("a", "bb", "a")] == [1, 2, 1]
    assert recorder.clock == 3.0
    recorder.evaluate("a")
    recorder.score("ccc")
    recorder.evaluate("a")
    assert [(entry.clock, entry.scored) for entry in written] == [(13.0, 2), (24.5, 3)]


def test_a_budget_of_seconds_needs_evaluations_that_take_time() -> None:
    free = _Lengths(lambda key: Evaluation(1.0, 0.0))
    recorder, _ = _recorder(evaluator=free, budget=Budget(seconds=5.0))
    with pytest.raises(ValueError, match="10,000 evaluations in a row took no time.*add evaluations to the budget"):
        while recorder.within_budget():
            recorder.evaluate("a")
    recorder, written = _recorder(evaluator=free, budget=Budget(seconds=5.0, evaluations=10_050))
    while recorder.within_budget():
        recorder.evaluate("a")
    assert len(written) == 10_050


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
    assert Budget(evaluations=2).allows(1, 1e9) and not Budget(evaluations=2).allows(2, 0)
    assert Budget(seconds=2).allows(10**6, 1.9) and not Budget(seconds=2).allows(0, 2)
    both = Budget(evaluations=5, seconds=2)
    assert not both.allows(1, 3) and not both.allows(5, 1) and both.allows(4, 1)
    recorder, _ = _recorder(budget=Budget(seconds=25))
    while recorder.within_budget():
        recorder.evaluate("a")
    assert (recorder.step, recorder.clock) == (3, 30.0)


# Loops --------------------


def backwards(strategy: Strategy, evaluate: Evaluate, within_budget: Callable[[], bool], space: str) -> None:
    """Run a search as a host of another distribution does, which shows every key from behind."""
    while within_budget():
        key = strategy.ask()
        strategy.tell(key, evaluate(key[::-1]))


def test_a_host_of_another_distribution_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "some_hosts-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: some-hosts\nVersion: 1\n")
    text = "[naslib_zc_plugin.hosts]\nbackwards = tests.search.test_loop:backwards\n"
    (information / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"none", "nni", "naslib", "backwards"} <= set(HOSTS.names())
    search, (recorder, written) = strategy("random_search", Words("ab", 3)), _recorder()
    HOSTS.load("backwards")(search, recorder.evaluate, recorder.within_budget, "words")
    drawn = strategy("random_search", Words("ab", 3))
    assert [entry.key for entry in written] == [drawn.ask()[::-1] for _ in range(10)]


def test_our_own_loop_ends_with_the_budget_or_with_the_space() -> None:
    for distinct, steps in ((False, 10), (True, 8)):
        search, (recorder, written) = strategy("random_search", Words("ab", 3), distinct=distinct), _recorder()
        HOSTS.load("none")(search, recorder.evaluate, recorder.within_budget, "words")
        assert len(written) == steps and search.best == (written[0].key, 3.0)
