"""Ageing evolution in which a score chooses the move."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import ClassVar

from naslib_zc_plugin.strategies._strategy import LOWEST, at_least, one_of
from naslib_zc_plugin.strategies.aging_evolution import AgingEvolution


@dataclass(eq=False)
class Move(AgingEvolution):
    """Ageing evolution with a parent or a child that is chosen by a score, such as a proxy's.

    Papers mean two things by "move", and a third serves spaces whose neighbours cannot be listed:

    - ``"neighbour"`` (Abdelfattah et al., ICLR 2021; zero-cost-nas): the tournament is won by fitness; the child is the
      best-scored of the parent's neighbours, the last of equals, and with probability ``random`` any of them;
    - ``"parent"`` (epsilon, section 3.3; epsinas): the tournament is won by score, the child is a random mutation;
    - ``"children"`` (GradSign's G-REA): the tournament is won by fitness, the child is the best-scored of ``children``
      random mutations, the first of equals.

    A key with an undefined score is chosen only if all scores are undefined: then a random one is.

    Args:
        space, seed, start: as for every strategy.
        score: fitness without evaluation, of any key.
        kind: which of the three.
        random: probability, for ``"neighbour"``.
        children: number, for ``"children"``.
        population, sample, replacement, ties, mutation, distinct: as for :class:`.AgingEvolution`.
        if_all_fail, trust: as for every strategy. With ``"auto"`` and less trust there are fewer children, more random
            neighbours, and fewer tournaments by score; without any it is ageing evolution.

    Raises:
        ValueError: no score, another kind, a number out of range, or neighbours that cannot be listed.
    """

    follows_score: ClassVar[bool] = True

    population: int = 64
    sample: int = 10
    replacement: bool = False
    ties: str = "last"
    kind: str = "neighbour"
    random: float = 0.25
    children: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_score()
        if not 0 <= self.random <= 1:
            raise ValueError(f"random must be a probability, not {self.random!r}")
        one_of("kind", self.kind, "neighbour", "parent", "children")
        at_least("children", self.children)
        self._by_score = False
        if self.kind == "neighbour":  # it would else be found after P evaluations
            try:
                self.space.neighbours(self.space.sample(Random(0)))
            except ValueError as error:
                raise ValueError(
                    f"kind='neighbour' is not possible here, choose 'children' or 'parent': {error}"
                ) from error

    def _strength(self, key: str, fitness: float) -> float:
        return self._scored(key) if self._by_score else fitness

    def ask(self) -> str:
        """Return a random key until the population is full, then a child."""
        with self._trust.question() as share:
            self._by_score = self.kind == "parent" and (share == 1 or 0 < share > self._rng.random())
            key = super().ask()
            if not share and not self._trust.lost:
                self._scored(key)  # a control
            return key

    def _child(self, parent: str) -> str:
        share = self._trust.share
        if self.kind == "parent" or not share:
            self._check_guided()
            return super()._child(parent)
        if self.kind == "children":
            count = 1 + round((self.children - 1) * share)
            return self._best_scored([super(Move, self)._child(parent) for _ in range(count)])
        neighbours = self.space.neighbours(parent)
        if self._rng.random() < self.random + (1 - self.random) * (1 - share):
            return self._rng.choice(neighbours)
        return self._best_scored(neighbours[::-1])

    def _best_scored(self, keys: list[str]) -> str:
        """Return the best-scored key, the first of equals."""
        scores = [self._scored(key) for key in keys]
        highest = max(scores)
        self._check_guided()
        return keys[scores.index(highest)] if highest > LOWEST else self._rng.choice(keys)


STRATEGY = Move
