"""AREA: assisted regularised evolution (Mellor et al., ICML 2021)."""

from __future__ import annotations

from dataclasses import dataclass, field

from naslib_zc_plugin.strategies.aging_evolution import AgingEvolution
from naslib_zc_plugin.strategies.warm_up import Around, WarmUp


@dataclass(eq=False)
class Area(WarmUp):
    """AREA: a score picks the first population out of a pool; ageing evolution by trained accuracy follows.

    M random architectures are scored, the P best are evaluated and are the first population. The score is not used
    after that. Its code was not published; P and the tournament are those of NATS-Bench's ageing evolution, and
    M is in no text: the default is our choice. With NASWOT's score 30 and 100 are level on CIFAR-10 and 1,000 is worse;
    with synflow larger pools are better (docs/results/search.md).

    Args:
        space, seed, start, if_all_fail: as for every strategy.
        score: fitness without evaluation, of any key; the paper's is NASWOT's.
        pool: M.
        order, distinct, trust: as for :class:`.WarmUp`.
        population, sample, replacement, ties, mutation: as for :class:`.AgingEvolution`.

    Raises:
        ValueError: no score, a number below one, a population larger than the pool.
    """

    pool: int = 30
    evaluate: int | None = field(init=False)  # the population
    around: Around = field(init=False)  # ageing evolution
    population: int = 10
    sample: int = 3
    replacement: bool = True
    ties: str = "first"
    mutation: str = ""

    def __post_init__(self) -> None:
        self.evaluate = self.population
        self.around = AgingEvolution(
            self.space, seed=f"{self.seed} around", population=self.population, sample=self.sample,
            replacement=self.replacement, ties=self.ties, mutation=self.mutation,
        )  # fmt: skip
        super().__post_init__()


STRATEGY = Area
