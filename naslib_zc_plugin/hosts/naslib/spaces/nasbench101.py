"""NAS-Bench-101 in NASLib: a cell of seven vertices, some of which may have no part in it.

A spec is 56 numbers: the 7 × 7 adjacency matrix row by row, then an operation for each vertex, as its position in
:data:`NUMBERED`. Isomorphic cells have different specs and one key in our own search space.
"""

from __future__ import annotations

from typing import Any

from naslib_zc_plugin.spaces.nasbench101 import cells, enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.cells import INPUT, OUTPUT, VERTICES, Cell

NUMBERED = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")
"""Operations in NASLib's order."""

_EDGES = VERTICES * VERTICES
_ALLOWED = [
    *((0, 1) if target > source else (0,) for source in range(VERTICES) for target in range(VERTICES)),
    *((0,), *[(2, 3, 4)] * (VERTICES - 2), (1,)),
]
"""Which numbers may stand at each place of a spec."""
_FILLING = cells.OPERATIONS.index("conv3x3-bn-relu")  # of vertices without edges, as NASLib fills small cells


def check(spec: Any) -> None:
    """Nothing, for a spec.

    Raises:
        ValueError: not 56 numbers, edges that lead backwards, an unknown operation, or no cell of the benchmark: input
            and output are not connected, or by too many edges.
    """
    if not isinstance(spec, tuple) or len(spec) != len(_ALLOWED):
        raise ValueError(f"a spec of NAS-Bench-101 is {_EDGES} numbers of the matrix and {VERTICES} of the operations")
    wrong = [place for place, number in enumerate(spec) if number not in _ALLOWED[place]]
    if wrong:
        raise ValueError(f"number {wrong[0]} of the spec is {spec[wrong[0]]!r}, expected one of {_ALLOWED[wrong[0]]}")
    cells.prune(to_cell(spec))


def to_cell(spec: tuple[int, ...]) -> Cell:
    """The cell of a spec, dead ends included."""
    edges = [divmod(place, VERTICES) for place in range(_EDGES) if spec[place]]
    labels = (cells.OPERATIONS.index(NUMBERED[number]) for number in spec[_EDGES + 1 : -1])
    return Cell(VERTICES, sum(1 << cells.place(*edge) for edge in edges), tuple(labels))


def to_spec(cell: Cell) -> tuple[int, ...]:
    """The spec of a cell; in one of fewer than seven vertices, those that lack stand before the output."""
    lacking = VERTICES - cell.vertices
    places = [*range(cell.vertices - 1), VERTICES - 1]
    matrix = [0] * _EDGES
    for target, at in enumerate(places):
        for source in cells.sources_of(cell.bits, target):
            matrix[VERTICES * source + at] = 1
    names = [INPUT, *(cells.OPERATIONS[label] for label in cell.labels + (_FILLING,) * lacking), OUTPUT]
    return (*matrix, *map(NUMBERED.index, names))


def own_key(spec: tuple[int, ...]) -> str:
    """The key of a spec in our own search space, by which tables know the cell."""
    return keys.format(enumeration.first(to_cell(spec)))


def neighbours(spec: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The specs with an edge more or less, and with another operation at a vertex, by place.

    As in NASLib's neighbourhood, the vertex or edge has a part in the cell; the edge before or afterwards.
    """
    found = [_with(spec, place, 1 - spec[place]) for place in range(_EDGES) if len(_ALLOWED[place]) > 1]
    found = [each for each in found if _matters(spec, each)]
    for vertex in cells.used(to_cell(spec))[1:-1]:
        place = _EDGES + vertex
        found += [_with(spec, place, number) for number in _ALLOWED[place] if number != spec[place]]
    return found


def _with(spec: tuple[int, ...], place: int, number: int) -> tuple[int, ...]:
    return (*spec[:place], number, *spec[place + 1 :])


def _matters(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether a spec with one edge changed is a cell in which, or before which, that edge has a part."""
    place = next(place for place, (a, b) in enumerate(zip(before, after)) if a != b)
    try:
        cells.prune(to_cell(after))
    except ValueError:
        return False
    return set(divmod(place, VERTICES)) <= set(cells.used(to_cell(max(before, after))))
