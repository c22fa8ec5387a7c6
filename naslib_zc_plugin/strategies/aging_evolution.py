"""Regularised (ageing) evolution: Real et al., AAAI 2019, and the variants of other codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from naslib_zc_plugin.strategies._strategy import (
    LOWEST,
    Strategy,
    at_least,
    checked_text,
    checked_texts,
    comparable,
    one_of,
)
from naslib_zc_plugin.strategies.random_search import unseen


@dataclass(eq=False)
class AgingEvolution(Strategy):
    r"""Ageing evolution: of P members the best of a tournament of S is mutated, its child enters, the oldest leaves.

    The first P keys are random. Then :math:`parent = \arg\max_{m \in sample(population, S)} fitness(m)` and
    :math:`child = mutate(parent)`, at each call of ``ask``. Every key with its fitness enters the population,
    also one that others asked for; a key without a fitness enters as well, loses every tournament and ages out.

    The codes differ from Algorithm 1 of Real et al., which samples with replacement and does not define ties:

    ===================  ===  ==  ===========  ========  ========
    code                  P    S  replacement  ties      mutation
    ===================  ===  ==  ===========  ========  ========
    Real et al.          100  25  yes          –         op or edge
    NATS-Bench            10   3  yes          "first"   "node"
    Lightweight NAS       20  10  no           "newest"  "edge"
    zero-cost-nas         64  10  no           "last"    "edge"
    ===================  ===  ==  ===========  ========  ========

    Args:
        space, score, seed, start, if_all_fail, trust: as for every strategy (no score is used).
        population: P.
        sample: S, the tournament's size; without replacement, all take part where there are fewer members.
        replacement: whether a member can be drawn twice into a tournament.
        ties: which of equals wins: ``"first"`` or ``"last"`` drawn, or ``"newest"`` in the population.
        mutation: the space's rule, ``""`` for its usual one.
        distinct: draw the first population without repetitions (Lightweight NAS).

    Raises:
        ValueError: a number below one, ties of another name, or a rule that the space does not have.
    """

    population: int = 100
    sample: int = 25
    replacement: bool = True
    ties: str = "first"
    mutation: str = ""
    distinct: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("population", self.population)
        at_least("sample", self.sample)
        one_of("ties", self.ties, "first", "last", "newest")
        if self.mutation:  # an unknown rule would else be found after P evaluations
            self.space.mutate(self.space.sample(Random(0)), Random(0), self.mutation)
        self._members: list[tuple[str, float]] = []  # the oldest first
        self._awaited = 0  # of the first population: asked for, without an answer yet
        self._drawn: dict[str, None] = {}  # if they are to be distinct

    def ask(self) -> str:
        """Return a random key until the population is full, then a child."""
        if not self._members or len(self._members) + self._awaited < self.population:
            key = unseen(self.space, self._rng, self._drawn) if self.distinct else self.space.sample(self._rng)
            self._awaited += 1
            return key
        return self._child(self._parent())

    def on_external_ask(self, key: str) -> None:
        """Note a key that another strategy asked for."""
        self._awaited += 1

    def _tell(self, key: str, fitness: float) -> None:
        self._awaited = max(0, self._awaited - 1)
        self._members.append((key, fitness))
        if len(self._members) > self.population:
            self._members.pop(0)

    def _parent(self) -> str:
        """Return the winner of a tournament."""
        members = range(len(self._members))
        if self.replacement:
            drawn = self._rng.choices(members, k=self.sample)
        else:
            drawn = self._rng.sample(members, min(self.sample, len(members)))
        strengths = [self._strength(*self._members[position]) for position in drawn]
        highest = max(strengths)
        best = [position for position, strength in zip(drawn, strengths) if strength == highest]
        return self._members[best[0] if self.ties == "first" else best[-1] if self.ties == "last" else max(best)][0]

    def _strength(self, key: str, fitness: float) -> float:
        """Return the number that wins tournaments."""
        return fitness

    def _child(self, parent: str) -> str:
        """Return a random mutation of a key."""
        options = (self.mutation,) if self.mutation else ()
        return self.space.mutate(parent, self._rng, *options)

    def _state(self) -> dict[str, Any]:
        # JSON has no infinities.
        members = [[key, fitness if fitness > LOWEST else None] for key, fitness in self._members]
        return {"members": members, "awaited": self._awaited, "drawn": list(self._drawn)}

    def _load(self, state: Mapping[str, Any]) -> None:
        members = [(checked_text(key), comparable(fitness)) for key, fitness in state["members"]]
        if len(members) > self.population:
            raise ValueError(f"{len(members)} members in a population of {self.population}")
        drawn = dict.fromkeys(checked_texts(state["drawn"]))
        self._awaited = at_least("awaited", state["awaited"], 0)
        self._members, self._drawn = members, drawn


STRATEGY = AgingEvolution
