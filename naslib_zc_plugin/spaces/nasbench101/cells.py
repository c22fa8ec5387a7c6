"""Cells of NAS-Bench-101 as numbers: validity and pruning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

VERTICES, EDGES = 7, 9
"""At most so many, with input and output."""
INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""In the benchmark's order, by which it hashes."""

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
    """The bit of an edge in :attr:`Cell.bits`."""
    return source + target * (target - 1) // 2


def sources_of(bits: int, target: int) -> list[int]:
    """The vertices with an edge to ``target``, in order."""
    into = bits >> place(0, target)
    return [source for source in range(target) if into >> source & 1]


def pack(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> Cell:
    """The cell of an adjacency matrix and the operations of its vertices, ``input`` and ``output`` included.

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
    prune(cell)
    return cell


def unpack(cell: Cell) -> tuple[Matrix, tuple[str, ...]]:
    """The adjacency matrix and the operations of a cell; inverse of :func:`pack`."""
    into = [sources_of(cell.bits, target) for target in range(cell.vertices)]
    matrix = tuple(tuple(int(source in into[to]) for to in range(cell.vertices)) for source in range(cell.vertices))
    return matrix, (INPUT, *(OPERATIONS[label] for label in cell.labels), OUTPUT)


def prune(cell: Cell) -> Cell:
    """The cell without the vertices that lie on no path from input to output.

    Raises:
        ValueError: there is no path, or more than :data:`EDGES` edges are left.
    """
    alive, bits = _pruned(cell.vertices, cell.bits)
    return Cell(len(alive), bits, tuple(cell.labels[vertex - 1] for vertex in alive[1:-1]))


def used(cell: Cell) -> list[int]:
    """The vertices of a cell that :func:`prune` leaves, in order.

    Raises:
        ValueError: as for :func:`prune`.
    """
    return _pruned(cell.vertices, cell.bits)[0]


@lru_cache(maxsize=1 << 16)
def _pruned(count: int, bits: int) -> tuple[list[int], int]:
    """The vertices with a part in the cell, in order, and the edges between them.

    Raises:
        ValueError: as :func:`prune`.
    """
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
