"""The base of all strategies: ask for an architecture, tell its fitness."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Callable, Optional, Protocol, Union

KeyScore = Callable[[str], Optional[float]]
"""A score of a key without evaluating it, such as a proxy's; higher is better, None: undefined."""
Seed = Union[int, str]
LOWEST = -math.inf
"""The fitness of a key that has none: it never wins."""


class Exhausted(Exception):
    """The search space has no architecture left that the strategy may ask for."""


class SearchSpace(Protocol):
    """A search space, as far as strategies need it; those of :mod:`naslib_zc_plugin.spaces` are such."""

    def sample(self, rng: Random) -> str:
        """Return a random key."""

    def mutate(self, key: str, rng: Random, rule: str = ...) -> str:
        """Return a key one random change away from ``key``; ``rule`` names the distribution, if there are several."""

    def neighbours(self, key: str) -> list[str]:
        """Return all keys one change away. Raises ``ValueError`` where they cannot be listed."""


@dataclass(eq=False)
class Strategy(ABC):
    """A search that owns no loop: ``key = ask()``, evaluate it anywhere, ``tell(key, fitness)``.

    ``ask`` may be called several times before the first ``tell``, and fitnesses may come in any order. All random draws
    depend on ``seed``, so that equal fitnesses lead to equal keys. A subclass is a dataclass of its options;
    ``__post_init__`` checks them and begins the search.

    Args:
        space: the search space.
        score: fitness without evaluation, for the strategies that use one.
        seed: of all that is drawn.
        start: the number that a fitness must exceed to be the best; None: the first that is defined is the best so
            far. Codes that start from 0 or −1 never accept scores below.

    Attributes:
        best: the best key so far and its fitness, the first of equals; None before there is one.

    >>> from naslib_zc_plugin.spaces import space
    >>> from naslib_zc_plugin.strategies import strategy
    >>> search = strategy("random_search", space("nasbench201"), seed=0)
    >>> key = search.ask()
    >>> search.tell(key, 93.5)
    >>> search.best == (key, 93.5)
    True
    """

    space: SearchSpace
    score: KeyScore | None = None
    seed: Seed = 0
    start: float | None = None

    def __post_init__(self) -> None:
        """Begin the search."""
        self.best: tuple[str, float] | None = None
        self._rng = Random(self.seed)

    @abstractmethod
    def ask(self) -> str:
        """Return the architecture to evaluate next.

        Raises:
            Exhausted: there is none.
        """

    def tell(self, key: str, fitness: float | None) -> None:
        """Take in the fitness of an architecture.

        Args:
            key: a key of :meth:`ask`, or any other that was evaluated.
            fitness: higher is better; None, NaN and infinities: it failed or is undefined, and never wins.
        """
        value = comparable(fitness)
        if value > (self.best[1] if self.best else LOWEST if self.start is None else self.start):
            self.best = (key, value)
        self._tell(key, value)

    def _tell(self, key: str, fitness: float) -> None:  # noqa: B027
        """Learn from a fitness (:data:`LOWEST` if the key has none)."""

    def on_external_ask(self, key: str) -> None:  # noqa: B027
        """Note a key that another strategy, such as the one around this one, asked for; its fitness will follow."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the search, as values that JSON knows."""
        version, internal, gauss = self._rng.getstate()
        return {
            "strategy": type(self).__name__,
            "rng": [version, list(internal), gauss],
            "best": list(self.best) if self.best else None,
            **self._state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a strategy with the same arguments stood.

        Raises:
            ValueError: the state is another strategy's, or damaged; then nothing has changed.
        """
        name = type(self).__name__
        if not isinstance(state, Mapping) or "strategy" not in state:
            raise ValueError(f"no state of {name}: {str(state)[:80]}")
        if state["strategy"] != name:
            raise ValueError(f"a state of {state['strategy']!r} cannot be continued by {name}")
        try:
            version, internal, gauss = state["rng"]
            rng, best = Random(), state["best"]
            rng.setstate((version, tuple(internal), None if gauss is None else float(gauss)))
            if best is not None:
                best = checked_text(best[0]), float(best[1])
            self._load(state)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"a damaged state of {name}: {type(error).__name__}: {error}") from error
        self._rng, self.best = rng, best

    def _state(self) -> dict[str, Any]:
        """Return the strategy's own part of :meth:`state_dict`."""
        return {}

    def _load(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Restore the values of :meth:`_state`, all or nothing: an error leaves everything as it was."""

    def _check_score(self) -> None:
        """Check that there is a score."""
        if self.score is None:
            raise ValueError(f"{type(self).__name__} needs score=, a function of the key such as a proxy's")

    def _scored(self, key: str) -> float:
        """Return the score of a key; :data:`LOWEST` if it is undefined."""
        assert self.score is not None, "a strategy that uses scores calls _check_score when it is made"
        return comparable(self.score(key))


def comparable(fitness: float | None) -> float:
    """Return a fitness that can be compared: :data:`LOWEST` for None, NaN and infinities."""
    return float(fitness) if fitness is not None and math.isfinite(fitness) else LOWEST


# Checks of options and of states --------------------


def at_least(name: str, value: int, bound: int = 1) -> int:
    """Return ``value``, a whole number of at least ``bound``.

    Raises:
        ValueError: it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < bound:
        raise ValueError(f"{name} must be a whole number, at least {bound}, not {value!r}")
    return value


def one_of(name: str, value: str, *known: str) -> str:
    """Return ``value``, one of those that are known.

    Raises:
        ValueError: it is another.
    """
    if value not in known:
        raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, not {value!r}")
    return value


def checked_text(value: Any) -> str:
    """Return ``value``, a text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {value!r}")
    return value


def checked_texts(value: Any) -> list[str]:
    """Return a copy of ``value``, a list of texts.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, list):
        raise TypeError(f"expected a list of texts, found {value!r}")
    return [checked_text(item) for item in value]
