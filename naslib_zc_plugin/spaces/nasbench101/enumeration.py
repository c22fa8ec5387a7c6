"""All cells of NAS-Bench-101 without a data file, in the benchmark's order.

The benchmark's list is made by number of vertices, by edges as a number and by operations, and keeps the first of
isomorphic cells (google-research/nasbench, ``scripts/generate_graphs.py``). Here the graphs are listed first, of 2 to 7
vertices and at most 9 edges with every vertex on a path from input to output, then the operations of each up to its
symmetries (:mod:`.graphs`).
"""

from __future__ import annotations

from bisect import bisect_right

from naslib_zc_plugin.spaces.nasbench101.cells import Cell, prune
from naslib_zc_plugin.spaces.nasbench101.graphs import Graph, all_graphs, moved, orbits


def first(cell: Cell) -> Cell:
    """The first of the cells that are isomorphic to one, without dead ends: the one that the benchmark trained.

    Raises:
        ValueError: input and output are not connected, or by too many edges.
    """
    return _placed(prune(cell))[1]


def index(cell: Cell) -> int:
    """Position of a cell's :func:`first` in the benchmark's order.

    Raises:
        ValueError: as for :func:`first`.
    """
    graph, found = _placed(prune(cell))
    return graph.first + orbits(graph.symmetries)[1][found.labels]


def cell_at(index: int) -> Cell:
    """The cell at a position of the benchmark's order; inverse of :func:`index`.

    Raises:
        ValueError: no such position.
    """
    found = all_graphs()
    if not 0 <= index < found.size:
        raise ValueError(f"NAS-Bench-101 has the indices 0 to {found.size - 1}, found {index}")
    graph = found.graphs[bisect_right(found.firsts, index) - 1]
    return Cell(graph.vertices, graph.bits, orbits(graph.symmetries)[0][index - graph.first])


def _placed(cell: Cell) -> tuple[Graph, Cell]:
    found = all_graphs()
    place, permutation = found.places[cell.vertices, cell.bits]
    graph = found.graphs[place]
    labels = moved(cell.labels, permutation)
    if len(graph.symmetries) > 1:
        labels = min(moved(labels, symmetry) for symmetry in graph.symmetries)
    return graph, Cell(graph.vertices, graph.bits, labels)
