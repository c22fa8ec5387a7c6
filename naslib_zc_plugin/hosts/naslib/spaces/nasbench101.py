"""NAS-Bench-101 in NASLib: a cell of seven vertices, some of which may have no part in it.

A spec is the 56 numbers of :mod:`naslib_zc_plugin.spaces.nasbench101.keys`. Isomorphic cells have different specs and
one key in our own search space.
"""

from __future__ import annotations

from typing import Any

from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import NASLIB_NUMBERS, VERTICES, from_naslib

_EDGES = VERTICES * VERTICES


def check(spec: Any) -> None:
    """Nothing, for a spec.

    Raises:
        ValueError: not 56 numbers, edges that lead backwards, an unknown operation, or no cell of the benchmark: input
            and output are not connected, or by too many edges.
    """
    keys.prune(from_naslib(spec))


def own_key(spec: tuple[int, ...]) -> str:
    """The key of a spec in our own search space, by which tables know the cell."""
    return keys.format(enumeration.first(from_naslib(spec)))


def neighbours(spec: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The specs with an edge more or less, and with another operation at a vertex, by place.

    As in NASLib's neighbourhood, the vertex or edge has a part in the cell; the edge before or afterwards.
    """
    found = [_with(spec, place, 1 - spec[place]) for place in range(_EDGES) if len(NASLIB_NUMBERS[place]) > 1]
    found = [each for each in found if _matters(spec, each)]
    for vertex in keys.used(from_naslib(spec))[1:-1]:
        place = _EDGES + vertex
        found += [_with(spec, place, number) for number in NASLIB_NUMBERS[place] if number != spec[place]]
    return found


def _with(spec: tuple[int, ...], place: int, number: int) -> tuple[int, ...]:
    return (*spec[:place], number, *spec[place + 1 :])


def _matters(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether a spec with one edge changed is a cell in which, or before which, that edge has a part."""
    place = next(place for place, (a, b) in enumerate(zip(before, after)) if a != b)
    try:
        keys.prune(from_naslib(after))
    except ValueError:
        return False
    return set(divmod(place, VERTICES)) <= set(keys.used(from_naslib(max(before, after))))
