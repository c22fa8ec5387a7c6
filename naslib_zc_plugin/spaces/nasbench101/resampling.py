"""The mutations of NAS-Bench-101's own example and of NASLib: much at once, drawn anew until it is a cell."""

from __future__ import annotations

from random import Random

from naslib_zc_plugin.spaces.nasbench101.cells import OPERATIONS, VERTICES, Cell, place, sources_of
from naslib_zc_plugin.spaces.nasbench101.enumeration import first


def resampled(cell: Cell, rng: Random, chance: float) -> Cell:
    """Each entry of a matrix of 7 × 7 flipped with probability 1/7, each operation changed with a ``chance``.

    Drawn anew until it is a cell of the benchmark. The vertices that the cell lacks stand before the output, without
    edges, as convolutions of 3 × 3.
    """
    start = cell.bits & (1 << place(0, cell.vertices - 1)) - 1  # without the output's, which is the last vertex
    start |= sum(1 << place(source, VERTICES - 1) for source in sources_of(cell.bits, cell.vertices - 1))
    padded = cell.labels + (0,) * (VERTICES - cell.vertices)
    while True:
        bits = start
        for entry in range(place(0, VERTICES)):
            if rng.random() < 1 / VERTICES:
                bits ^= 1 << entry
        labels = tuple(
            (label + rng.choice((1, 2))) % len(OPERATIONS) if rng.random() < chance else label for label in padded
        )
        try:
            return first(Cell(VERTICES, bits, labels))
        except ValueError:  # no cell of the benchmark
            continue
