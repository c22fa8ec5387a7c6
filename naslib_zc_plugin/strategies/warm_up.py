"""Zero-cost warm-up: a score chooses what is evaluated first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from naslib_zc_plugin.strategies.base import Domain, Fitness, Seed, Strategy
from naslib_zc_plugin.strategies.checks import least, one_of, texts
from naslib_zc_plugin.strategies.registry import strategy

Around = Union[str, Mapping[str, Any], Strategy]


class WarmUp(Strategy):
    """Ranks a pool of random architectures by a score, evaluates the best k first, and leaves the rest to a strategy.

    The strategy inside is told of the pool's evaluations as of its own: ageing evolution takes them as its first
    population (zero-cost-nas: a pool of 3,000, k = P = 64). Around random search with the whole pool (k of None) every
    evaluation comes from the ranking, as in the curves of zero-cost-nas and epsilon, whose 300 evaluations never
    reach the end of 3,000. Undefined scores rank last; the order of equals is that of the draw.

    The best-scored is evaluated first, and so is the first to age out; ``order="worst_first"`` turns the k best round.

    Args:
        domain, seed, start: as for every strategy.
        score: fitness without evaluation, of any key.
        pool: number of random architectures, drawn with replacement as the published codes do.
        evaluate: k; None: all of the pool.
        around: the strategy that follows: its name, a mapping with ``name`` and its options, or the strategy itself.
        order: in which the k best are evaluated, ``"best_first"`` or ``"worst_first"``.
        distinct: draw a pool without repetitions.

    Raises:
        ValueError: no score, a number below one, more to evaluate than in the pool, another order.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        score: Fitness | None = None,
        seed: Seed = 0,
        start: float | None = None,
        pool: int = 3000,
        evaluate: int | None = None,
        around: Around = "random_search",
        order: str = "best_first",
        distinct: bool = False,
    ) -> None:
        super().__init__(domain, score=score, seed=seed, start=start)
        if score is None:
            raise ValueError(f"{type(self).__name__} needs score=, a function of the key such as a proxy's")
        self._pool = least("pool", pool)
        self._evaluate = pool if evaluate is None else least("evaluate", evaluate)
        if self._evaluate > pool:
            raise ValueError(f"evaluate={evaluate} of a pool of {pool}: at most the whole pool can be evaluated")
        self._order = one_of("order", order, "best_first", "worst_first")
        self._inside = _strategy(around, domain, score, f"{seed} around")
        self._seed, self._distinct = f"{seed} pool", distinct
        self._ranked: list[str] | None = None
        self._asked = 0

    def ask(self) -> str:
        """The next of the pool's best, which the first call scores; after them, what the strategy inside asks for."""
        if self._ranked is None:
            self._ranked = self._rank()
        if self._asked < len(self._ranked):
            self._asked += 1
            key = self._ranked[self._asked - 1]
            self._inside.expect(key)
            return key
        return self._inside.ask()

    def expect(self, key: str) -> None:
        self._inside.expect(key)

    def _told(self, key: str, fitness: float) -> None:
        self._inside.tell(key, fitness)

    def _rank(self) -> list[str]:
        draw = strategy("random_search", self.domain, seed=self._seed, distinct=self._distinct)
        keys = [draw.ask() for _ in range(self._pool)]
        scores = [self._scored(key) for key in keys]
        best = sorted(range(len(keys)), key=lambda place: -scores[place])[: self._evaluate]
        return [keys[place] for place in (best if self._order == "best_first" else best[::-1])]

    def _state(self) -> dict[str, Any]:
        return {"ranked": self._ranked, "asked": self._asked, "inside": self._inside.state_dict()}

    def _load(self, state: Mapping[str, Any]) -> None:
        ranked = None if state["ranked"] is None else texts(state["ranked"])
        asked = least("asked", state["asked"], 0)
        if asked > len(ranked or ()) or (ranked is not None and len(ranked) != self._evaluate):
            raise ValueError(f"{asked} asked of {len(ranked or ())} ranked, of which there are {self._evaluate}")
        self._inside.load_state_dict(state["inside"])
        self._ranked, self._asked = ranked, asked


def _strategy(around: Around, domain: Domain, score: Fitness, seed: str) -> Strategy:
    if isinstance(around, Strategy):
        return around
    options = {"name": around} if isinstance(around, str) else dict(around)
    return strategy(options.pop("name", ""), domain, score=score, seed=seed, **options)


STRATEGY = WarmUp
