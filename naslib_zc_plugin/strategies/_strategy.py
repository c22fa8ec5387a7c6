"""The base of all strategies: ask for an architecture, tell its fitness."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Callable, ClassVar, Optional, Protocol, Union

from naslib_zc_plugin.strategies._agreement import ProxyAgreement, Trust

KeyScore = Callable[[str], Optional[float]]
"""A score of a key without evaluating it, such as a proxy's; higher is better. None, or :class:`NoScore` with a reason:
undefined."""
Seed = Union[int, str]
LOWEST = -math.inf
"""The fitness of a key that has none: it never wins."""
HOPELESS = 10
"""So many without one success are no accident."""
_WARNINGS = 3
logger = logging.getLogger(__name__)


class Exhausted(Exception):
    """The search space has no architecture left that the strategy may ask for."""


class NoScore(ValueError):
    """A network without a score; the message gives the reason.

    Attributes:
        failed: scoring it ended in an error; False: the score is undefined.
    """

    def __init__(self, reason: str, failed: bool = True) -> None:
        super().__init__(reason)
        self.failed = failed


class AllFailed(ValueError):
    """Nothing was scored, or nothing was evaluated, with success: the search would be a random one."""


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
        if_all_fail: ``"stop"``: raise :class:`AllFailed` where a score would guide the search and none has a value;
            hosts also do so where the first ten evaluations fail. ``"go_on"``: as a random search, which is logged.
        trust: ``"always"`` follow the score, or ``"auto"``: as far as :class:`~._agreement.Trust` in it goes, and each
            fifth time without it.

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
    if_all_fail: str = "stop"
    trust: str = "always"
    follows_score: ClassVar[bool] = False
    """Whether strategies of this class use a score."""

    def __post_init__(self) -> None:
        """Begin the search."""
        one_of("if_all_fail", self.if_all_fail, "stop", "go_on")
        if one_of("trust", self.trust, "always", "auto") == "auto" and not self.follows_score:
            raise ValueError(f"trust='auto' is of strategies that follow a score; {type(self).__name__} does not")
        self.best: tuple[str, float] | None = None
        self._rng = Random(self.seed)
        self._trust = Trust(self.trust == "auto")
        self._unscored: set[str] | None = set()  # until one has a score
        self._no_score: NoScore | None = None  # the first
        self._warnings = 0

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
        self._trust.tell(key, value)
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
            **({"trust": self._trust.state_dict()} if self.trust == "auto" else {}),
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
            trust = Trust(self.trust == "auto")
            if trust.automatic:
                trust.load_state_dict(state["trust"])
            self._load(state)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"a damaged state of {name}: {type(error).__name__}: {error}") from error
        self._rng, self.best = rng, best
        self._share(trust)

    @property
    def lost_trust(self) -> ProxyAgreement | None:
        """The agreement by which the score lost its trust; None: it is followed, or there is none."""
        return self._trust.lost

    def _share(self, trust: Trust) -> None:
        """Take over what is known of the score's agreement."""
        self._trust = trust

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
        value = LOWEST
        try:
            value = comparable(self.score(key))
        except NoScore as error:
            level = logging.WARNING if error.failed and self._warnings < _WARNINGS else logging.INFO
            self._warnings += level == logging.WARNING
            logger.log(level, "%s has no score: %s", key, error)
            if self._unscored == set():
                self._no_score = error
        if value > LOWEST:
            self._unscored = self._no_score = None
        elif self._unscored is not None:
            self._unscored.add(key)
        self._trust.score(key, value)
        return value

    def _check_guided(self, least: int = HOPELESS) -> None:
        """Check that some key has a score, once ``least`` or more were scored.

        Raises:
            AllFailed: none has.
        """
        if self._unscored is None or len(self._unscored) < least:
            return
        reason = f": {self._no_score}" if self._no_score else ""
        found = f"none of {len(self._unscored)} architectures has a score{reason}"
        if self.if_all_fail == "stop":
            raise AllFailed(f"{found}. Mend that, or search on at random with if_all_fail='go_on'") from self._no_score
        logger.warning("%s; the search goes on at random", found)
        self._unscored = self._no_score = None


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
