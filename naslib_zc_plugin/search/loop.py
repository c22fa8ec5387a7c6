"""The loop of one search, ours or a host's: evaluators, and the recorder between them and the strategy."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Protocol

from naslib_zc_plugin.registry import Registry
from naslib_zc_plugin.search.journal import Entry, ProxyScore
from naslib_zc_plugin.strategies import HOPELESS, AllFailed, Exhausted, NoScore, Strategy

Evaluate = Callable[[str], Optional[float]]
"""The fitness of a key, higher is better; None: its evaluation failed, or is undefined."""
RunSearch = Callable[[Strategy, Evaluate, Callable[[], bool], str], None]
"""``run_search(strategy, evaluate, within_budget, space)``: asks, evaluates and tells, one key after the other, while
``within_budget()`` holds and the strategy is not exhausted; ``space`` names the search space of the keys."""

FRONT = "front"
"""The name of the strategy that evaluates what lies along a front of untrained candidates."""
_FREE_EVALUATIONS = 10_000
"""After so many evaluations without cost a budget of seconds alone is refused."""

HOSTS: Registry[RunSearch] = Registry(
    "host",
    "naslib_zc_plugin.hosts",
    "naslib_zc_plugin.hosts",
    attribute="run_search",
    is_entry=lambda name, found: callable(found),
    requirement="it must be a function run_search(strategy, evaluate, within_budget, space)",
    more={"none": "naslib_zc_plugin.search.loop:run_search"},
)
"""Toolkits in whose loop a search can run; ``none`` is our own."""


def run_search(strategy: Strategy, evaluate: Evaluate, within_budget: Callable[[], bool], space: str) -> None:
    """Run a search without a host: ask, evaluate, tell.

    Args:
        strategy: the strategy.
        evaluate: returns the fitness of a key; an error that it raises ends the search.
        within_budget: returns whether another evaluation may follow.
        space: name of the search space of the keys.

    >>> from naslib_zc_plugin.spaces import space
    >>> from naslib_zc_plugin.strategies import strategy
    >>> search, steps = strategy("random_search", space("nasbench201")), iter(range(20))
    >>> run_search(search, lambda key: key.count("skip"), lambda: next(steps, None) is not None, "nasbench201")
    >>> search.best[1]
    3.0
    """
    while within_budget():
        try:
            key = strategy.ask()
        except Exhausted:
            return
        strategy.tell(key, evaluate(key))


@dataclass(frozen=True)
class Evaluation:
    """The result of evaluating an architecture.

    Attributes:
        fitness: higher is better; None: it failed, or is undefined.
        seconds: cost of the evaluation on the search's clock.
        reason: the reason if there is no fitness.
        metrics: other numbers, by name, such as a test accuracy that must not guide the search.
    """

    fitness: float | None
    seconds: float
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


class Evaluator(Protocol):
    """An evaluator, which gives architectures their fitness. An exception fails the architecture, not the search."""

    @property
    def costly(self) -> bool:
        """Whether each evaluation is recorded at once."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names of the metrics that it gives besides the fitness."""

    def __call__(self, key: str) -> Evaluation:
        """Return the evaluation of a key: the same whenever it is asked for."""

    def provenance(self) -> dict[str, Any]:
        """Return everything that the fitness depends on besides the key, as values that JSON can hold."""

    def notes(self) -> list[str]:
        """Return notes for readers of the results, a line each."""


class Diverged(ValueError):
    """A search that is played again leads to another key than the recorded one."""


class Recorder:
    """Fitness and scores for a strategy, with its clock and its budget; every step is recorded.

    Steps of an earlier run are played again, the rest is evaluated. The clock is simulated: it adds the cost of each
    evaluation, repeated ones as well, and the seconds of each architecture's score once, at its first use.

    Args:
        evaluator: gives architectures their fitness.
        score: returns the score of a key by the strategy's proxy.
        known: the steps of an earlier run.
        write: called with each new step and its entry.
        allows: returns whether the budget allows another evaluation after so many, and so many seconds.
        if_all_fail: ``"stop"``: raise ``AllFailed`` where the first ten evaluations fail; or ``"go_on"``.
        clock: seconds that were spent before the first step, such as on the sample that an aggregate ranks in.

    Attributes:
        step: evaluations done.
        clock: seconds.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        score: Callable[[str], ProxyScore],
        known: Sequence[Entry],
        write: Callable[[int, Entry], None],
        allows: Callable[[int, float], bool],
        if_all_fail: str = "stop",
        clock: float = 0.0,
    ) -> None:
        self.step, self.clock = 0, clock
        self._evaluator, self._score = evaluator, score
        self._known, self._write, self._allows = known, write, allows
        self._scores: dict[str, float | None] = {}
        self._free = 0  # evaluations in a row that took no time
        self._hopeless = if_all_fail == "stop"  # until one has a fitness
        self._first_reason = ""

    def within_budget(self) -> bool:
        """Return whether the budget allows another evaluation; the last one may overdraw the seconds.

        Raises:
            AllFailed: many were evaluated, and none has a fitness.
        """
        if self._hopeless and self.step >= HOPELESS:
            raise AllFailed(
                f"none of {self.step} evaluations has a fitness; the first: {self._first_reason}. Mend that, or search "
                "on with the strategy's if_all_fail: go_on"
            )
        return self._allows(self.step, self.clock)

    def score(self, key: str) -> float | None:
        """Return the score of a key by the strategy's proxy, and charge it once.

        Raises:
            NoScore: there is none; the second time None is returned.
        """
        if key not in self._scores:
            found = self._score(key)
            self.clock += found.seconds
            self._scores[key] = found.fitness
            if found.fitness is None:
                raise NoScore(found.reason or found.status, found.status == "failed")
        return self._scores[key]

    def evaluate(self, key: str) -> float | None:
        """Return the fitness of a key, and record it.

        Raises:
            Diverged: the record has another key here.
            ValueError: evaluations take no time, so that a budget of seconds alone would never end.
        """
        before = self.clock
        if self.step < len(self._known):
            entry = self._known[self.step]
            if entry.key != key:
                raise Diverged(f"step {self.step} was {entry.key}, now the search asks for {key}")
            self.clock = entry.clock
        else:
            found = self._evaluated(key)
            self.clock += found.seconds
            entry = Entry(key, found.fitness, found.seconds, self.clock, len(self._scores), found.reason, found.metrics)
            self._write(self.step, entry)
        self.step += 1
        self._first_reason = self._first_reason or entry.reason
        self._hopeless = self._hopeless and entry.fitness is None
        self._free = self._free + 1 if self.clock == before else 0
        if self._free >= _FREE_EVALUATIONS and self._allows(sys.maxsize, self.clock):
            raise ValueError(
                f"{self._free:,} evaluations in a row took no time, so the budget's seconds would never pass: "
                "add evaluations to the budget, or evaluate by something that has a cost"
            )
        return entry.fitness

    def _evaluated(self, key: str) -> Evaluation:
        try:
            found = self._evaluator(key)
        except Exception as error:  # it fails the architecture, not the search
            return Evaluation(None, 0.0, f"{type(error).__name__}: {error}")
        if found.fitness is not None and not math.isfinite(found.fitness):
            return Evaluation(None, found.seconds, f"the fitness is {found.fitness}", found.metrics)
        return found
