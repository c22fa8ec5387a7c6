"""Which of a network's cells, and which of a cell's inputs, its output depends on."""

from __future__ import annotations

from dataclasses import dataclass

from naslib_zc_plugin.spaces._nds.keys import Genotype


@dataclass(frozen=True)
class Use:
    """What becomes of a cell.

    Attributes:
        kind: ``"normal"`` or ``"reduce"``.
        matters: the network's output depends on it.
        inputs: whether an edge takes the output of the last cell but one, and that of the last cell.
    """

    kind: str
    matters: bool
    inputs: tuple[bool, bool]


def kinds(depth: int) -> list[str]:
    """The kind of each cell: those at a third and at two thirds halve the image."""
    return ["reduce" if place in (depth // 3, 2 * depth // 3) else "normal" for place in range(depth)]


def of_cells(genotype: Genotype) -> list[Use]:
    """The use of each cell of a genotype with a depth, from the stem on.

    All nodes of a cell matter, for each is used or concatenated; so an input does if an edge takes it.
    """
    cells = kinds(genotype.depth or 0)
    taken = {kind: [any(place == each for _, place in genotype.edges(kind)) for each in (0, 1)] for kind in cells}
    matters = [False] * len(cells)
    matters[-1:] = [True]
    for place in range(len(cells) - 1, -1, -1):
        for back, used in zip((2, 1), taken[cells[place]]):
            if matters[place] and used and place >= back:
                matters[place - back] = True
    return [Use(kind, each, (taken[kind][0], taken[kind][1])) for kind, each in zip(cells, matters)]
