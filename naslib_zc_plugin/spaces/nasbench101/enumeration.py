"""All cells of NAS-Bench-101 without a data file, in the benchmark's order, and the first of isomorphic cells.

The benchmark's list is made by number of vertices, by edges as a number and by operations, and keeps the first of
isomorphic cells (google-research/nasbench, ``scripts/generate_graphs.py``). Here the graphs are listed first, of 2 to 7
vertices and at most 9 edges with every vertex on a path from input to output, then the operations of each up to its
symmetries. numpy lists them at first use.

>>> cell_at(2)
Cell(vertices=3, bits=5, labels=(1,))
>>> index(cell_at(423_623))
423623
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.spaces.nasbench101.keys import EDGES, OPERATIONS, VERTICES, Cell, pruned

Permutation = tuple[int, ...]
"""Vertex → its new place; input and output stay."""
Labels = tuple[int, ...]

_BACKWARDS = np.uint32(1 << 31)  # marks an edge that would lead to an earlier vertex
_CHUNK = 7  # bits that are permuted by one look-up


class Graph(NamedTuple):
    """The first of isomorphic graphs.

    Attributes:
        vertices: their number.
        bits: edges, as in :class:`~.keys.Cell`.
        first: position of its first cell in the benchmark's order.
        symmetries: the permutations that leave the graph as it is, identity included.
    """

    vertices: int
    bits: int
    first: int
    symmetries: tuple[Permutation, ...]


class Graphs(NamedTuple):
    """All graphs, and the place of every pruned one among them.

    Attributes:
        graphs: in the benchmark's order.
        firsts: their cells' first positions.
        places: (vertices, edges) → position of the isomorphic graph in ``graphs``, and the permutation that gives it.
        size: number of cells.
    """

    graphs: list[Graph]
    firsts: list[int]
    places: dict[tuple[int, int], tuple[int, Permutation]]
    size: int


def first(cell: Cell) -> Cell:
    """Return the first of the cells that are isomorphic to one, without dead ends: the one that the benchmark trained.

    Raises:
        ValueError: input and output are not connected, or by too many edges.
    """
    return _placed(pruned(cell))[1]


def index(cell: Cell) -> int:
    """Return the position of a cell's :func:`first` in the benchmark's order.

    Raises:
        ValueError: as for :func:`first`.
    """
    graph, found = _placed(pruned(cell))
    return graph.first + orbits(graph.symmetries)[1][found.labels]


def cell_at(index: int) -> Cell:
    """Return the cell at a position of the benchmark's order; inverse of :func:`index`.

    Raises:
        ValueError: no such position.
    """
    found = all_graphs()
    if not 0 <= index < found.size:
        raise ValueError(f"NAS-Bench-101 has the indices 0 to {found.size - 1}, found {index}")
    graph = found.graphs[bisect_right(found.firsts, index) - 1]
    return Cell(graph.vertices, graph.bits, orbits(graph.symmetries)[0][index - graph.first])


def _placed(cell: Cell) -> tuple[Graph, Cell]:
    """Return the first of the graphs that are isomorphic to a pruned cell's, and the first of such cells."""
    found = all_graphs()
    place, permutation = found.places[cell.vertices, cell.bits]
    graph = found.graphs[place]
    labels = moved(cell.labels, permutation)
    if len(graph.symmetries) > 1:
        labels = min(moved(labels, symmetry) for symmetry in graph.symmetries)
    return graph, Cell(graph.vertices, graph.bits, labels)


def moved(labels: Labels, permutation: Permutation) -> Labels:
    """Return the operations of a graph's vertices after a permutation."""
    found = [0] * len(labels)
    for vertex, label in enumerate(labels, start=1):
        found[permutation[vertex] - 1] = label
    return tuple(found)


@cache
def orbits(symmetries: tuple[Permutation, ...]) -> tuple[list[Labels], dict[Labels, int]]:
    """Return the operations of a graph up to its symmetries: the first of each orbit in order, and their places."""
    every = product(range(len(OPERATIONS)), repeat=len(symmetries[0]) - 2)
    firsts = [labels for labels in every if labels == min(moved(labels, each) for each in symmetries)]
    return firsts, {labels: place for place, labels in enumerate(firsts)}


@cache
def all_graphs() -> Graphs:
    """List the graphs of the benchmark."""
    found = Graphs([], [], {}, 0)
    size = 0
    for count in range(2, VERTICES + 1):
        graphs = _full(count)
        moves = [(0, *inner, count - 1) for inner in permutations(range(1, count - 1))]
        images = np.stack([_permuted(graphs, count, each) for each in moves])
        best = images.argmin(axis=0)
        least = images.min(axis=0)
        places = {}
        for number in np.flatnonzero(least == graphs).tolist():
            symmetries = tuple(moves[each] for each in np.flatnonzero(images[:, number] == graphs[number]).tolist())
            bits = int(graphs[number])
            places[bits] = len(found.graphs)
            found.graphs.append(Graph(count, bits, size, symmetries))
            found.firsts.append(size)
            size += len(orbits(symmetries)[0])
        for bits, image, way in zip(graphs.tolist(), least.tolist(), best.tolist()):
            found.places[count, bits] = places[image], moves[way]
    return found._replace(size=size)


def _full(count: int) -> NDArray[np.uint32]:
    """Return the edges' bits of all graphs of ``count`` vertices, each vertex on a path from input to output."""
    pairs = _pairs(count)
    bits = np.arange(1 << len(pairs), dtype=np.uint32)
    edges = np.zeros(len(bits), dtype=np.uint8)
    for place in range(len(pairs)):
        edges += (bits >> np.uint32(place) & np.uint32(1)).astype(np.uint8)
    bits = bits[edges <= EDGES]
    for vertex in range(count):
        # A vertex with an edge in and one out lies on such a path, since edges lead forwards.
        for end, needed in ((0, vertex < count - 1), (1, vertex > 0)):
            mask = sum(1 << place for place, pair in enumerate(pairs) if pair[end] == vertex)
            bits = bits[bits & np.uint32(mask) != 0] if needed else bits
    return bits


def _permuted(graphs: NDArray[np.uint32], count: int, moved: Permutation) -> NDArray[np.uint32]:
    """Return the edges' bits of permuted graphs; those with an edge backwards are larger than any graph's."""
    places = {pair: place for place, pair in enumerate(_pairs(count))}
    images = [places.get((moved[source], moved[target])) for source, target in places]
    new = [_BACKWARDS if image is None else np.uint32(1 << image) for image in images]
    found = np.zeros_like(graphs)
    for start in range(0, len(new), _CHUNK):
        table = np.zeros(1, dtype=np.uint32)
        for bit in new[start : start + _CHUNK]:
            table = np.concatenate([table, table | bit])
        found |= table[graphs >> np.uint32(start) & np.uint32(len(table) - 1)]
    return found


def _pairs(count: int) -> list[tuple[int, int]]:
    """Return the pairs (source, target) in the order of their bits."""
    return [(source, target) for target in range(count) for source in range(target)]
