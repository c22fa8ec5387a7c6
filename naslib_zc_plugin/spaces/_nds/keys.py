"""Genotypes of two cells, with width and depth, and the text of them that is their key.

A cell has two incoming edges per node: an operation, and the place that it takes its input from. Places 0 and 1 are
the outputs of the two cells before, 2 the first node of this one. A key is, in one line, such as::

    C16 L20 normal |sep_conv_3x3~0|skip_connect~1|+|none~2|max_pool_3x3~2| reduce |...|

the channels, the number of cells, and for each cell the edges (operation~place), of which two make a node.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

Edges = tuple[tuple[str, int], ...]
CELLS = ("normal", "reduce")
SHALLOWEST = 3
"""Fewest cells: a network has three stages, each of which but the first begins with a cell that halves the image."""

_KEY = re.compile(r"C([1-9]\d{0,5}) L([1-9]\d{0,5}) normal (\S+) reduce (\S+)", re.ASCII)
_EDGE = re.compile(r"([a-z0-9_]+)~(0|[1-9]\d{0,2})", re.ASCII)


@dataclass(frozen=True)
class Genotype:
    """Two cells, of two incoming edges per node, in the notation of DARTS.

    Attributes:
        normal: (operation, place of the input), the edges of the first node first.
        reduce: the same of the cell that halves the image.
        width: channels; None where a space fixes them.
        depth: cells; None where a space fixes them.

    Raises:
        ValueError: an odd number of edges, or an input that does not come before its node.
    """

    normal: Edges
    reduce: Edges
    width: int | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        for cell in CELLS:
            edges = self.edges(cell)
            if not edges or len(edges) % 2:
                raise ValueError(f"{cell} has {len(edges)} edges: two for each node, at least one node")
            late = [place for number, (_, place) in enumerate(edges) if not 0 <= place < 2 + number // 2]
            if late:
                raise ValueError(f"{cell}: an edge comes from place {late[0]}, which is not before its node")

    def edges(self, cell: str) -> Edges:
        """The edges of a cell, ``"normal"`` or ``"reduce"``."""
        return self.normal if cell == "normal" else self.reduce

    def loose_ends(self, cell: str) -> tuple[int, ...]:
        """Places of the nodes that no node uses: NASNet, AmoebaNet and ENAS concatenate these, the others all."""
        edges = self.edges(cell)
        used = {place for _, place in edges}
        return tuple(place for place in range(2, 2 + len(edges) // 2) if place not in used)


@lru_cache(maxsize=1 << 14)  # searches read the same keys again and again
def parse(key: str) -> Genotype:
    """The genotype of a key.

    Raises:
        ValueError: the text is no key; the message names the first fault.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError(f"{key!r}: expected 'C<channels> L<cells> normal |<operation>~<place>|...| reduce |...|'")
    width, depth, normal, reduce = found.groups()
    if int(depth) < SHALLOWEST:
        raise ValueError(f"{key!r}: expected at least {SHALLOWEST} cells, found {depth}")
    try:
        return Genotype(_cell(normal), _cell(reduce), int(width), int(depth))
    except ValueError as error:
        raise ValueError(f"{key!r}: {error}") from error


def format(genotype: Genotype) -> str:
    """The key of a genotype; inverse of :func:`parse`.

    Raises:
        ValueError: it has no width or no depth.
    """
    if genotype.width is None or genotype.depth is None:
        raise ValueError("a key needs the genotype's width and depth")
    cells = (f"{cell} {_text(genotype.edges(cell))}" for cell in CELLS)
    return f"C{genotype.width} L{genotype.depth} {' '.join(cells)}"


def _cell(text: str) -> Edges:
    edges: list[tuple[str, int]] = []
    for node in text.split("+"):
        parts = node.split("|")
        if len(parts) != 4 or parts[0] or parts[-1]:
            raise ValueError(f"expected a node '|<operation>~<place>|<operation>~<place>|', found {node!r}")
        for part in parts[1:-1]:
            edge = _EDGE.fullmatch(part)
            if edge is None:
                raise ValueError(f"expected an edge '<operation>~<place>', found {part!r}")
            edges.append((edge[1], int(edge[2])))
    return tuple(edges)


def _text(edges: Sequence[tuple[str, int]]) -> str:
    ends = [f"{operation}~{place}" for operation, place in edges]
    return "+".join(f"|{first}|{second}|" for first, second in zip(ends[::2], ends[1::2]))
