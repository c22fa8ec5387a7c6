"""A search space of words, and the laws that every search strategy keeps, as tests to inherit. Needs pytest."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Callable, ClassVar, Optional

import pytest

from naslib_zc_plugin.strategies import Exhausted, Seed, Strategy, strategy

__all__ = ["UNDEFINED", "StrategyConformance", "Words", "flawed", "word_fitness", "word_score"]

UNDEFINED = (None, math.nan, math.inf, -math.inf)
_JUNK: tuple[Any, ...] = (None, -1, 2.5, [], {}, [[]])
Answer = Callable[[str], Optional[float]]
History = list[tuple[str, Optional[float]]]


class Words:
    """A search space that strategies can be tried on in microseconds: all words of a length.

    Args:
        letters: the alphabet.
        length: of each word.

    Attributes:
        size: number of words.
        calls: how often its methods were called.

    >>> Words("ab", 3).neighbours("aaa")
    ['baa', 'aba', 'aab']
    """

    def __init__(self, letters: str = "abc", length: int = 4) -> None:
        self.letters, self.length = letters, length
        self.size = len(letters) ** length
        self.calls = 0

    def sample(self, rng: Random) -> str:
        """Return a word, all equally likely."""
        self.calls += 1
        return "".join(rng.choice(self.letters) for _ in range(self.length))

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """Change one letter: any (``"edge"``), or one in the front half or the rear (``"node"``)."""
        self._check(key)
        if rule == "edge":
            place = rng.randrange(self.length)
        elif rule == "node":
            middle = self.length // 2
            place = rng.choice(rng.choice([range(middle), range(middle, self.length)]))
        else:
            raise ValueError(f"unknown mutation rule {rule!r}; use 'edge' or 'node'")
        return key[:place] + rng.choice(self.letters.replace(key[place], "")) + key[place + 1 :]

    def neighbours(self, key: str) -> list[str]:
        """Return all words with one other letter, by place and then by letter."""
        self._check(key)
        return [
            key[:place] + letter + key[place + 1 :]
            for place in range(self.length)
            for letter in self.letters
            if letter != key[place]
        ]

    def _check(self, key: str) -> None:
        self.calls += 1
        if len(key) != self.length or not set(key) <= set(self.letters):
            raise ValueError(f"{key!r} is no word of {self.length} of the letters {self.letters}")


def word_score(key: str) -> float | None:
    """Return a score without evaluation, one in five undefined; it does not go with :func:`word_fitness`."""
    rng = Random(f"score of {key}")
    return rng.choice(UNDEFINED) if rng.random() < 0.2 else rng.random() - 0.5


def word_fitness(key: str) -> float:
    """Return the fitness of a word: the number of letters that are ``a``, less three."""
    return key.count("a") - 3.0


def flawed(undefined: float | None) -> Answer:
    """Return :func:`word_fitness`, of which half are undefined."""
    return lambda key: undefined if Random(f"flaw of {key}").random() < 0.5 else word_fitness(key)


def best_of(history: Sequence[tuple[str, float | None]], start: float = -math.inf) -> tuple[str, float] | None:
    """Return the first of the highest that are defined and above a start."""
    defined = [(key, found) for key, found in history if found is not None and start < found < math.inf]
    return max(defined, key=lambda pair: pair[1], default=None)


class StrategyConformance:
    """The laws that every strategy keeps.

    Inherit it under a name that pytest collects, and name the strategy::

        from naslib_zc_plugin.testing.strategies import StrategyConformance

        class TestMyStrategy(StrategyConformance):
            strategy = "my_strategy"
            options = {"temperature": 0.5}

    It searches :class:`Words`.

    Attributes:
        strategy: its registered name.
        options: its options.
        steps: number of steps in which it shows all that it does.
        patience: number of evaluations after which it has found the best of 27 words.
        remembers: whether its state may hold every key that it asked for.
        start: the best fitness is above it.
    """

    strategy: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    steps: ClassVar[int] = 40
    patience: ClassVar[int] = 3000
    remembers: ClassVar[bool] = False
    start: ClassVar[float] = -math.inf

    def make(self, domain: Words | None = None, seed: Seed = 0) -> Strategy:
        """Return the strategy at its beginning."""
        return strategy(self.strategy, domain or Words("abcd", 5), score=word_score, seed=seed, **self.options)

    def run(self, search: Strategy, steps: int, answer: Answer = word_fitness) -> History:
        """Ask and tell for some steps, or until nothing is left to ask for."""
        history: History = []
        for _ in range(steps):
            try:
                key = search.ask()
            except Exhausted:
                break
            history.append((key, answer(key)))
            search.tell(*history[-1])
        return history

    @pytest.mark.parametrize("seed", [0, 1, "a text"])
    def test_equal_seeds_and_answers_give_equal_questions(self, seed: Seed) -> None:
        """Check that Python's own generator has no influence, and stays as it is."""
        first = self.run(self.make(seed=seed), self.steps)
        before = random.getstate()
        try:
            random.seed(1)
            state = random.getstate()
            assert self.run(self.make(seed=seed), self.steps) == first
            assert random.getstate() == state
        finally:
            random.setstate(before)
        assert first

    @pytest.mark.parametrize("undefined", UNDEFINED)
    def test_what_is_undefined_is_never_the_best(self, undefined: float | None) -> None:
        """Check this among defined ones and alone, and that all kinds of undefined are treated alike."""
        search = self.make()
        history = self.run(search, self.steps, flawed(undefined))
        assert {found in UNDEFINED for _, found in history} == {False, True}
        assert search.best == best_of(history, self.start)
        again = self.run(self.make(), self.steps, flawed(None))
        assert [key for key, _ in history] == [key for key, _ in again]
        hopeless = self.make()
        assert len(self.run(hopeless, self.steps, lambda key: undefined)) == self.steps
        assert hopeless.best is None

    def test_the_best_is_the_first_of_the_highest(self) -> None:
        """Check this at each step; also where all are equal."""
        search, history = self.make(), []
        for _ in range(self.steps):
            history += self.run(search, 1)
            assert search.best == best_of(history, self.start)
        equal = self.make()
        history = self.run(equal, self.steps, lambda key: -0.5)
        assert len(history) == self.steps
        assert equal.best == history[0]

    def test_several_may_be_evaluated_at_once(self) -> None:
        """Check that answers may come in any order, or never."""
        runs = []
        for _ in range(2):
            search, rng, told, asked = self.make(), Random(5), [], []
            for _ in range(10):
                keys = [search.ask() for _ in range(7)]
                asked += keys
                rng.shuffle(keys)
                for key in keys[:6]:
                    told.append((key, word_fitness(key)))
                    search.tell(*told[-1])
                assert search.best == best_of(told, self.start)
            runs.append(asked)
        assert runs[0] == runs[1]

    def test_keys_that_were_never_asked_for_may_be_told(self) -> None:
        """Check this before the first question and between others."""
        search, rng = self.make(domain := Words("abcd", 5)), Random(3)
        told: History = []
        for _ in range(self.steps):
            key = domain.sample(rng)
            told.append((key, word_fitness(key)))
            search.tell(*told[-1])
            told += self.run(search, 1)
            assert search.best == best_of(told, self.start)

    def test_the_best_is_found_at_last(self) -> None:
        """Check this in a space of 27, for several seeds."""
        for seed in range(5):
            search = self.make(Words("abc", 3), seed)
            self.run(search, self.patience)
            assert search.best == ("aaa", 0.0)

    def test_a_step_costs_the_same_at_any_time(self) -> None:
        """Check that calls of the search space in a step, and values in a state, do not grow with the history."""
        search = self.make(domain := Words("abcdefgh", 12))
        most, values = [], []
        for _ in range(2):
            self.run(search, 500)
            calls = []
            for _ in range(100):
                before = domain.calls
                self.run(search, 1)
                calls.append(domain.calls - before)
            most.append(max(calls))
            values.append(_size(search.state_dict()))
        assert most[0] == most[1]
        assert self.remembers or values[0] == values[1]

    def test_a_state_goes_on_where_it_was_saved(self) -> None:
        """Check this at every step, before and after each answer, as JSON, in a new strategy and in a used one."""
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
                assert [key for key, _ in self.run(other, len(following), answer)] == following
        used.load_state_dict(json.loads(saved[-1][1]))
        used.tell(asked[-1], answer(asked[-1]))
        assert (used.best, used.state_dict()) == (search.best, search.state_dict())

    def test_saving_changes_nothing(self) -> None:
        """Check that the questions stay the same, and that a state does not change after it was returned."""
        search, states = self.make(), []
        history = []
        for _ in range(self.steps):
            state = search.state_dict()
            states.append((state, json.dumps(state)))
            history += self.run(search, 1)
        assert history == self.run(self.make(), self.steps)
        assert all(json.dumps(state) == text for state, text in states)

    def test_a_damaged_state_is_refused_or_harmless(self) -> None:
        """Check entries missing or replaced: ``ValueError`` and nothing changed, or the search continues."""
        search, refused = self.make(), 0
        self.run(search, 15)
        for damaged in _damages(search.state_dict()):
            other = self.make(seed=1)
            self.run(other, 5)
            before = copy.deepcopy(other.state_dict())
            try:
                other.load_state_dict(damaged)
            except ValueError:
                refused += 1
                assert other.state_dict() == before
            else:
                self.run(other, 10)
        assert refused

    @pytest.mark.parametrize("state", [{}, {"strategy": "Another"}, [], None, "text"])
    def test_what_is_no_state_of_it_is_refused(self, state: Any) -> None:
        """Check that ``ValueError`` is raised and nothing changes."""
        search = self.make()
        with pytest.raises(ValueError, match=type(search).__name__):
            search.load_state_dict(state)
        assert search.state_dict() == self.make().state_dict()


def _size(state: Any) -> int:
    """Return the number of values of a nested state."""
    inner = state.values() if isinstance(state, dict) else state
    return sum(map(_size, inner)) if isinstance(state, (dict, list)) else 1


def _damages(value: Any) -> Iterator[Any]:
    """Yield copies, each with one entry missing or replaced; of lists the first and the last entry."""
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
