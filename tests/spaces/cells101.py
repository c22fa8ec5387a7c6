"""Cells of NAS-Bench-101 for tests."""

from __future__ import annotations

from random import Random

from naslib_zc_plugin.spaces.nasbench101.keys import VERTICES, Cell, place, sources_of

EXAMPLE = "conv3x3(0)|maxpool3x3(0,1)|output(1,2)"
INCEPTION = "conv1x1(0)|conv3x3(0)|conv3x3(0)|conv3x3(3)|maxpool3x3(0)|output(1,2,4,5)"
"""The example of the benchmark's own documentation."""


def relabelled(cell: Cell, rng: Random) -> Cell:
    """The same cell with its vertices in another order, and a dead end if there is room."""
    last = cell.vertices - 1
    into = {target: set(sources_of(cell.bits, target)) for target in range(last + 1)}
    labels = dict(enumerate(cell.labels, start=1))
    if cell.vertices < VERTICES:
        into[last + 1], labels[last + 1] = {rng.randrange(last)}, rng.randrange(3)
    order, left = [0], [vertex for vertex in into if vertex not in (0, last)]
    while left:
        vertex = rng.choice([each for each in left if into[each] <= set(order)])
        order.append(vertex)
        left.remove(vertex)
    order.append(last)
    new = {vertex: number for number, vertex in enumerate(order)}
    bits = sum(1 << place(new[source], new[target]) for target in into for source in into[target])
    return Cell(len(order), bits, tuple(labels[vertex] for vertex in order[1:-1]))
