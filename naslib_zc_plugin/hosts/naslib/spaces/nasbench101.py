"""NAS-Bench-101 in NASLib: a cell of seven vertices, some of which may have no part in it.

A spec is 56 numbers: the 7 × 7 adjacency matrix row by row, then an operation for each vertex, as its position in
:data:`OPERATIONS`. Isomorphic cells have different specs and one :func:`spec_hash`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

VERTICES, EDGES = 7, 9
"""At most so many, of those with a part in the cell."""
INPUT, OUTPUT = "input", "output"
OPERATIONS = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")
"""In NASLib's order."""

Matrix = tuple[tuple[int, ...], ...]
Cell = tuple[Matrix, tuple[str, ...]]
"""Adjacency matrix, row → column, and operations from :data:`INPUT` to :data:`OUTPUT`."""

_LABELS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")  # the benchmark's order, by which it hashes
_ALLOWED = [
    *((0, 1) if target > source else (0,) for source in range(VERTICES) for target in range(VERTICES)),
    *((0,), *[(2, 3, 4)] * (VERTICES - 2), (1,)),
]
"""Which numbers may stand at each place of a spec."""
_FILLING = "conv3x3-bn-relu"  # of vertices without edges, as NASLib fills small cells


def check(spec: Any) -> None:
    """Nothing, for a spec.

    Raises:
        ValueError: not 56 numbers, edges that lead backwards, an unknown operation, or no cell of the benchmark: input
            and output are not connected, or by more than :data:`EDGES` edges.
    """
    size = VERTICES * VERTICES
    if not isinstance(spec, tuple) or len(spec) != size + VERTICES:
        raise ValueError(f"a spec of NAS-Bench-101 is {size} numbers of the matrix and {VERTICES} of the operations")
    wrong = [place for place, number in enumerate(spec) if number not in _ALLOWED[place]]
    if wrong:
        raise ValueError(f"number {wrong[0]} of the spec is {spec[wrong[0]]!r}, expected one of {_ALLOWED[wrong[0]]}")
    if not _fits(to_cell(spec)[0]):
        raise ValueError(f"the cell's output is not connected to its input by 1 to {EDGES} edges")


def is_valid(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> bool:
    """Whether a cell of any size is one of the benchmark's."""
    try:
        to_spec(matrix, operations)
    except ValueError:
        return False
    return True


def to_cell(spec: Sequence[int]) -> Cell:
    """The matrix and the operations of a spec, dead ends included."""
    rows = (spec[start : start + VERTICES] for start in range(0, VERTICES * VERTICES, VERTICES))
    return tuple(tuple(row) for row in rows), tuple(OPERATIONS[number] for number in spec[-VERTICES:])


def to_spec(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> tuple[int, ...]:
    """The spec of a cell; in one of fewer than seven vertices, those that lack stand before the output.

    Raises:
        ValueError: they do not fit each other, or are no cell of the benchmark.
    """
    count = len(operations)
    if not 2 <= count <= VERTICES or len(matrix) != count or any(len(row) != count for row in matrix):
        raise ValueError(f"{count} operations need a matrix of {count} × {count}, of 2 to {VERTICES}")
    unknown = [name for name in operations if name not in OPERATIONS]
    if unknown:
        raise ValueError(f"unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
    places = [*range(count - 1), VERTICES - 1]
    square = [[0] * VERTICES for _ in range(VERTICES)]
    for row, source in zip(matrix, places):
        for edge, target in zip(row, places):
            square[source][target] = int(edge)
    names = [*operations[:-1], *[_FILLING] * (VERTICES - count), operations[-1]]
    spec = (*(edge for row in square for edge in row), *map(OPERATIONS.index, names))
    check(spec)
    return spec


def prune(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> Cell:
    """The cell without what lies on no path from input to output; empty if there is no path."""
    alive = used(matrix)
    return tuple(tuple(matrix[row][column] for column in alive) for row in alive), tuple(operations[v] for v in alive)


def used(matrix: Sequence[Sequence[int]]) -> list[int]:
    """The vertices on paths from the first to the last, in order; none if there is no path."""
    last = len(matrix) - 1
    ahead, behind = {0}, {last}
    for vertex in range(1, last + 1):
        if any(matrix[source][vertex] for source in ahead):
            ahead.add(vertex)
    for vertex in range(last - 1, -1, -1):
        if any(matrix[vertex][target] for target in behind):
            behind.add(vertex)
    return sorted(ahead & behind) if last in ahead else []


def spec_hash(spec: Sequence[int]) -> str:
    """The benchmark's name of a cell, the same for isomorphic ones: by which its tables know them.

    Vertices start as their degrees and operation, and take in their neighbours' names as often as there are vertices.
    """
    matrix, operations = prune(*to_cell(spec))
    count = len(operations)
    labels = [-1, *(_LABELS.index(name) for name in operations[1:-1]), -2]
    into, out = [sum(column) for column in zip(*matrix)], [sum(row) for row in matrix]
    names = [_md5(str(each)) for each in zip(out, into, labels)]
    for _ in range(count):
        before = ["".join(sorted(names[w] for w in range(count) if matrix[w][v])) for v in range(count)]
        after = ["".join(sorted(names[w] for w in range(count) if matrix[v][w])) for v in range(count)]
        names = [_md5(f"{before[v]}|{after[v]}|{names[v]}") for v in range(count)]
    return _md5(str(sorted(names)))


def neighbours(spec: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The specs with an edge more or less, and with another operation at a vertex, by place.

    As in NASLib's neighbourhood, the vertex or edge has a part in the cell; the edge before or afterwards.
    """
    edges, vertices = range(VERTICES * VERTICES), range(1, VERTICES - 1)
    found = [_with(spec, place, 1 - spec[place]) for place in edges if len(_ALLOWED[place]) > 1]
    found = [each for each in found if _fits(to_cell(each)[0]) and _matters(spec, each)]
    for vertex in set(used(to_cell(spec)[0])) & set(vertices):
        place = len(edges) + vertex
        found += [_with(spec, place, number) for number in _ALLOWED[place] if number != spec[place]]
    return found


def _with(spec: tuple[int, ...], place: int, number: int) -> tuple[int, ...]:
    return (*spec[:place], number, *spec[place + 1 :])


def _matters(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether the one edge that is in one spec only has a part in the cell that has it."""
    place = next(place for place, (a, b) in enumerate(zip(before, after)) if a != b)
    return set(divmod(place, VERTICES)) <= set(used(to_cell(max(before, after))[0]))


def _fits(matrix: Sequence[Sequence[int]]) -> bool:
    alive = used(matrix)
    return 0 < sum(matrix[source][target] for source in alive for target in alive) <= EDGES


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
