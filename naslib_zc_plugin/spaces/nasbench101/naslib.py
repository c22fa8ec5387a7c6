"""The numbers by which NASLib knows a cell of NAS-Bench-101.

There are 56: the 7 × 7 adjacency matrix row by row, then an operation for each vertex. Vertices that a cell lacks stand
before the output, without edges, as convolutions of 3 × 3.

Source: NASLib, ``naslib/search_spaces/nasbench101`` (Develop branch).
"""

from __future__ import annotations

from typing import Any

from naslib_zc_plugin.spaces.nasbench101.cells import INPUT, OPERATIONS, OUTPUT, VERTICES, Cell, place, sources_of

_NUMBERED = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")  # in NASLib's order
_EDGES = VERTICES * VERTICES
_FILLING = OPERATIONS.index("conv3x3-bn-relu")
ALLOWED = [
    *((0, 1) if target > source else (0,) for source in range(VERTICES) for target in range(VERTICES)),
    *((0,), *[(2, 3, 4)] * (VERTICES - 2), (1,)),
]
"""Which numbers may stand at each place."""


def to_cell(numbers: Any) -> Cell:
    """The cell of NASLib's numbers, dead ends included.

    Raises:
        ValueError: not 56 numbers, edges that lead backwards, or an unknown operation.
    """
    if not isinstance(numbers, tuple) or len(numbers) != len(ALLOWED):
        raise ValueError(f"a spec of NAS-Bench-101 is {_EDGES} numbers of the matrix and {VERTICES} of the operations")
    wrong = [at for at, number in enumerate(numbers) if number not in ALLOWED[at]]
    if wrong:
        raise ValueError(f"number {wrong[0]} of the spec is {numbers[wrong[0]]!r}, expected one of {ALLOWED[wrong[0]]}")
    edges = [divmod(at, VERTICES) for at in range(_EDGES) if numbers[at]]
    labels = (OPERATIONS.index(_NUMBERED[number]) for number in numbers[_EDGES + 1 : -1])
    return Cell(VERTICES, sum(1 << place(*edge) for edge in edges), tuple(labels))


def to_numbers(cell: Cell) -> tuple[int, ...]:
    """NASLib's numbers of a cell; :func:`to_cell` gives it back, with the vertices that it lacks."""
    lacking = VERTICES - cell.vertices
    matrix = [0] * _EDGES
    for target, at in enumerate([*range(cell.vertices - 1), VERTICES - 1]):
        for source in sources_of(cell.bits, target):
            matrix[VERTICES * source + at] = 1
    names = [INPUT, *(OPERATIONS[label] for label in cell.labels + (_FILLING,) * lacking), OUTPUT]
    return (*matrix, *map(_NUMBERED.index, names))
