"""The cell-based design spaces of NDS on CIFAR-10 (Radosavovic et al., ICCV 2019): six spaces of two cells.

``nds_darts``, ``nds_darts_fix_w_d``, ``nds_enas``, ``nds_pnas``, ``nds_nasnet`` and ``nds_amoeba`` differ in their
operations, in the number of nodes of a cell, and in the nodes that make a cell's output.

>>> ENAS.size == 3 * 5 * 5_062_500_000_000**2
True
>>> key = ENAS.key(7)
>>> ENAS.index(key), key[:7], ENAS.parameters(key)
(7, 'C16 L4 ', 117178)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from naslib_zc_plugin.spaces._space import Product, check_known, keyed
from naslib_zc_plugin.spaces.nds import keys
from naslib_zc_plugin.spaces.nds.keys import CELLS, Edges, Genotype

if TYPE_CHECKING:
    from torch import nn

__all__ = ["AMOEBA", "DARTS", "DARTS_FIX_W_D", "ENAS", "NASNET", "PNAS", "CellSpace"]

WIDTHS, DEPTHS = (16, 24, 32), (4, 8, 12, 16, 20)
"""Channels and cells that NDS drew from."""


@keyed
@dataclass(frozen=True)
class CellSpace(Product):
    """One of NDS' design spaces; stateless, all randomness is the caller's ``rng``.

    An architecture is a width, a depth, and for each edge of both cells an operation and a place before its node. All
    choices are independent: both edges of a node may come from one place. One cell of n nodes and O operations has
    ∏ (O · p)², p = 2, ..., n + 1, variants, as in the paper's Table 3.

    Keys of any other width or depth, such as published networks have, can be built, mutated and made canonical; they
    have no place in the space's order.

    Attributes:
        name: of the space.
        operations: of an edge.
        nodes: of a cell.
        loose: a cell's output is the concatenation of the nodes that no other uses; else of all.
        widths: channels of the first stage.
        depths: cells.
    """

    name: str
    operations: tuple[str, ...]
    nodes: int
    loose: bool
    widths: tuple[int, ...] = WIDTHS
    depths: tuple[int, ...] = DEPTHS

    builder: ClassVar[int] = keys.BUILDER

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """Draw a neighbour.

        Args:
            key: the parent.
            rng: the source of randomness.
            rule: ``"one"`` draws one of the width, the depth and the edges' operations and places, then another value
                of it. ``"cells"`` leaves width and depth: a cell, a node, one of its edges, and with equal chance its
                operation or its place get another value, as Real et al. (AAAI 2019) mutate AmoebaNet; their
                mutation that changes nothing is left out.

        Raises:
            ValueError: ``key`` is not of this space, or another rule.
        """
        check_known("mutation rule", rule, ["one", "cells"])
        # Each edge has other operations and other places to choose from, so "cells" draws all of them alike.
        return self.resample_one(key, range(2 if rule == "cells" else 0, len(self.choices)), rng)

    def canonical(self, key: str) -> str:
        """Return the key with the two edges of each node in order: by place, then by operation.

        A node is the sum of its two edges, and addition commutes, so the networks are the same to the last bit but
        for the order in which their weights are drawn. Nodes keep their places: others would permute the channels of
        the concatenation, and the terms of the sums over them.
        """
        found = self.genotype(key)
        return keys.format(replace(found, normal=self._ordered(found.normal), reduce=self._ordered(found.reduce)))

    def genotype(self, key: str) -> Genotype:
        """Return the genotype of a key.

        Raises:
            ValueError: it is not of this space.
        """
        found = keys.parse(key)
        for cell in CELLS:
            edges = found.edges(cell)
            if len(edges) != 2 * self.nodes:
                raise ValueError(f"{key!r}: a cell of {self.name} has {self.nodes} nodes, {cell} {len(edges) // 2}")
            unknown = [operation for operation, _ in edges if operation not in self.operations]
            if unknown:
                known = ", ".join(self.operations)
                raise ValueError(f"{key!r}: unknown operation {unknown[0]!r}; {self.name} has {known}")
        return found

    def from_genotype(self, given: str | Mapping[str, Any], width: int, depth: int) -> str:
        """Return the key of a genotype in DARTS' notation, as text or as JSON has it.

        Raises:
            ValueError: it is no genotype, not of this space, or concatenates other nodes than this space does.
        """
        cells, ends = keys.read_genotype(given)
        found = Genotype(cells["normal"], cells["reduce"], width, depth)
        key = keys.format(self.genotype(keys.format(found)))
        for cell in CELLS:
            expected = found.joined(cell, self.loose)
            if tuple(sorted(ends[cell])) != expected:
                raise ValueError(f"{cell} concatenates {ends[cell]}, in {self.name} it would be {expected}")
        return key

    def to_genotype(self, key: str) -> str:
        """Return the text of a key's two cells in DARTS' notation."""
        found = self.genotype(key)
        ends = {cell: found.joined(cell, self.loose) for cell in CELLS}
        return keys.write_genotype({cell: found.edges(cell) for cell in CELLS}, ends)

    def parameters(self, key: str, num_classes: int = 10, auxiliary: bool = False) -> int:
        """Count the parameters of the network of ``key`` as the benchmark does: see :func:`.keys.count_parameters`."""
        found = self.genotype(key)
        ends = {cell: len(found.joined(cell, self.loose)) for cell in CELLS}
        return keys.count_parameters(found, ends, num_classes, auxiliary)

    def build(
        self, key: str, width: int | None = None, depth: int | None = None, num_classes: int = 10, variant: str = "nds"
    ) -> nn.Module:
        """Build the freshly initialised network of ``key`` (see :func:`.network.build`; needs torch).

        Args:
            key: of the architecture.
            width: channels, instead of the key's.
            depth: cells, at least three, instead of the key's.
            num_classes: number of logits.
            variant: ``"nds"``, or ``"used"`` for the modules alone that the logits depend on.
        """
        from naslib_zc_plugin.spaces.nds import network

        found = self.genotype(key)
        width, depth = found.width if width is None else width, found.depth if depth is None else depth
        return network.build(replace(found, width=width, depth=depth), self.loose, num_classes, variant)

    @cached_property
    def choices(self) -> list[tuple[Any, ...]]:  # type: ignore[override]
        """Widths, depths, and the operations and places of each edge, of the normal cell first."""
        places = [tuple(range(2 + number // 2)) for number in range(2 * self.nodes)]
        return [self.widths, self.depths, *(v for _ in CELLS for each in places for v in (self.operations, each))]

    def decode(self, key: str) -> list[Any]:
        """Return the value of each choice in ``key``."""
        found = self.genotype(key)
        return [found.width, found.depth, *(v for cell in CELLS for edge in found.edges(cell) for v in edge)]

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of a width, a depth, and an operation and a place for each edge."""
        width, depth, *rest = values
        edges = list(zip(rest[::2], rest[1::2]))
        return keys.format(Genotype(tuple(edges[: 2 * self.nodes]), tuple(edges[2 * self.nodes :]), width, depth))

    def _ordered(self, edges: Edges) -> Edges:
        ranked = [(number // 2, place, self.operations.index(name)) for number, (name, place) in enumerate(edges)]
        return tuple((self.operations[operation], place) for _, place, operation in sorted(ranked))


_DARTS = "none max_pool_3x3 avg_pool_3x3 skip_connect sep_conv_3x3 sep_conv_5x5 dil_conv_3x3 dil_conv_5x5"
_ENAS = "skip_connect sep_conv_3x3 sep_conv_5x5 avg_pool_3x3 max_pool_3x3"
_PNAS = "sep_conv_3x3 sep_conv_5x5 sep_conv_7x7 conv_7x1_1x7 skip_connect avg_pool_3x3 max_pool_3x3 dil_conv_3x3"
_NASNET = (
    "skip_connect conv_3x1_1x3 conv_7x1_1x7 dil_conv_3x3 avg_pool_3x3 max_pool_3x3 max_pool_5x5 max_pool_7x7 conv_1x1 "
    "conv_3x3 sep_conv_3x3 sep_conv_5x5 sep_conv_7x7"
)
_AMOEBA = "skip_connect sep_conv_3x3 sep_conv_5x5 sep_conv_7x7 avg_pool_3x3 max_pool_3x3 dil_sep_conv_3x3 conv_7x1_1x7"

DARTS = CellSpace("nds_darts", tuple(_DARTS.split()), nodes=4, loose=False)
"""DARTS (Liu et al., ICLR 2019). Unlike in the cells that DARTS itself finds, an edge may be ``none``."""

DARTS_FIX_W_D = replace(DARTS, name="nds_darts_fix_w_d", widths=(16,), depths=(20,))
"""The same with fixed width and depth, 16 channels and 20 cells (``DARTS_fix-w-d``)."""

ENAS = CellSpace("nds_enas", tuple(_ENAS.split()), nodes=5, loose=True)
"""ENAS (Pham et al., ICML 2018)."""

PNAS = CellSpace("nds_pnas", tuple(_PNAS.split()), nodes=5, loose=False)
"""PNAS (Liu et al., ECCV 2018). PNAS itself has one cell for both purposes; in NDS they are drawn apart."""

NASNET = CellSpace("nds_nasnet", tuple(_NASNET.split()), nodes=5, loose=True)
"""NASNet (Zoph et al., CVPR 2018)."""

AMOEBA = CellSpace("nds_amoeba", tuple(_AMOEBA.split()), nodes=5, loose=True)
"""AmoebaNet (Real et al., AAAI 2019)."""
