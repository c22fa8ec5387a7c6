"""The published search loops, each written out as its paper or code has it: slow, and obviously so.

The loops take the space's ``sample`` and ``mutate`` for drawing and changing an architecture, and return what they
evaluated, in order, with its fitness.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from random import Random
from typing import Any, Callable, Optional

from scipy import stats

from naslib_zc_plugin.strategies import SearchSpace

Table = Callable[[str], float]
Scores = Callable[[str], Optional[float]]
History = list[tuple[str, float]]


class Chain:
    """A space that shows whose child a key is: ``0``, ``1``, ``2`` … are drawn in turn, ``3.`` is a child of ``3``."""

    def __init__(self) -> None:
        self.drawn = 0

    def sample(self, rng: Random) -> str:
        """The next number."""
        self.drawn += 1
        return str(self.drawn - 1)

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """The child."""
        return f"{key}."

    def neighbours(self, key: str) -> list[str]:
        """Five of them."""
        return [f"{key}.{number}" for number in range(5)]


def fits(counts: Counter[Any], probabilities: Mapping[Any, float]) -> None:
    """What was counted may be drawn with these probabilities, and nothing else was (chi-square)."""
    possible = [key for key, p in probabilities.items() if p]
    assert set(counts) <= set(possible)
    if len(possible) > 1:
        expected = [sum(counts.values()) * probabilities[key] for key in possible]
        assert stats.chisquare([counts[key] for key in possible], expected).pvalue > 1e-3


def real(space: SearchSpace, fitness: Table, rng: Random, evaluations: int, P: int, S: int, rule: str) -> History:
    """Real et al., Algorithm 1; NATS-Bench with P = 10, S = 3 and the rule "node"."""
    population: deque[tuple[str, float]] = deque()
    history = []
    while len(population) < P:
        key = space.sample(rng)
        population.append((key, fitness(key)))
        history.append((key, fitness(key)))
    while len(history) < evaluations:
        sample = rng.choices(list(population), k=S)
        parent = max(sample, key=lambda member: member[1])
        child = space.mutate(parent[0], rng, rule)
        population.append((child, fitness(child)))
        history.append((child, fitness(child)))
        population.popleft()
    return history


def lightweight(space: SearchSpace, score: Table, rng: Random, evaluations: int, P: int, S: int) -> History:
    """Lightweight NAS's code: distinct rows at first; a sample sorted by index, then by score, of which the last."""
    population: list[tuple[str, float]] = []
    while len(population) < P:
        key = space.sample(rng)
        if key not in [member[0] for member in population]:
            population.append((key, score(key)))
    history = list(population)
    while len(history) < evaluations:
        indices = sorted(rng.sample(range(P), S))
        parent = sorted([population[index] for index in indices], key=lambda member: member[1])[-1]
        child = space.mutate(parent[0], rng, "edge")
        population = [*population[1:], (child, score(child))]
        history.append(population[-1])
    return history


def zerocost(
    space: SearchSpace,
    fitness: Table,
    score: Table,
    rng: Random,
    evaluations: int,
    P: int,
    S: int,
    *,
    move: bool,
    pool: list[str] | None = None,
) -> History:
    """zero-cost-nas: ageing evolution, with a warm-up from ``pool`` and with the move to the best-scored neighbour."""
    if pool is not None:
        ranking = sorted(pool, key=score, reverse=True)
        history = [(key, fitness(key)) for key in ranking[:P]]
    else:
        history = [(key, fitness(key)) for key in (space.sample(rng) for _ in range(P))]
    population = list(history)
    while len(history) < evaluations:
        parent = sorted(rng.sample(population, S), key=lambda member: member[1])[-1][0]
        if not move:
            child = space.mutate(parent, rng, "edge")
        elif rng.random() < 0.25:
            child = rng.choice(space.neighbours(parent))
        else:
            child = sorted(space.neighbours(parent), key=score)[-1]
        history.append((child, fitness(child)))
        population.append(history[-1])
        population.pop(0)
    return history


def epsilon(space: SearchSpace, fitness: Table, score: Table, rng: Random, evaluations: int, P: int, S: int) -> History:
    """epsilon's notebook: the parent has the best score of the tournament, whatever it is worth."""
    history = [(key, fitness(key)) for key in (space.sample(rng) for _ in range(P))]
    population = list(history)
    while len(history) < evaluations:
        parent = sorted(rng.sample(population, S), key=lambda member: score(member[0]))[-1]
        child = space.mutate(parent[0], rng, "node")
        history.append((child, fitness(child)))
        population = [*population[1:], history[-1]]
    return history


def gradsign(
    space: SearchSpace, fitness: Table, score: Table, rng: Random, evaluations: int, P: int, S: int, n: int
) -> History:
    """G-REA: the child is the best-scored of n mutations of the parent."""
    history = [(key, fitness(key)) for key in (space.sample(rng) for _ in range(P))]
    population = list(history)
    while len(history) < evaluations:
        parent = max(rng.choices(population, k=S), key=lambda member: member[1])[0]
        best, highest = "", -math.inf
        for _ in range(n):
            child = space.mutate(parent, rng, "node")
            if score(child) > highest:
                best, highest = child, score(child)
        history.append((best, fitness(best)))
        population = [*population[1:], history[-1]]
    return history


def ranking(pool: list[str], score: Scores) -> list[str]:
    """Takes the first of the highest out of what is left, and at the end what has no score."""
    left, ranked = list(pool), []
    while left:
        best: str | None = None
        for key in left:
            value = score(key)
            if value is None or not math.isfinite(value):
                continue
            if best is None or value > (score(best) or 0.0):
                best = key
        if best is None:
            return ranked + left
        left.remove(best)
        ranked.append(best)
    return ranked
