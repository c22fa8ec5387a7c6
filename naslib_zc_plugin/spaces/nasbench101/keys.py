"""Cells of NAS-Bench-101 as text.

A key names the vertices after the input in order, each with the numbers of the vertices that lead to it; the input is
number 0. In ``conv3x3(0)|maxpool3x3(0,1)|output(1,2)`` vertex 1 is a convolution of the input, vertex 2 pools over the
sum of both, and the output concatenates vertices 1 and 2. Vertices that lie on no path from input to output may be
written; they have no part in the cell.
"""

from __future__ import annotations

import re
from functools import lru_cache

from naslib_zc_plugin.spaces.nasbench101 import cells
from naslib_zc_plugin.spaces.nasbench101.cells import OUTPUT, VERTICES, Cell

_SHORT = ("conv3x3", "conv1x1", "maxpool3x3")
_VERTEX = re.compile(r"([a-z0-9]+)\(((?:\d(?:,\d)*)?)\)", re.ASCII)


@lru_cache(maxsize=1 << 16)
def parse(key: str) -> Cell:
    """The cell of a key, as it is written.

    Raises:
        ValueError: no such text, too many vertices or edges, or input and output are not connected.
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
        bits |= sum(1 << cells.place(source, target) for source in sources)
        labels += [_SHORT.index(found[1])] if target < count - 1 else []
    cell = Cell(count, bits, tuple(labels))
    try:
        cells.prune(cell)
    except ValueError as error:
        raise ValueError(f"{key!r}: {error}") from None
    return cell


def format(cell: Cell) -> str:
    """The key of a cell; inverse of :func:`parse`."""
    names = [*(_SHORT[label] for label in cell.labels), OUTPUT]
    return "|".join(
        f"{name}({','.join(map(str, cells.sources_of(cell.bits, target)))})"
        for target, name in enumerate(names, start=1)
    )
