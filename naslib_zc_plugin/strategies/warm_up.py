"""Zero-cost warm-up: a score chooses what is evaluated first."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Union

from naslib_zc_plugin.strategies import STRATEGIES, option_names, options_by_our_names, strategy
from naslib_zc_plugin.strategies._agreement import Trust
from naslib_zc_plugin.strategies._strategy import Strategy, at_least, checked_texts, one_of
from naslib_zc_plugin.strategies.random_search import RandomSearch

Around = Union[str, Mapping[str, Any], Strategy]
_TOURNAMENT = 2  # members of the population for each of a tournament; in 60 evaluations 4 are worse on NAS-Bench-201
logger = logging.getLogger(__name__)


@dataclass(eq=False)
class WarmUp(Strategy):
    """Warm-up: the best k of a pool, ranked by a score, are evaluated first; another strategy goes on from them.

    The strategy inside learns the pool's evaluations like its own: ageing evolution takes them as its first
    population (zero-cost-nas: a pool of 3,000, k = P = 64). Around random search with the whole pool (k of None) every
    evaluation comes from the ranking, as in the curves of zero-cost-nas and epsilon, in which 300 evaluations
    never reach the end of 3,000. Undefined scores rank last; the order of equals is that of the draw.

    The best-scored is evaluated first, and so is the first to age out; ``order="worst_first"`` turns the k best round.

    Args:
        space, seed, start, if_all_fail: as for every strategy.
        trust: with ``"auto"`` each fifth is one of the strategy inside, until the k best are evaluated; what is left of
            them once trust is lost is not.
        score: fitness without evaluation, of any key.
        pool: number of random architectures, drawn with replacement as the published codes do.
        evaluate: k; None: all of the pool.
        around: the strategy that follows: its name, a mapping with ``name`` and its options, or the strategy itself. A
            population without a number of its own is the k that were evaluated, and its tournament half of them.
            :func:`.strategy` takes options of a strategy that is named here also beside this one's own.
        order: in which the k best are evaluated, ``"best_first"`` or ``"worst_first"``.
        distinct: draw a pool without repetitions.

    Raises:
        ValueError: no score, a number below one, more to evaluate than in the pool, another order.
        AllFailed: on the first question: nothing in the pool has a score.

    >>> from naslib_zc_plugin.spaces import space
    >>> from naslib_zc_plugin.strategies import strategy
    >>> nb201 = space("nasbench201")
    >>> search = strategy("warm_up", nb201, score=len, pool=50, evaluate=8, around="aging_evolution", sample=3)
    >>> search.inside.population, search.inside.sample
    (8, 3)
    """

    follows_score: ClassVar[bool] = True
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
        self._open: dict[str, int] = {}  # options of the strategy inside that follow from k, and their usual values
        if isinstance(self.around, Strategy):
            self.inside = self.around
        else:
            options = around_options(self.around, self._k)
            self._open = _usual(self.around)
            options.setdefault("if_all_fail", self.if_all_fail)
            name = options.pop("name")
            if STRATEGIES.load(name).follows_score:
                options.setdefault("trust", self.trust)
            self.inside = strategy(name, self.space, score=self.score, seed=f"{self.seed} around", **options)
            self._share(self._trust)
        self._ranked: list[str] | None = None
        self._asked = 0

    @property
    def follows_evaluated(self) -> bool:
        """Whether options of a strategy inside follow from what is evaluated."""
        return bool(self._open) or (isinstance(self.inside, WarmUp) and self.inside.follows_evaluated)

    def use_usual_options(self) -> None:
        """Give such options their strategy's usual values, as releases did before they followed from anything."""
        for name, value in self._open.items():
            setattr(self.inside, name, value)
        if isinstance(self.inside, WarmUp):
            self.inside.use_usual_options()

    def ask(self) -> str:
        """Return the next of the pool's best, which the first call scores; after them, ask the strategy inside."""
        if self._ranked is None:
            self._ranked = self._rank()
        if self._asked == len(self._ranked):
            return self.inside.ask()
        with self._trust.question(is_warm_up=True) as share:
            if not share:
                key = self.inside.ask()
                if not self._trust.lost:
                    self._scored(key)  # a control
                return key
            self._asked += 1
            key = self._ranked[self._asked - 1]
            self.inside.on_external_ask(key)
            return key

    def on_external_ask(self, key: str) -> None:
        """Note a key that another strategy asked for."""
        self.inside.on_external_ask(key)

    def _tell(self, key: str, fitness: float) -> None:
        self.inside.tell(key, fitness)

    def _rank(self) -> list[str]:
        """Return the k best of a pool, in the order of their evaluation."""
        draw = RandomSearch(self.space, seed=f"{self.seed} pool", distinct=self.distinct)
        keys = [draw.ask() for _ in range(self.pool)]
        scores = [self._scored(key) for key in keys]
        self._check_guided(least=1)
        best = sorted(range(len(keys)), key=lambda position: -scores[position])[: self._k]
        return [keys[position] for position in (best if self.order == "best_first" else best[::-1])]

    def _share(self, trust: Trust) -> None:
        super()._share(trust)
        if self.inside is not self.around and self.inside.follows_score:
            self.inside._share(trust)  # one score, one trust

    def _state(self) -> dict[str, Any]:
        own = {"open": {name: getattr(self.inside, name) for name in self._open}} if self._open else {}
        return {"ranked": self._ranked, "asked": self._asked, **own, "inside": self.inside.state_dict()}

    def _load(self, state: Mapping[str, Any]) -> None:
        ranked = None if state["ranked"] is None else checked_texts(state["ranked"])
        asked = at_least("asked", state["asked"], 0)
        if asked > len(ranked or ()) or (ranked is not None and len(ranked) != self._k):
            raise ValueError(f"{asked} asked of {len(ranked or ())} ranked, of which there are {self._k}")
        before = {name: getattr(self.inside, name) for name in self._open}
        # States of earlier releases, in which these did not follow from k, have no such entry.
        there = dict(state.get("open", self._open))
        try:
            for name in self._open:
                setattr(self.inside, name, at_least(name, there[name]))
            self.inside.load_state_dict(state["inside"])
        except (LookupError, TypeError, ValueError):
            for name, value in before.items():
                setattr(self.inside, name, value)
            raise
        self._ranked, self._asked = ranked, asked


def around_options(around: str | Mapping[str, Any], evaluated: int) -> dict[str, Any]:
    """Return name and options of the strategy inside a warm-up that evaluates so many.

    >>> around_options("aging_evolution", 20)
    {'name': 'aging_evolution', 'population': 20, 'sample': 10}
    """
    options = options_by_our_names({"name": around} if isinstance(around, str) else around)
    options.setdefault("name", "")
    follows = {"population": evaluated, "sample": max(1, evaluated // _TOURNAMENT)}
    return {**options, **{name: follows[name] for name in _usual(around)}}


def _usual(around: str | Mapping[str, Any]) -> dict[str, int]:
    """Return the options of the strategy inside that follow from k unless they are given, and their usual values."""
    options = options_by_our_names({"name": around} if isinstance(around, str) else around)
    if options.get("preset") or "population" in options:
        return {}
    made_by = STRATEGIES.load(options.get("name", ""))
    if issubclass(made_by, WarmUp) or "population" not in option_names(made_by):
        return {}
    return {name: getattr(made_by, name) for name in ("population", "sample") if name not in options}


STRATEGY = WarmUp
