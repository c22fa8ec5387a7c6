"""The suite for strategies tells each offence."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from naslib_zc_plugin.strategies import Seed, Strategy
from naslib_zc_plugin.testing.strategies import UNDEFINED, StrategyConformance, Words


class Good(Strategy):
    """A hill climber, from which the others differ in one thing."""

    def __init__(self, domain: Words, seed: Seed = 0) -> None:
        super().__init__(domain, seed=seed)
        self.told: list[str] = []

    def ask(self) -> str:
        """A change of the best, or one in three times a random key."""
        if not self.best or self._rng.random() < 0.33:
            return self.space.sample(self._rng)
        return self.space.mutate(self.best[0], self._rng)

    def _tell(self, key: str, fitness: float) -> None:
        self.told = [*self.told, key][-3:]

    def _state(self) -> dict[str, Any]:
        return {"told": list(self.told)}

    def _load(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state["told"], list):
            raise TypeError("told")
        self.told = list(state["told"])


class Unseeded(Good):
    def ask(self) -> str:
        return self.space.sample(random.Random(random.random()))


class Unrestored(Good):
    def ask(self) -> str:
        return self.space.mutate(self.told[0], self._rng) if self.told else super().ask()

    def _load(self, state: Mapping[str, Any]) -> None:
        pass


class Infinite(Good):
    def _state(self) -> dict[str, Any]:
        return {"told": self.told, "bound": float("inf")}


class Alive(Good):
    def _tell(self, key: str, fitness: float) -> None:
        self.told.append(key)

    def _state(self) -> dict[str, Any]:
        return {"told": self.told}


class Gullible(Good):
    def tell(self, key: str, fitness: float | None) -> None:
        super().tell(key, fitness if fitness is not None and fitness == fitness else 1e9)


class Fickle(Good):
    def tell(self, key: str, fitness: float | None) -> None:
        super().tell(key, fitness)
        if self.best and fitness == self.best[1]:
            self.best = (key, fitness)


class Impatient(Good):
    waiting = False

    def ask(self) -> str:
        assert not self.waiting, "one at a time"
        self.waiting = True
        return super().ask()

    def _tell(self, key: str, fitness: float) -> None:
        self.waiting = False


class Jealous(Good):
    asked = ""

    def ask(self) -> str:
        self.asked = super().ask()
        return self.asked

    def _tell(self, key: str, fitness: float) -> None:
        assert key == self.asked, "not mine"


class Stuck(Good):
    def ask(self) -> str:
        self._rng.random()
        return "b" * self.space.length  # type: ignore[attr-defined]


class Slow(Good):
    count = 0

    def ask(self) -> str:
        self.count += 1
        return max(self.space.sample(self._rng) for _ in range(self.count))


class Hoarder(Good):
    def _tell(self, key: str, fitness: float) -> None:
        self.told.append(key)


class Hasty(Good):
    def _load(self, state: Mapping[str, Any]) -> None:
        self.told = []
        super()._load(state)


class Credulous(Good):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state and "rng" in state:
            super().load_state_dict(state)


def suite(kind: type[Good]) -> StrategyConformance:
    class Suite(StrategyConformance):
        def make(self, domain: Words | None = None, seed: Seed = 0) -> Strategy:
            return kind(domain or Words("abcd", 5), seed)

    return Suite()


OFFENCES = [
    (Unseeded, "equal_seeds_and_answers_give_equal_questions", (0,)),
    (Unrestored, "a_state_goes_on_where_it_was_saved", ()),
    (Infinite, "a_state_goes_on_where_it_was_saved", ()),
    (Alive, "saving_changes_nothing", ()),
    (Gullible, "what_is_undefined_is_never_the_best", (None,)),
    (Fickle, "the_best_is_the_first_of_the_highest", ()),
    (Impatient, "several_may_be_evaluated_at_once", ()),
    (Jealous, "keys_that_were_never_asked_for_may_be_told", ()),
    (Stuck, "the_best_is_found_at_last", ()),
    (Slow, "a_step_costs_the_same_at_any_time", ()),
    (Hoarder, "a_step_costs_the_same_at_any_time", ()),
    (Hasty, "a_damaged_state_is_refused_or_harmless", ()),
    (Credulous, "what_is_no_state_of_it_is_refused", ({},)),
]


@pytest.mark.parametrize(("kind", "law", "arguments"), OFFENCES, ids=lambda value: getattr(value, "__name__", None))
def test_an_offence_is_told_and_its_absence_is_not(kind: type[Good], law: str, arguments: tuple[Any, ...]) -> None:
    getattr(suite(Good), f"test_{law}")(*arguments)
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        getattr(suite(kind), f"test_{law}")(*arguments)


def test_every_law_has_an_offence() -> None:
    laws = {name[len("test_") :] for name in dir(StrategyConformance) if name.startswith("test_")}
    assert laws == {law for _, law, _ in OFFENCES}


@pytest.mark.parametrize("undefined", UNDEFINED[1:])
def test_undefined_values_must_all_be_the_same(undefined: float | None) -> None:
    class Choosy(Good):
        def tell(self, key: str, fitness: float | None) -> None:
            super().tell(key, fitness)
            if fitness is undefined:
                self._rng.random()

    with pytest.raises(AssertionError):
        suite(Choosy).test_what_is_undefined_is_never_the_best(undefined)
