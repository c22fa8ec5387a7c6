"""Ageing evolution in which a score chooses the move."""

from __future__ import annotations

from naslib_zc_plugin.strategies.aging_evolution import AgingEvolution
from naslib_zc_plugin.strategies.base import Domain, Fitness, Seed
from naslib_zc_plugin.strategies.checks import LOWEST, least, one_of

KINDS = ("neighbour", "parent", "children")


class Move(AgingEvolution):
    """Ageing evolution whose parent or child is chosen by a score, such as a proxy's.

    Papers mean two things by "move", and a third serves spaces whose neighbours cannot be listed:

    - ``"neighbour"`` (Abdelfattah et al., ICLR 2021; zero-cost-nas): the tournament is won by fitness; the child is the
      best-scored of the parent's neighbours, the last of equals, and with probability ``random`` any of them;
    - ``"parent"`` (epsilon, section 3.3; epsinas): the tournament is won by score, the child is a random mutation;
    - ``"children"`` (GradSign's G-REA): the tournament is won by fitness, the child is the best-scored of ``children``
      random mutations, the first of equals.

    A key whose score is undefined is chosen only if all are: then a random one is.

    Args:
        domain, seed, start: as for every strategy.
        score: fitness without evaluation, of any key.
        kind: which of the three.
        random: probability, for ``"neighbour"``.
        children: number, for ``"children"``.
        population, sample, replacement, ties, mutation: as for :class:`.AgingEvolution`.

    Raises:
        ValueError: no score, another kind, a number out of range, or neighbours that cannot be listed.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        score: Fitness | None = None,
        seed: Seed = 0,
        start: float | None = None,
        kind: str = "neighbour",
        random: float = 0.25,
        children: int = 10,
        population: int = 64,
        sample: int = 10,
        replacement: bool = False,
        ties: str = "last",
        mutation: str = "",
    ) -> None:
        super().__init__(
            domain, score=score, seed=seed, start=start, population=population, sample=sample,
            replacement=replacement, ties=ties, mutation=mutation,
        )  # fmt: skip
        if score is None:
            raise ValueError("Move needs score=, a function of the key such as a proxy's")
        if not 0 <= random <= 1:
            raise ValueError(f"random must be a probability, not {random!r}")
        self._kind = one_of("kind", kind, *KINDS)
        self._random, self._children = random, least("children", children)

    def _parent(self) -> str:
        if self._kind != "parent":
            return super()._parent()
        places = self._tournament()
        return self._members[self._winner(places, [self._scored(self._members[place][0]) for place in places])][0]

    def _child(self, parent: str) -> str:
        if self._kind == "parent":
            return self._mutated(parent)
        if self._kind == "children":
            return self._best([self._mutated(parent) for _ in range(self._children)])
        neighbours = self.domain.neighbours(parent)
        if self._rng.random() < self._random:
            return self._rng.choice(neighbours)
        return self._best(neighbours[::-1])

    def _best(self, keys: list[str]) -> str:
        """The best-scored key, the first of equals."""
        scores = [self._scored(key) for key in keys]
        highest = max(scores)
        return keys[scores.index(highest)] if highest > LOWEST else self._rng.choice(keys)


STRATEGY = Move
