"""DARTS, ENAS, PNAS, NASNet and AmoebaNet: NNI's samples and genotypes.

A sample holds ``<cell>/op_<node>_<k>``, ``<cell>/input_<node>_<k>`` (a list of one place) for the cells ``normal`` and
``reduce``, the nodes from 2 on and k of 0 and 1, and ``width`` and ``depth`` where the space leaves them open. Places
0 and 1 are the outputs of the two cells before, 2 the first node of this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Edges = tuple[tuple[str, int], ...]
CELLS = ("normal", "reduce")
_LABEL = re.compile(r"(?:normal|reduce)/(?:op|input)_\d+_[01]|width|depth")


@dataclass(frozen=True)
class Genotype:
    """Two cells, of two incoming edges per node, in the notation of DARTS.

    Attributes:
        normal: (operation, place of the input), the edges of the first node first.
        reduce: the same of the cell that halves the image.
        width: channels; None where the space fixes them.
        depth: cells; None where the space fixes them.

    Raises:
        ValueError: an odd number of edges, or an input that does not come before its node.
    """

    normal: Edges
    reduce: Edges
    width: int | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        for cell in CELLS:
            edges = getattr(self, cell)
            if not edges or len(edges) % 2:
                raise ValueError(f"{cell} has {len(edges)} edges: two for each node, at least one node")
            late = [place for number, (_, place) in enumerate(edges) if not 0 <= place < 2 + number // 2]
            if late:
                raise ValueError(f"{cell}: an edge comes from place {late[0]}, which is not before its node")

    def loose_ends(self, cell: str) -> tuple[int, ...]:
        """Places of the nodes that no node uses: NASNet, AmoebaNet and ENAS concatenate these, the others all."""
        edges: Edges = getattr(self, cell)
        used = {place for _, place in edges}
        return tuple(place for place in range(2, 2 + len(edges) // 2) if place not in used)


def recognises(labels: Mapping[str, Any]) -> bool:
    """Whether a sample's labels are those of such a space, and no others."""
    return "normal/op_2_0" in labels and all(_LABEL.fullmatch(label) for label in labels)


def to_genotype(sample: Mapping[str, Any]) -> Genotype:
    """The genotype of a sample.

    Raises:
        ValueError: an entry is missing, or an input does not come before its node.
    """
    try:
        cells = {cell: _edges(sample, cell) for cell in CELLS}
    except KeyError as error:
        raise ValueError(f"the sample has no {error}") from error
    return Genotype(**cells, width=sample.get("width"), depth=sample.get("depth"))


def to_sample(genotype: Genotype) -> dict[str, Any]:
    """The sample of a genotype; inverse of :func:`to_genotype`."""
    found: dict[str, Any] = {}
    for cell in CELLS:
        for number, (operation, place) in enumerate(getattr(genotype, cell)):
            end = f"{2 + number // 2}_{number % 2}"
            found[f"{cell}/op_{end}"], found[f"{cell}/input_{end}"] = operation, [place]
    sizes = {"width": genotype.width, "depth": genotype.depth}
    return {**found, **{name: value for name, value in sizes.items() if value is not None}}


def _edges(sample: Mapping[str, Any], cell: str) -> Edges:
    nodes = sum(1 for label in sample if re.fullmatch(rf"{cell}/op_\d+_0", label))
    ends = [f"{node}_{k}" for node in range(2, 2 + nodes) for k in (0, 1)]
    return tuple((sample[f"{cell}/op_{end}"], sample[f"{cell}/input_{end}"][0]) for end in ends)
