"""Cells of NAS-Bench-101 as numbers and as text, without torch: validity, pruning, names in other codes.

A key names the vertices after the input in order, each with the numbers of the vertices that lead to it; the input is
number 0. In ``conv3x3(0)|maxpool3x3(0,1)|output(1,2)`` vertex 1 is a convolution of the input, vertex 2 pools over the
sum of both, and the output concatenates vertices 1 and 2. Vertices that lie on no path from input to output may be
written; they have no part in the cell.

>>> format(pruned(parse("conv1x1(0)|conv3x3(0)|output(2)")))
'conv3x3(0)|output(1)'
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

VERTICES, EDGES = 7, 9
"""The most vertices, input and output included, and the most edges."""
INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""In the benchmark's order, by which it hashes."""
_SHORT = ("conv3x3", "conv1x1", "maxpool3x3")  # the same in keys
_VERTEX = re.compile(r"([a-z0-9]+)\(((?:\d(?:,\d)*)?)\)", re.ASCII)

Matrix = tuple[tuple[int, ...], ...]
"""Adjacency, row → column, zero on the diagonal and below."""


class Cell(NamedTuple):
    """A cell as numbers.

    Attributes:
        vertices: their number, with input and output.
        bits: the edges: bit :math:`x + y(y-1)/2` is the edge from vertex x to vertex y.
        labels: operations of the vertices between input and output, as positions in :data:`OPERATIONS`.
    """

    vertices: int
    bits: int
    labels: tuple[int, ...]


def place(source: int, target: int) -> int:
    """Return the bit of an edge in :attr:`Cell.bits`."""
    return source + target * (target - 1) // 2


def sources_of(bits: int, target: int) -> list[int]:
    """Return the vertices with an edge to ``target``, in order."""
    into = bits >> place(0, target)
    return [source for source in range(target) if into >> source & 1]


# Keys.


@lru_cache(maxsize=1 << 16)
def parse(key: str) -> Cell:
    """Return the cell of a key, as it is written.

    Raises:
        ValueError: the text is no key, has too many vertices or edges, or does not connect input and output.
    """
    parts = key.split("|")
    count = len(parts) + 1
    if count > VERTICES:
        raise ValueError(f"{key!r}: a cell has at most {VERTICES} vertices with input and output, found {count}")
    bits, labels = 0, []
    for target, part in enumerate(parts, start=1):
        found = _VERTEX.fullmatch(part)
        names = (OUTPUT,) if target == count - 1 else _SHORT
        if found is None or found[1] not in names:
            known = " or ".join(names)
            raise ValueError(f"{key!r}: expected {known} and its inputs, '(0)', as vertex {target}, found {part!r}")
        sources = [int(digit) for digit in found[2].split(",") if digit]
        if sources != sorted(set(sources)) or any(source >= target for source in sources):
            raise ValueError(f"{key!r}: the inputs of vertex {target} must be earlier vertices, ascending: {part!r}")
        bits |= sum(1 << place(source, target) for source in sources)
        labels += [_SHORT.index(found[1])] if target < count - 1 else []
    cell = Cell(count, bits, tuple(labels))
    try:
        pruned(cell)
    except ValueError as error:
        raise ValueError(f"{key!r}: {error}") from None
    return cell


def format(cell: Cell) -> str:
    """Return the key of a cell; inverse of :func:`parse`."""
    names = [*(_SHORT[label] for label in cell.labels), OUTPUT]
    return "|".join(
        f"{name}({','.join(map(str, sources_of(cell.bits, target)))})" for target, name in enumerate(names, start=1)
    )


# Adjacency matrices and dead ends.


def pack(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> Cell:
    """Return the cell of an adjacency matrix and the operations of its vertices.

    Args:
        matrix: adjacency, row → column.
        operations: of all vertices, ``input`` and ``output`` included.

    Raises:
        ValueError: they do not fit each other, or are no cell of the benchmark.
    """
    count = len(operations)
    if not 2 <= count <= VERTICES or len(matrix) != count or any(len(row) != count for row in matrix):
        raise ValueError(f"{count} operations need a matrix of {count} × {count}, of 2 to {VERTICES}")
    if (operations[0], operations[-1]) != (INPUT, OUTPUT):
        raise ValueError(f"the first operation is {INPUT!r} and the last {OUTPUT!r}, found {list(operations)}")
    unknown = [name for name in operations[1:-1] if name not in OPERATIONS]
    if unknown:
        raise ValueError(f"unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
    bits = 0
    for source, row in enumerate(matrix):
        for target, edge in enumerate(row):
            if edge not in (0, 1) or (edge and target <= source):
                raise ValueError("edges are 0 or 1 and lead to later vertices: zero on the diagonal and below")
            bits |= int(edge) << place(source, target)
    cell = Cell(count, bits, tuple(map(OPERATIONS.index, operations[1:-1])))
    pruned(cell)
    return cell


def unpack(cell: Cell) -> tuple[Matrix, tuple[str, ...]]:
    """Return the adjacency matrix and the operations of a cell; inverse of :func:`pack`."""
    into = [sources_of(cell.bits, target) for target in range(cell.vertices)]
    matrix = tuple(tuple(int(source in into[to]) for to in range(cell.vertices)) for source in range(cell.vertices))
    return matrix, (INPUT, *(OPERATIONS[label] for label in cell.labels), OUTPUT)


def pruned(cell: Cell) -> Cell:
    """Return the cell without the vertices that lie on no path from input to output.

    Raises:
        ValueError: there is no path, or more than :data:`EDGES` edges are left.
    """
    alive, bits = _pruned(cell.vertices, cell.bits)
    return Cell(len(alive), bits, tuple(cell.labels[vertex - 1] for vertex in alive[1:-1]))


def used(cell: Cell) -> list[int]:
    """Return the vertices of a cell that :func:`pruned` leaves, in order.

    Raises:
        ValueError: as for :func:`pruned`.
    """
    return _pruned(cell.vertices, cell.bits)[0]


@lru_cache(maxsize=1 << 16)
def _pruned(count: int, bits: int) -> tuple[list[int], int]:
    """Return the vertices with a part in the cell, in order, and the edges between them."""
    into = [sources_of(bits, target) for target in range(count)]
    ahead, behind = {0}, {count - 1}
    for vertex in range(1, count):
        if not ahead.isdisjoint(into[vertex]):
            ahead.add(vertex)
    for vertex in range(count - 1, 0, -1):
        if vertex in behind:
            behind.update(into[vertex])
    if count - 1 not in ahead:
        raise ValueError("the output is not connected to the input")
    alive = sorted(ahead & behind)
    left = 0
    for target, vertex in enumerate(alive):
        for source, earlier in enumerate(alive[:target]):
            left |= int(earlier in into[vertex]) << place(source, target)
    edges = bin(left).count("1")
    if edges > EDGES:
        raise ValueError(f"{edges} edges between input and output, more than {EDGES}")
    return alive, left


# Names in other codes.


def hash_of(cell: Cell) -> str:
    """Return the benchmark's name of a cell, 32 hexadecimal digits, by which its tables know it.

    Vertices start as their degrees and operation, and take in their neighbours' names as often as there are vertices.
    Isomorphic cells have the same name; different ones have different names (checked over the whole benchmark).

    Source: google-research/nasbench, ``lib/graph_util.py``.

    Raises:
        ValueError: as for :func:`pruned`.
    """
    cell = pruned(cell)
    count, labels = cell.vertices, [-1, *cell.labels, -2]
    into = [sources_of(cell.bits, target) for target in range(count)]
    onto = [[target for target in range(count) if source in into[target]] for source in range(count)]
    names = [_md5(str((len(onto[v]), len(into[v]), labels[v]))) for v in range(count)]
    for _ in range(count):
        names = [f"{_joined(names, into[v])}|{_joined(names, onto[v])}|{names[v]}" for v in range(count)]
        names = list(map(_md5, names))
    return _md5(str(sorted(names)))


def _joined(names: list[str], vertices: list[int]) -> str:
    return "".join(sorted(names[vertex] for vertex in vertices))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


_NUMBERED = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")  # in NASLib's order
_ENTRIES = VERTICES * VERTICES
NASLIB_NUMBERS = [
    *((0, 1) if target > source else (0,) for source in range(VERTICES) for target in range(VERTICES)),
    *((0,), *[(2, 3, 4)] * (VERTICES - 2), (1,)),
]
"""The possible numbers at each of the 56 places by which NASLib knows a cell.

The places are the 7 × 7 adjacency matrix row by row, then an operation for each vertex. Vertices that a cell does not
have stand before the output, without edges, as convolutions of 3 × 3. Source: NASLib,
``naslib/search_spaces/nasbench101`` (Develop branch).
"""


def from_naslib(numbers: Any) -> Cell:
    """Return the cell of NASLib's numbers, dead ends included.

    Raises:
        ValueError: not 56 numbers, edges that lead backwards, or an unknown operation.
    """
    if not isinstance(numbers, tuple) or len(numbers) != len(NASLIB_NUMBERS):
        raise ValueError(
            f"a spec of NAS-Bench-101 is {_ENTRIES} numbers of the matrix and {VERTICES} of the operations"
        )
    for at, (number, allowed) in enumerate(zip(numbers, NASLIB_NUMBERS)):
        if number not in allowed:
            raise ValueError(f"number {at} of the spec is {number!r}, expected one of {allowed}")
    edges = [divmod(at, VERTICES) for at in range(_ENTRIES) if numbers[at]]
    labels = (OPERATIONS.index(_NUMBERED[number]) for number in numbers[_ENTRIES + 1 : -1])
    return Cell(VERTICES, sum(1 << place(*edge) for edge in edges), tuple(labels))


def to_naslib(cell: Cell) -> tuple[int, ...]:
    """Return NASLib's numbers of a cell; :func:`from_naslib` gives it back, padded to seven vertices."""
    missing = VERTICES - cell.vertices
    matrix = [0] * _ENTRIES
    for target, at in enumerate([*range(cell.vertices - 1), VERTICES - 1]):
        for source in sources_of(cell.bits, target):
            matrix[VERTICES * source + at] = 1
    names = [INPUT, *(OPERATIONS[label] for label in cell.labels), *[OPERATIONS[0]] * missing, OUTPUT]
    return (*matrix, *map(_NUMBERED.index, names))
