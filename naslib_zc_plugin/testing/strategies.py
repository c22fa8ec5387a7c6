"""The laws that every search strategy keeps, as tests to inherit. Needs pytest."""

from __future__ import annotations

import random
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from naslib_zc_plugin.strategies import Seed
from naslib_zc_plugin.testing.strategy_states import UNDEFINED, History, StateConformance, best_of, flawed, score, worth
from naslib_zc_plugin.testing.words import Words

__all__ = ["UNDEFINED", "StrategyConformance", "flawed", "score", "worth"]


class StrategyConformance(StateConformance):
    """Inherit it under a name that pytest collects, and say which strategy::

        from naslib_zc_plugin.testing.strategies import StrategyConformance

        class TestMyStrategy(StrategyConformance):
            strategy = "my_strategy"
            options = {"temperature": 0.5}

    It searches :class:`~naslib_zc_plugin.testing.words.Words`.

    Attributes:
        strategy: its registered name.
        options: its options.
        steps: that are enough to see all that it does.
        patience: evaluations after which the best of 27 words has been asked for.
        remembers: whether its state may hold every key that it asked for.
        start: what a fitness must exceed to be the best.
    """

    @pytest.mark.parametrize("seed", [0, 1, "a text"])
    def test_equal_seeds_and_answers_give_equal_questions(self, seed: Seed) -> None:
        """Whatever Python's own generator does, which stays as it is."""
        first = self.go_on(self.make(seed=seed), self.steps)
        before = random.getstate()
        try:
            random.seed(1)
            state = random.getstate()
            assert self.go_on(self.make(seed=seed), self.steps) == first
            assert random.getstate() == state
        finally:
            random.setstate(before)
        assert first

    @pytest.mark.parametrize("undefined", UNDEFINED)
    def test_what_is_undefined_is_never_the_best(self, undefined: float | None) -> None:
        """Among others nor alone; all that is undefined is the same."""
        search = self.make()
        history = self.go_on(search, self.steps, flawed(undefined))
        assert {fitness in UNDEFINED for _, fitness in history} == {False, True}
        assert search.best == best_of(history, self.start)
        again = self.go_on(self.make(), self.steps, flawed(None))
        assert [key for key, _ in history] == [key for key, _ in again]
        hopeless = self.make()
        assert len(self.go_on(hopeless, self.steps, lambda key: undefined)) == self.steps
        assert hopeless.best is None

    def test_the_best_is_the_first_of_the_highest(self) -> None:
        """At each step; also if all are worth the same."""
        search, history = self.make(), []
        for _ in range(self.steps):
            history += self.go_on(search, 1)
            assert search.best == best_of(history, self.start)
        equal = self.make()
        history = self.go_on(equal, self.steps, lambda key: -0.5)
        assert len(history) == self.steps
        assert equal.best == history[0]

    def test_several_may_be_evaluated_at_once(self) -> None:
        """And be told in any order, or never."""
        runs = []
        for _ in range(2):
            search, rng, told, asked = self.make(), Random(5), [], []
            for _ in range(10):
                keys = [search.ask() for _ in range(7)]
                asked += keys
                rng.shuffle(keys)
                for key in keys[:6]:
                    told.append((key, worth(key)))
                    search.tell(*told[-1])
                assert search.best == best_of(told, self.start)
            runs.append(asked)
        assert runs[0] == runs[1]

    def test_keys_that_were_never_asked_for_may_be_told(self) -> None:
        """Before the first question and between others."""
        search, rng = self.make(domain := Words("abcd", 5)), Random(3)
        told: History = []
        for _ in range(self.steps):
            key = domain.sample(rng)
            told.append((key, worth(key)))
            search.tell(*told[-1])
            told += self.go_on(search, 1)
            assert search.best == best_of(told, self.start)

    def test_the_best_is_found_at_last(self) -> None:
        """In a space of 27, whatever the seed."""
        for seed in range(5):
            search = self.make(Words("abc", 3), seed)
            self.go_on(search, self.patience)
            assert search.best == ("aaa", 0.0)

    def test_a_step_costs_the_same_at_any_time(self) -> None:
        """Calls of the search space in a step, and values in a state, do not grow with the history."""
        search = self.make(domain := Words("abcdefgh", 12))
        most, values = [], []
        for _ in range(2):
            self.go_on(search, 500)
            calls = []
            for _ in range(100):
                before = domain.calls
                self.go_on(search, 1)
                calls.append(domain.calls - before)
            most.append(max(calls))
            values.append(sum(1 for _ in _values(search.state_dict())))
        assert most[0] == most[1]
        assert self.remembers or values[0] == values[1]


def _values(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        yield value
    else:
        for item in inner:
            yield from _values(item)
