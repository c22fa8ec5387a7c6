"""What every strategy is: ask for an architecture, tell what it was worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from random import Random
from typing import Any, Callable, Optional, Protocol, Union

from naslib_zc_plugin.strategies.checks import LOWEST, defined, text

Fitness = Callable[[str], Optional[float]]
"""What a key is worth before it is evaluated, such as a proxy's score; higher is better, None: undefined."""
Seed = Union[int, str]


class Exhausted(Exception):
    """The search space has no architecture left that the strategy may ask for."""


class Domain(Protocol):
    """What strategies need of a search space; those of :mod:`naslib_zc_plugin.spaces` have it."""

    def sample(self, rng: Random) -> str:
        """A random key."""

    def mutate(self, key: str, rng: Random, rule: str = ...) -> str:
        """A key one random change away from ``key``; ``rule`` names the distribution, where there are several."""

    def neighbours(self, key: str) -> list[str]:
        """All keys one change away. Raises ``ValueError`` where they cannot be listed."""


class Strategy(ABC):
    """A search that owns no loop: ``key = ask()``, evaluate it anywhere, ``tell(key, fitness)``.

    Several keys may be asked for before the first is told, and told in any order. All that is random depends on
    ``seed``, so that equal answers give equal questions.

    Args:
        domain: the search space.
        score: fitness without evaluation, for the strategies that use one.
        seed: of all that is drawn.
        start: what a fitness must exceed to be the best; None: the first that is defined is the best so far. Codes
            that start from 0 or −1 never accept scores below.

    Attributes:
        best: the best key told so far and its fitness, the first of equals; None before there is one.
    """

    def __init__(
        self, domain: Domain, *, score: Fitness | None = None, seed: Seed = 0, start: float | None = None
    ) -> None:
        self.domain = domain
        self.best: tuple[str, float] | None = None
        self._score = score
        self._rng = Random(seed)
        self._start = LOWEST if start is None else float(start)

    @abstractmethod
    def ask(self) -> str:
        """The architecture to evaluate next.

        Raises:
            Exhausted: there is none.
        """

    def expect(self, key: str) -> None:  # noqa: B027
        """Take note that a key will be told which another asked for, such as the strategy around this one."""

    def tell(self, key: str, fitness: float | None) -> None:
        """Say what an architecture is worth.

        Args:
            key: one that was asked for, or any other that was evaluated.
            fitness: higher is better; None, NaN and infinities: it failed or is undefined, and never wins.
        """
        value = defined(fitness)
        if value > (self.best[1] if self.best else self._start):
            self.best = (key, value)
        self._told(key, value)

    def _told(self, key: str, fitness: float) -> None:  # noqa: B027
        """Take in a fitness (:data:`LOWEST` if there is none)."""

    def state_dict(self) -> dict[str, Any]:
        """Where the search stands, as values that JSON knows."""
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
            rng, best = _generator(*state["rng"]), state["best"]
            if best is not None:
                best = text(best[0]), float(best[1])
            self._load(state)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"a damaged state of {name}: {type(error).__name__}: {error}") from error
        self._rng, self.best = rng, best

    def _state(self) -> dict[str, Any]:
        """What :meth:`state_dict` holds besides."""
        return {}

    def _load(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up what :meth:`_state` gave, all or nothing: an error leaves everything as it was."""

    def _scored(self, key: str) -> float:
        """The fitness of a key without evaluating it; :data:`LOWEST` if undefined."""
        if self._score is None:
            raise ValueError(f"{type(self).__name__} needs score=, a function of the key such as a proxy's")
        return defined(self._score(key))


def _generator(version: int, internal: list[int], gauss: float | None) -> Random:
    rng = Random()
    rng.setstate((version, tuple(internal), None if gauss is None else float(gauss)))
    return rng
