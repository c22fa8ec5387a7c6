"""A design space of cells: what is in it, in which order, how it is drawn, mutated and built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._nds import keys, keys_genotype, keys_parameters
from naslib_zc_plugin.spaces._nds.keys import CELLS, Genotype
from naslib_zc_plugin.spaces._product import Product

if TYPE_CHECKING:
    from torch import nn

WIDTHS, DEPTHS = (16, 24, 32), (4, 8, 12, 16, 20)
"""Channels and cells that NDS drew from."""


@dataclass(frozen=True)
class CellSpace(Product):
    """One of NDS' design spaces on CIFAR-10; stateless, all randomness is the caller's ``rng``.

    An architecture is a width, a depth, and for each edge of both cells an operation and a place before its node,
    all free of each other: both edges of a node may come from one place. So there are (for one cell of n nodes and O
    operations) ∏ (O · p)², p = 2, ..., n + 1, the paper's Table 3.

    Keys of any other width or depth, such as published networks have, can be built, mutated and made canonical; they
    have no place in the space's order.

    Attributes:
        name: of the space.
        operations: that an edge may have.
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

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """A random neighbour.

        Args:
            rule: ``"one"`` draws one of the width, the depth and the edges' operations and places, then another value
                of it. ``"cells"`` leaves width and depth: a cell, a node, one of its edges, and with equal chance its
                operation or its place get another value, as Real et al. (AAAI 2019) mutate AmoebaNet; their
                mutation that changes nothing is left out.

        Raises:
            ValueError: a key that is not of this space, or another rule.
        """
        first = {"one": 0, "cells": 2}.get(rule)
        if first is None:
            raise ValueError(f"unknown mutation rule {rule!r}; use 'one' or 'cells'")
        # Each edge has other operations and other places to choose from: all that "cells" draws from is as likely.
        return self._redrawn(key, range(first, len(self.choices)), rng)

    def canonical(self, key: str) -> str:
        """The key with the two edges of each node in order: by place, then by operation.

        A node is the sum of its two edges, and addition commutes, so the networks are the same to the last bit but
        for the order in which their weights are drawn. Nodes keep their places: others would permute the channels of
        the concatenation, and the terms of the sums over them.
        """
        found = self.genotype(key)
        return keys.format(replace(found, normal=self._ordered(found.normal), reduce=self._ordered(found.reduce)))

    def genotype(self, key: str) -> Genotype:
        """The genotype of a key.

        Raises:
            ValueError: it is not of this space.
        """
        found = keys.parse(key)
        for cell in CELLS:
            edges = found.edges(cell)
            if len(edges) != 2 * self.nodes:
                raise ValueError(f"{key!r}: a cell of {self.name} has {self.nodes} nodes, {cell} {len(edges) // 2}")
            unknown = next((operation for operation, _ in edges if operation not in self.operations), None)
            if unknown is not None:
                known = ", ".join(self.operations)
                raise ValueError(f"{key!r}: unknown operation {unknown!r}; {self.name} has {known}")
        return found

    def from_genotype(self, given: str | Mapping[str, Any], width: int, depth: int) -> str:
        """The key of a genotype in DARTS' notation, as text or as JSON has it.

        Raises:
            ValueError: it is no genotype, not of this space, or concatenates other nodes than this space's.
        """
        cells, ends = keys_genotype.read(given)
        found = Genotype(cells["normal"], cells["reduce"], width, depth)
        key = keys.format(self.genotype(keys.format(found)))
        for cell in CELLS:
            expected = self.concatenated(found, cell)
            if tuple(sorted(ends[cell])) != expected:
                raise ValueError(f"{cell} concatenates {ends[cell]}, in {self.name} it would be {expected}")
        return key

    def to_genotype(self, key: str) -> str:
        """The text of a key's two cells in DARTS' notation."""
        found = self.genotype(key)
        return keys_genotype.write(
            {cell: found.edges(cell) for cell in CELLS}, {cell: self.concatenated(found, cell) for cell in CELLS}
        )

    def concatenated(self, genotype: Genotype, cell: str) -> tuple[int, ...]:
        """Places of the nodes whose concatenation is the output of a cell, ``"normal"`` or ``"reduce"``."""
        return genotype.loose_ends(cell) if self.loose else tuple(range(2, 2 + self.nodes))

    def parameters(self, key: str, num_classes: int = 10, auxiliary: bool = False) -> int:
        """The number of parameters of the network of ``key``, as the benchmark counts: see :mod:`.keys_parameters`."""
        found = self.genotype(key)
        ends = {cell: len(self.concatenated(found, cell)) for cell in CELLS}
        return keys_parameters.counted(found, ends, num_classes, auxiliary)

    def build(
        self, key: str, width: int | None = None, depth: int | None = None, num_classes: int = 10, flavour: str = "nds"
    ) -> nn.Module:
        """The freshly initialised network of ``key`` (see :func:`.network.build`; needs torch and NNI).

        Args:
            width: channels, instead of the key's.
            depth: cells, at least three, instead of the key's.
            num_classes: number of logits.
            flavour: ``"nds"``, or ``"used"`` for what the logits depend on alone.
        """
        from naslib_zc_plugin.spaces._nds import network

        found = self.genotype(key)
        found = found if width is None else replace(found, width=width)
        sized = found if depth is None else replace(found, depth=depth)
        return network.build(sized, self.loose, num_classes=num_classes, flavour=flavour)

    @cached_property
    def choices(self) -> list[tuple[Any, ...]]:  # type: ignore[override]
        """The widths, the depths, and the operations and places of each edge, of the normal cell first."""
        places = [tuple(range(2 + number // 2)) for number in range(2 * self.nodes)]
        return [self.widths, self.depths, *(v for _ in CELLS for each in places for v in (self.operations, each))]

    def values(self, key: str) -> list[Any]:
        """The value of each choice in ``key``."""
        found = self.genotype(key)
        return [found.width, found.depth, *(v for cell in CELLS for edge in found.edges(cell) for v in edge)]

    def text(self, values: Sequence[Any]) -> str:
        """The key of a width, a depth, and an operation and a place for each edge."""
        width, depth, *rest = values
        edges = list(zip(rest[::2], rest[1::2]))
        return keys.format(Genotype(tuple(edges[: 2 * self.nodes]), tuple(edges[2 * self.nodes :]), width, depth))

    def _ordered(self, edges: keys.Edges) -> keys.Edges:
        ranked = [(number // 2, place, self.operations.index(name)) for number, (name, place) in enumerate(edges)]
        return tuple((self.operations[operation], place) for _, place, operation in sorted(ranked))
