"""NASLib's search spaces by their specs: which are valid, which differ in one thing, what others call them. No torch.

A spec is what NASLib's ``get_hash`` gives and ``set_spec`` takes:

- NAS-Bench-101: the 56 numbers of :mod:`naslib_zc_plugin.spaces.nasbench101.keys`, a cell of seven vertices, some of
  which may have no part in it. Isomorphic cells have different specs and one key in our own search space.
- NAS-Bench-301: as in our search space.
- TransNAS-Bench-101, micro: six numbers from 0 to 3, one for each edge. With ``create_graph=True`` the edges are (0→1)
  (0→2) (0→3) (1→2) (1→3) (2→3), and the numbers stand for :data:`GRAPH_OPERATIONS`. With ``create_graph=False``, and
  whenever NASLib queries the benchmark, they are the digits of the benchmark's own text in turn, whose edges are (0→1)
  (0→2) (1→2) (0→3) (1→3) (2→3), and stand for the operations of our own space ``transnasbench101_micro``. So a graph
  and NASLib's answer to its query are different architectures.
- TransNAS-Bench-101, macro: six numbers, a module each: 1 + 2 if it doubles the channels + 1 if it halves the image, 0
  behind the last. Four to six modules, of which one to four double and one to three halve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Callable

from naslib_zc_plugin.spaces import nasbench301 as keys301
from naslib_zc_plugin.spaces import transnasbench101_micro as micro
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101 import keys as keys101
from naslib_zc_plugin.spaces.nasbench101.keys import NASLIB_NUMBERS, VERTICES, from_naslib

Spec = tuple[int, ...]
GRAPH_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1")
"""Operations of TransNAS-Bench-101 by number, in NASLib's graphs."""
_GRAPH_TO_TEXT = (0, 1, 3, 2, 4, 5)  # the order of edges; its own inverse
_EDGES_101 = VERTICES * VERTICES
_MACRO = (range(4, 7), range(1, 5), range(1, 4))  # modules; of them double, halve
_LONGEST = 6


@dataclass(frozen=True)
class SpecRules:
    """The specs of one search space.

    Attributes:
        check: raises ``ValueError`` for what is no spec.
        neighbours: lists the specs that differ in one thing, in a fixed order.
        mutate: draws a neighbour, where NASLib's own code cannot be used.
    """

    check: Callable[[Any], object]
    neighbours: Callable[[Any], list[Any]]
    mutate: Callable[[Spec, Random], Spec] | None = None


def check_spec(spec: Any, space: str) -> None:
    """Validate a spec; those of unknown spaces are accepted.

    Raises:
        ValueError: it is none of that space.
    """
    if space in RULES:
        RULES[space].check(spec)


def key101_of(spec: Spec) -> str:
    """Return the key of a spec of NAS-Bench-101 in our own search space, by which tables know the cell."""
    return keys101.format(enumeration.first(from_naslib(spec)))


def micro_text(spec: Sequence[int], create_graph: bool = False) -> str:
    """Return TransNAS-Bench-101's name of the network that NASLib makes of a spec, such as ``64-41414-1_02_333``.

    Args:
        spec: six numbers from 0 to 3.
        create_graph: as in NASLib's search space. False: also the name under which NASLib queries the spec.
    """
    if create_graph:
        spec = [micro.OPERATIONS.index(GRAPH_OPERATIONS[spec[edge]]) for edge in _GRAPH_TO_TEXT]
    return micro.SPACE.encode(spec)


def micro_spec(text: str, create_graph: bool = False) -> Spec:
    """Return the spec of a name; the inverse of :func:`micro_text`.

    Raises:
        ValueError: the name is none of this space.
    """
    digits = tuple(micro.SPACE.decode(text))
    if not create_graph:
        return digits
    return tuple(GRAPH_OPERATIONS.index(micro.OPERATIONS[digits[edge]]) for edge in _GRAPH_TO_TEXT)


def _neighbours101(spec: Spec) -> list[Spec]:
    """List the specs with an edge more or less, and with another operation at a vertex, by place.

    As in NASLib's neighbourhood, the vertex or edge has a part in the cell; the edge before or afterwards.
    """
    found = [_replaced(spec, place, 1 - spec[place]) for place in range(_EDGES_101) if len(NASLIB_NUMBERS[place]) > 1]
    found = [each for each in found if _edge_matters(spec, each)]
    for vertex in keys.used(from_naslib(spec))[1:-1]:
        place = _EDGES_101 + vertex
        found += [_replaced(spec, place, number) for number in NASLIB_NUMBERS[place] if number != spec[place]]
    return found


def _edge_matters(before: Spec, after: Spec) -> bool:
    """Return whether a spec with one edge changed is a cell in which, or before which, that edge has a part."""
    place = next(place for place, (a, b) in enumerate(zip(before, after)) if a != b)
    try:
        keys.pruned(from_naslib(after))
    except ValueError:
        return False
    return set(divmod(place, VERTICES)) <= set(keys.used(from_naslib(max(before, after))))


def _replaced(spec: Spec, place: int, number: int) -> Spec:
    return (*spec[:place], number, *spec[place + 1 :])


def _check_micro(spec: Any) -> None:
    if not isinstance(spec, tuple) or len(spec) != 6 or not all(number in range(4) for number in spec):
        raise ValueError(f"a spec of TransNAS-Bench-101 (micro) is 6 numbers from 0 to 3, found {spec!r}")


def _neighbours_micro(spec: Spec) -> list[Spec]:
    return [_replaced(spec, edge, other) for edge in range(6) for other in range(4) if other != spec[edge]]


def _check_macro(spec: Any) -> None:
    kinds = [number for number in spec if number] if isinstance(spec, tuple) else []
    fits = spec == (*kinds, *[0] * (_LONGEST - len(kinds))) and set(kinds) <= {1, 2, 3, 4}
    if not fits or not all(count in each for count, each in zip(_macro_counts(kinds), _MACRO)):
        raise ValueError(
            "a spec of TransNAS-Bench-101 (macro) is 4 to 6 modules of the kinds 1 to 4 and zeros up to 6 numbers, "
            f"1 to 4 of which double the channels (3, 4) and 1 to 3 halve the image (2, 4); found {spec!r}"
        )


def _mutate_macro(spec: Spec, rng: Random) -> Spec:
    """Draw a spec of another length, of another number of doublings or of halvings, in random order.

    That is what NASLib's code means to do; as it stands it ends with an error.
    """
    counts = list(_macro_counts([number for number in spec if number]))
    which = rng.randrange(3)
    counts[which] = rng.choice([each for each in _MACRO[which] if each != counts[which]])
    length, doubling, halving = counts
    kinds = [1 + 2 * (place < doubling) + (place < halving) for place in range(length)]
    rng.shuffle(kinds)
    return (*kinds, *[0] * (_LONGEST - length))


def _neighbours_macro(spec: Spec) -> list[Spec]:
    """Raise ``ValueError``: a mutation draws the order of all modules anew."""
    raise ValueError("the neighbours of TransNAS-Bench-101's macro networks cannot be listed: use mutate()")


def _macro_counts(kinds: list[int]) -> tuple[int, int, int]:
    return len(kinds), sum(kind > 2 for kind in kinds), sum(kind in (2, 4) for kind in kinds)


RULES = {
    "nasbench101": SpecRules(lambda spec: keys.pruned(from_naslib(spec)), _neighbours101),
    "nasbench301": SpecRules(keys301.check, keys301.neighbours),
    "transbench101_micro": SpecRules(_check_micro, _neighbours_micro),
    "transbench101_macro": SpecRules(_check_macro, _neighbours_macro, _mutate_macro),
}
"""NASLib's name of a space → the rules of its specs."""
