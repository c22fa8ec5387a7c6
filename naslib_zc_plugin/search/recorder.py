"""One repeat of a search: what was recorded is played again, the rest is evaluated and recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from naslib_zc_plugin.search.evaluators import Evaluation, Evaluator
from naslib_zc_plugin.search.journal import Entry
from naslib_zc_plugin.search.scores import Scored


class Diverged(ValueError):
    """A search that is played again asks for something else than was recorded."""


class Recorder:
    """Answers a strategy, keeps its clock and its budget, and records every step.

    The clock is simulated: it adds what each evaluation costs, as often as it is asked for, and the seconds of each
    architecture's score once, when the strategy first asks for it.

    Args:
        evaluator: gives architectures their fitness.
        score: the score of the strategy's proxy, by key.
        known: what was recorded before.
        write: called with each step and its entry.
        budget: ``evaluations``, ``seconds``, or both.

    Attributes:
        step: evaluations done.
        clock: seconds.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        score: Callable[[str], Scored],
        known: Sequence[Entry],
        write: Callable[[int, Entry], None],
        budget: Mapping[str, float],
    ) -> None:
        self.step, self.clock = 0, 0.0
        self._evaluator, self._score = evaluator, score
        self._known, self._write, self._budget = known, write, budget
        self._scored: dict[str, float | None] = {}

    def goes_on(self) -> bool:
        """Whether the budget allows another evaluation; the last one may overdraw the seconds."""
        return goes_on(self._budget, self.step, self.clock)

    def score(self, key: str) -> float | None:
        """The worth of a key by the strategy's proxy, charged once."""
        if key not in self._scored:
            found = self._score(key)
            self.clock += found.seconds
            self._scored[key] = found.worth
        return self._scored[key]

    def evaluate(self, key: str) -> float | None:
        """The fitness of a key, recorded.

        Raises:
            Diverged: the record has another key here.
        """
        if self.step < len(self._known):
            entry = self._known[self.step]
            if entry.key != key:
                raise Diverged(f"step {self.step} was {entry.key}, now the search asks for {key}")
            self.clock = entry.clock
        else:
            found = self._evaluated(key)
            self.clock += found.seconds
            entry = Entry(key, found.fitness, found.seconds, self.clock, len(self._scored), found.reason, found.told)
            self._write(self.step, entry)
        self.step += 1
        return entry.fitness

    def _evaluated(self, key: str) -> Evaluation:
        try:
            found = self._evaluator(key)
        except Exception as error:  # it fails the architecture, not the search
            return Evaluation(None, 0.0, f"{type(error).__name__}: {error}")
        if found.fitness is not None and not math.isfinite(found.fitness):
            return Evaluation(None, found.seconds, f"the fitness is {found.fitness}", found.told)
        return found


def goes_on(budget: Mapping[str, Any], step: int, clock: float) -> bool:
    """Whether a budget allows another evaluation after ``step`` of them and ``clock`` seconds."""
    return bool(step < budget.get("evaluations", math.inf) and clock < budget.get("seconds", math.inf))
