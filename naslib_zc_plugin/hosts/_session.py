"""A search inside a host: the strategy, the scores that it has used, and the history of its trials.

A host translates: keys into its models, its metrics into fitness. What has to survive an interruption is here, once
for all hosts, with the state that their checkpoints hold.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from naslib_zc_plugin import strategies
from naslib_zc_plugin.strategies import (
    HOPELESS,
    AllFailed,
    KeyScore,
    NoScore,
    ProxyAgreement,
    SearchSpace,
    Seed,
    Strategy,
    proxy_agreement,
)

Trial = tuple[str, Optional[float]]
"""An evaluated key and its fitness; None: the evaluation failed, or the fitness is undefined."""


class SearchSession:
    """One search: ask for a key, evaluate it anywhere, tell its fitness.

    Keys may be told in any order and from any thread. A key that was asked for and never told, because its evaluation
    was interrupted, is asked for first once the search is resumed; an interrupted evaluation is no failed one.

    Args:
        strategy: its name, or a strategy that is ready.
        domain: search space of the strategy.
        proxy_fitness: fitness of a key without evaluation, for strategies that use one; it raises ``NoScore`` where
            there is none. It is computed once per key.
        seed, preset, options: of a strategy given by name (:func:`naslib_zc_plugin.strategies.strategy`).

    Attributes:
        strategy: the strategy.
        history: (key, fitness or None) of every evaluated key, in the order told.
        scores: the proxy's fitness by key.
        first_failure: reason of the first evaluation that failed; empty if it is not known.

    Raises:
        ValueError, TypeError: the strategy is unknown, or an option is wrong.

    >>> from naslib_zc_plugin.spaces import space
    >>> session = SearchSession("random_search", space("nasbench201"), seed=1)
    >>> key = session.ask()
    >>> session.tell(key, 0.5)
    True
    >>> session.best(epoch=0) == (key, 0.5)
    True
    """

    def __init__(
        self, strategy: str | Strategy, domain: SearchSpace, proxy_fitness: KeyScore | None = None, *,
        seed: Seed = 0, preset: str = "", **options: Any,
    ) -> None:  # fmt: skip
        self.history: list[Trial] = []
        self.scores: dict[str, float | None] = {}
        self.first_failure = ""
        self._proxy_fitness = proxy_fitness
        self._improved: list[int] = []  # places in the history of what was the best until then
        self._running: Counter[str] = Counter()
        self._waiting: list[str] = []  # under way when the search was interrupted
        self._lock = threading.RLock()
        if isinstance(strategy, str):
            score = None if proxy_fitness is None else self.score
            strategy = strategies.strategy(strategy, domain, score=score, seed=seed, preset=preset, **options)
        self.strategy = strategy

    def ask(self) -> str:
        """Return the key to evaluate next.

        Raises:
            Exhausted: the search space has no other.
            AllFailed: no key has a score that should have, or no evaluation of many has a fitness, and the strategy's
                ``if_all_fail`` is ``"stop"``.
        """
        with self._lock:
            stop = len(self.history) >= HOPELESS and not self._improved and self.strategy.if_all_fail == "stop"
            if stop and (hopeless := self._hopeless()):
                raise AllFailed(f"{hopeless}. Mend that, or search on with if_all_fail='go_on'")
            key = self._waiting.pop(0) if self._waiting else self.strategy.ask()
            self._running[key] += 1
            return key

    def tell(self, key: str, fitness: float | None) -> bool:
        """Take in the fitness of a key; one that was not asked for is ignored.

        Args:
            key: as :meth:`ask` returned it.
            fitness: higher is better; None: the evaluation failed, or the fitness is undefined.

        Returns:
            Whether it was asked for.
        """
        with self._lock:
            if not self._running[key]:
                return False
            self._running[key] -= 1
            before = self.strategy.best
            self.strategy.tell(key, fitness)
            if self.strategy.best != before:
                self._improved.append(len(self.history))
            self.history.append((key, fitness))
            return True

    def withdraw(self, key: str) -> None:
        """Forget that a key was asked for: it is not evaluated."""
        with self._lock:
            self._running[key] -= 1

    def record(self, key: str, fitness: float | None) -> None:
        """Add a trial to the history that this search did not ask for."""
        with self._lock:
            best = self.best(len(self.history))
            if fitness is not None and (best is None or best[1] is None or fitness > best[1]):
                self._improved.append(len(self.history))
            self.history.append((key, fitness))

    def score(self, key: str) -> float | None:
        """Return the proxy's fitness of a key, from memory if it is known.

        Raises:
            NoScore: there is none; the second time None is returned.
        """
        assert self._proxy_fitness is not None
        if key not in self.scores:
            try:
                self.scores[key] = self._proxy_fitness(key)
            except NoScore:
                self.scores[key] = None
                raise
        return self.scores[key]

    def agreement(self) -> ProxyAgreement | None:
        """Return how well the proxy agrees with the fitness of what was evaluated; None without a proxy."""
        if self._proxy_fitness is None:
            return None
        fitness: dict[str, float] = {}
        for key, found in self.history:
            if found is not None and self.scores.get(key) is not None:
                fitness.setdefault(key, found)
        return proxy_agreement([self.scores[key] or 0.0 for key in fitness], list(fitness.values()))

    def ending(self) -> list[str]:
        """Return what is to be said at the end of the search, a sentence each."""
        hopeless, agreement = self._hopeless(), self.agreement()
        said = [hopeless] if hopeless else []
        if agreement:
            said.append(agreement.sentence())
        if lost := self.strategy.lost_trust:
            said.append(f"the proxy was no longer followed after {lost.n} architectures with both")
        return said

    def _hopeless(self) -> str:
        """Return a sentence if something was evaluated, and nothing has a fitness."""
        if not self.history or any(fitness is not None for _, fitness in self.history):
            return ""
        reason = f"; the first: {self.first_failure}" if self.first_failure else ""
        return f"none of {len(self.history)} evaluations has a fitness{reason}"

    def last(self, epoch: int) -> Trial | None:
        """Return the trial of an epoch (one trial is one epoch, from 0), the last before it if it has none, or None."""
        return self.history[min(epoch, len(self.history) - 1)] if self.history else None

    def best(self, epoch: int) -> Trial | None:
        """Return the best trial until an epoch, that one included; None while nothing has a fitness."""
        count = bisect_right(self._improved, epoch)
        return self.history[self._improved[count - 1]] if count else None

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the search, as values that JSON knows."""
        with self._lock:
            return {
                "search": self.strategy.state_dict(),
                "scores": dict(self.scores),
                "waiting": [*self._running.elements(), *self._waiting],
                "history": [list(trial) for trial in self.history],
                "improved": list(self._improved),
            }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue a search that had the same arguments.

        States of both hosts' earlier releases are read: NNI's had no ``improved``, NASLib's no ``waiting``.

        Raises:
            ValueError: the state is another strategy's, or damaged; then nothing has changed.
        """
        try:
            history = [(str(key), None if value is None else float(value)) for key, value in state["history"]]
            improved = list(map(int, state["improved"])) if "improved" in state else _improvements(history)
            scores, waiting, inside = dict(state["scores"]), list(state.get("waiting", ())), state["search"]
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"a damaged state of a search: {type(error).__name__}: {error}") from error
        with self._lock:
            self.strategy.load_state_dict(inside)
            self.history, self.scores, self._improved, self._waiting = history, scores, improved, waiting
            self._running.clear()


def _improvements(history: Sequence[Trial]) -> list[int]:
    """List the places in a history of what was better than all before."""
    found: list[int] = []
    for place, (_, fitness) in enumerate(history):
        best = history[found[-1]][1] if found else None
        if fitness is not None and (best is None or fitness > best):
            found.append(place)
    return found
