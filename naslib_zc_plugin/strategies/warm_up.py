"""Zero-cost warm-up: a score chooses what is evaluated first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from naslib_zc_plugin.strategies import strategy
from naslib_zc_plugin.strategies._strategy import Strategy, at_least, checked_texts, one_of
from naslib_zc_plugin.strategies.random_search import RandomSearch

Around = Union[str, Mapping[str, Any], Strategy]


@dataclass(eq=False)
class WarmUp(Strategy):
    """Warm-up: the best k of a pool, ranked by a score, are evaluated first; another strategy goes on from them.

    The strategy inside learns the pool's evaluations like its own: ageing evolution takes them as its first
    population (zero-cost-nas: a pool of 3,000, k = P = 64). Around random search with the whole pool (k of None) every
    evaluation comes from the ranking, as in the curves of zero-cost-nas and epsilon, in which 300 evaluations
    never reach the end of 3,000. Undefined scores rank last; the order of equals is that of the draw.

    The best-scored is evaluated first, and so is the first to age out; ``order="worst_first"`` turns the k best round.

    Args:
        space, seed, start: as for every strategy.
        score: fitness without evaluation, of any key.
        pool: number of random architectures, drawn with replacement as the published codes do.
        evaluate: k; None: all of the pool.
        around: the strategy that follows: its name, a mapping with ``name`` and its options, or the strategy itself.
        order: in which the k best are evaluated, ``"best_first"`` or ``"worst_first"``.
        distinct: draw a pool without repetitions.

    Raises:
        ValueError: no score, a number below one, more to evaluate than in the pool, another order.
    """

    pool: int = 3000
    evaluate: int | None = None
    around: Around = "random_search"
    order: str = "best_first"
    distinct: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_score()
        at_least("pool", self.pool)
        self._k = self.pool if self.evaluate is None else at_least("evaluate", self.evaluate)
        if self._k > self.pool:
            raise ValueError(f"evaluate={self._k} of a pool of {self.pool}: at most the whole pool can be evaluated")
        one_of("order", self.order, "best_first", "worst_first")
        if isinstance(self.around, Strategy):
            self._inside = self.around
        else:
            options = {"name": self.around} if isinstance(self.around, str) else dict(self.around)
            name = options.pop("name", "")
            self._inside = strategy(name, self.space, score=self.score, seed=f"{self.seed} around", **options)
        self._ranked: list[str] | None = None
        self._asked = 0

    def ask(self) -> str:
        """Return the next of the pool's best, which the first call scores; after them, ask the strategy inside."""
        if self._ranked is None:
            self._ranked = self._rank()
        if self._asked < len(self._ranked):
            self._asked += 1
            key = self._ranked[self._asked - 1]
            self._inside.on_external_ask(key)
            return key
        return self._inside.ask()

    def on_external_ask(self, key: str) -> None:
        """Note a key that another strategy asked for."""
        self._inside.on_external_ask(key)

    def _tell(self, key: str, fitness: float) -> None:
        self._inside.tell(key, fitness)

    def _rank(self) -> list[str]:
        """Return the k best of a pool, in the order of their evaluation."""
        draw = RandomSearch(self.space, seed=f"{self.seed} pool", distinct=self.distinct)
        keys = [draw.ask() for _ in range(self.pool)]
        scores = [self._scored(key) for key in keys]
        best = sorted(range(len(keys)), key=lambda position: -scores[position])[: self._k]
        return [keys[position] for position in (best if self.order == "best_first" else best[::-1])]

    def _state(self) -> dict[str, Any]:
        return {"ranked": self._ranked, "asked": self._asked, "inside": self._inside.state_dict()}

    def _load(self, state: Mapping[str, Any]) -> None:
        ranked = None if state["ranked"] is None else checked_texts(state["ranked"])
        asked = at_least("asked", state["asked"], 0)
        if asked > len(ranked or ()) or (ranked is not None and len(ranked) != self._k):
            raise ValueError(f"{asked} asked of {len(ranked or ())} ranked, of which there are {self._k}")
        self._inside.load_state_dict(state["inside"])
        self._ranked, self._asked = ranked, asked


STRATEGY = WarmUp
