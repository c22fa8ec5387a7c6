"""Elementary changes of a cell of NAS-Bench-101, and the published distributions of mutations.

Dead ends are no part of a key. A vertex can therefore not be joined edge by edge, as in codes that carry the vertices
that lie on no path from input to output; it is joined with one edge in and one edge out.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from random import Random
from typing import NamedTuple

from naslib_zc_plugin.spaces.nasbench101.cells import EDGES, OPERATIONS, VERTICES, Cell, place, prune, sources_of
from naslib_zc_plugin.spaces.nasbench101.enumeration import first
from naslib_zc_plugin.spaces.nasbench101.resampling import resampled

RULES = ("change", "edge", "nasbench", "naslib")


class Change(NamedTuple):
    """An edge from ``source`` to ``target`` more or less; a vertex between them; or another operation at ``source``."""

    kind: str
    source: int
    target: int
    label: int


def neighbours(cell: Cell) -> list[Cell]:
    """The cells that are one elementary change away from a pruned cell, each once."""
    found = {_changed(cell, change) for change in _changes(cell.vertices, cell.bits)}
    return sorted(each for each in found if each is not None)


def mutate(cell: Cell, rng: Random, rule: str) -> Cell:
    """A random change of the first of isomorphic cells, by a rule of :data:`RULES`.

    Raises:
        ValueError: another rule.
    """
    if rule not in RULES:
        raise ValueError(f"unknown mutation rule {rule!r}; use one of {', '.join(map(repr, RULES))}")
    if rule in ("nasbench", "naslib"):
        return resampled(cell, rng, 1 / (VERTICES - 2) if rule == "nasbench" else 1 / len(OPERATIONS))
    changes = (
        _flips(cell.vertices, cell.bits) if rule == "edge" and cell.vertices > 2 else _changes(cell.vertices, cell.bits)
    )
    while True:
        found = _changed(cell, rng.choice(changes))
        if found is not None:
            return found


@lru_cache(maxsize=1 << 12)  # all graphs
def _changes(count: int, bits: int) -> list[Change]:
    """All changes; an edge less may cut the output off."""
    before = _ancestors(count, bits)
    edges = bin(bits).count("1")
    found = [Change("operation", vertex, 0, shift) for vertex in range(1, count - 1) for shift in (1, 2)]
    for source, target in product(range(count - 1), range(1, count)):
        if source == target or target in before[source]:
            continue
        if source in sources_of(bits, target):
            found.append(Change("less", source, target, 0))
        elif edges < EDGES:
            found.append(Change("more", source, target, 0))
        if count < VERTICES and edges + 2 <= EDGES:
            found += [Change("vertex", source, target, label) for label in range(len(OPERATIONS))]
    return found


@lru_cache(maxsize=1 << 12)
def _flips(count: int, bits: int) -> list[Change]:
    """The changes of one entry of the adjacency matrix above its diagonal."""
    return [each for each in _changes(count, bits) if each.kind in ("less", "more") and each.source < each.target]


def _ancestors(count: int, bits: int) -> list[set[int]]:
    found: list[set[int]] = []
    for target in range(count):
        sources = sources_of(bits, target)
        found.append({*sources, *(each for source in sources for each in found[source])})
    return found


def _changed(cell: Cell, change: Change) -> Cell | None:
    """The cell after a change, as the first of isomorphic ones; None where the output would be cut off."""
    labels = list(cell.labels)
    if change.kind == "operation":
        labels[change.source - 1] = (labels[change.source - 1] + change.label) % len(OPERATIONS)
        return first(cell._replace(labels=tuple(labels)))
    labels += [change.label] if change.kind == "vertex" else []
    found = _graph_after(cell.vertices, cell.bits, *change[:3])
    return None if found is None else first(found._replace(labels=tuple(labels[each] for each in found.labels)))


@lru_cache(maxsize=1 << 16)
def _graph_after(count: int, bits: int, kind: str, source: int, target: int) -> Cell | None:
    """The pruned graph after a change, with the place of the operation of each of its vertices in the place of labels.

    A vertex more has the number that the output had, which moves behind it.
    """
    into = [set(sources_of(bits, vertex)) for vertex in range(count)]
    if kind == "vertex":
        into[-1:] = [{source}, into[-1] | ({count - 1} if target == count - 1 else set())]
        if target < count - 1:
            into[target].add(count - 1)
    elif kind == "more":
        into[target].add(source)
    else:
        into[target].remove(source)
    try:
        return prune(_sorted(into))
    except ValueError:
        return None


def _sorted(into: list[set[int]]) -> Cell:
    """The graph of vertices in any order, the input first and the output last, as in :func:`_graph_after`."""
    last = len(into) - 1
    order, left = [0], list(range(1, last))
    while left:
        ready = next(vertex for vertex in left if into[vertex] <= set(order))
        order.append(ready)
        left.remove(ready)
    places = {vertex: number for number, vertex in enumerate([*order, last])}
    bits = sum(1 << place(places[source], places[target]) for target, sources in enumerate(into) for source in sources)
    return Cell(last + 1, bits, tuple(vertex - 1 for vertex in order[1:]))
