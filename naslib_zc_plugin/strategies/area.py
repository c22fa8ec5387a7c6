"""AREA: assisted regularised evolution (Mellor et al., ICML 2021)."""

from __future__ import annotations

from naslib_zc_plugin.strategies.aging_evolution import AgingEvolution
from naslib_zc_plugin.strategies.base import Domain, Fitness, Seed
from naslib_zc_plugin.strategies.warm_up import WarmUp


class Area(WarmUp):
    """A score picks the first population out of a pool; from there on it is ageing evolution by trained accuracy.

    M random architectures are scored, the P best are evaluated and are the first population. The score has no part
    in what follows. Its code was not published; P and the tournament are those of NATS-Bench's ageing evolution, and
    M is in no text: the default is our choice. With NASWOT's score 30 and 100 are level on CIFAR-10 and 1,000 is worse;
    with synflow larger pools are better (docs/results/search.md).

    Args:
        domain, seed, start: as for every strategy.
        score: fitness without evaluation, of any key; the paper's is NASWOT's.
        pool: M.
        population, sample, replacement, ties, mutation: as for :class:`.AgingEvolution`.
        order, distinct: as for :class:`.WarmUp`.

    Raises:
        ValueError: no score, a number below one, a population larger than the pool.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        score: Fitness | None = None,
        seed: Seed = 0,
        start: float | None = None,
        pool: int = 30,
        population: int = 10,
        sample: int = 3,
        replacement: bool = True,
        ties: str = "first",
        mutation: str = "",
        order: str = "best_first",
        distinct: bool = False,
    ) -> None:
        evolution = AgingEvolution(
            domain, seed=f"{seed} around", population=population, sample=sample, replacement=replacement, ties=ties,
            mutation=mutation,
        )  # fmt: skip
        super().__init__(
            domain, score=score, seed=seed, start=start, pool=pool, evaluate=population, around=evolution,
            order=order, distinct=distinct,
        )  # fmt: skip


STRATEGY = Area
