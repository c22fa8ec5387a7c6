"""What the laws of strategies are tried with, and those of a strategy's state. Needs pytest."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Callable, ClassVar, Optional

import pytest

from naslib_zc_plugin.strategies import Exhausted, Seed, Strategy, strategy
from naslib_zc_plugin.testing.words import Words

UNDEFINED = (None, math.nan, math.inf, -math.inf)
_JUNK: tuple[Any, ...] = (None, -1, 2.5, [], {}, [[]])
Answer = Callable[[str], Optional[float]]
History = list[tuple[str, Optional[float]]]


def score(key: str) -> float | None:
    """Fitness without evaluation, any but one in five of them undefined; says nothing of :func:`worth`."""
    rng = Random(f"score of {key}")
    return rng.choice(UNDEFINED) if rng.random() < 0.2 else rng.random() - 0.5


def worth(key: str) -> float:
    """What a word is worth: the number of letters that are ``a``, less three."""
    return key.count("a") - 3.0


def flawed(undefined: float | None) -> Answer:
    """:func:`worth`, of which half are undefined."""
    return lambda key: undefined if Random(f"flaw of {key}").random() < 0.5 else worth(key)


def best_of(history: Sequence[tuple[str, float | None]], start: float = -math.inf) -> tuple[str, float] | None:
    """The first of the highest that are defined and above a start."""
    best: tuple[str, float] | None = None
    for key, fitness in history:
        if fitness is not None and start < fitness < math.inf and (best is None or fitness > best[1]):
            best = key, fitness
    return best


class StateConformance:
    """Part of :class:`~naslib_zc_plugin.testing.strategies.StrategyConformance`, which says what the attributes are."""

    strategy: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    steps: ClassVar[int] = 40
    patience: ClassVar[int] = 3000
    remembers: ClassVar[bool] = False
    start: ClassVar[float] = -math.inf

    def make(self, domain: Words | None = None, seed: Seed = 0) -> Strategy:
        """The strategy at its beginning."""
        return strategy(self.strategy, domain or Words("abcd", 5), score=score, seed=seed, **self.options)

    def go_on(self, search: Strategy, steps: int, answer: Answer = worth) -> History:
        """Ask and tell, until there is nothing to ask for."""
        history: History = []
        for _ in range(steps):
            try:
                key = search.ask()
            except Exhausted:
                break
            history.append((key, answer(key)))
            search.tell(*history[-1])
        return history

    def test_a_state_goes_on_where_it_was_saved(self) -> None:
        """At every step, before and after each answer, as JSON, into a new strategy and into a used one."""
        search, saved, answer = self.make(), [], flawed(None)
        for _ in range(self.steps):
            saved.append(("", json.dumps(search.state_dict(), allow_nan=False)))
            key = search.ask()
            saved.append((key, json.dumps(search.state_dict(), allow_nan=False)))
            search.tell(key, answer(key))
        asked = [key for key, _ in saved[1::2]]
        used = self.make(seed=0)
        for place, (pending, state) in enumerate(saved):
            for other in (self.make(), used):
                other.load_state_dict(json.loads(state))
                assert json.dumps(other.state_dict()) == state
                if pending:
                    other.tell(pending, answer(pending))
                following = asked[(place + 1) // 2 :][:10]
                assert [key for key, _ in self.go_on(other, len(following), answer)] == following
        used.load_state_dict(json.loads(saved[-1][1]))
        used.tell(asked[-1], answer(asked[-1]))
        assert (used.best, used.state_dict()) == (search.best, search.state_dict())

    def test_saving_changes_nothing(self) -> None:
        """Neither the questions, nor does a state change after it was given."""
        search, states = self.make(), []
        history = []
        for _ in range(self.steps):
            state = search.state_dict()
            states.append((state, json.dumps(state)))
            history += self.go_on(search, 1)
        assert history == self.go_on(self.make(), self.steps)
        assert all(json.dumps(state) == text for state, text in states)

    def test_a_damaged_state_is_refused_or_harmless(self) -> None:
        """An entry missing or another in its place: ``ValueError`` and nothing changed, or the search goes on."""
        search, refused = self.make(), 0
        self.go_on(search, 15)
        for damaged in _damages(search.state_dict()):
            other = self.make(seed=1)
            self.go_on(other, 5)
            before = copy.deepcopy(other.state_dict())
            try:
                other.load_state_dict(damaged)
            except ValueError:
                refused += 1
                assert other.state_dict() == before
            else:
                self.go_on(other, 10)
        assert refused

    @pytest.mark.parametrize("state", [{}, {"strategy": "Another"}, [], None, "text"])
    def test_what_is_no_state_of_it_is_refused(self, state: Any) -> None:
        """It changes nothing."""
        search = self.make()
        with pytest.raises(ValueError, match=type(search).__name__):
            search.load_state_dict(state)
        assert search.state_dict() == self.make().state_dict()


def _damages(value: Any) -> Iterator[Any]:
    """Copies, each with one entry missing or another in its place; of lists the first and the last."""
    places = list(value) if isinstance(value, dict) else sorted({0, len(value) - 1} if value else ())
    for place in places:
        without = copy.copy(value)
        del without[place]
        yield without
        inner = _damages(value[place]) if isinstance(value[place], (dict, list)) else ()
        for other in (*_JUNK, *inner):
            damaged = copy.copy(value)
            damaged[place] = copy.deepcopy(other)
            yield damaged
