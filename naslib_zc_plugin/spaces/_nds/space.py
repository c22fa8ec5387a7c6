"""A design space of cells: what is in it, in which order, how it is drawn, mutated and built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._nds import keys
from naslib_zc_plugin.spaces._nds.keys import CELLS, Genotype

if TYPE_CHECKING:
    from torch import nn

WIDTHS, DEPTHS = (16, 24, 32), (4, 8, 12, 16, 20)
"""Channels and cells that NDS drew from."""

Values = tuple[Any, ...]


@dataclass(frozen=True)
class CellSpace:
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

    @property
    def size(self) -> int:
        """Number of keys."""
        return prod(map(len, self._choices))

    def key(self, index: int) -> str:
        """The key at a position; the width varies slowest, the last edge's place fastest.

        Raises:
            ValueError: no such position.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"{self.name} has the indices 0 to {self.size - 1}, found {index}")
        found = []
        for values in reversed(self._choices):
            index, digit = divmod(index, len(values))
            found.append(values[digit])
        return self._key(found[::-1])

    def index(self, key: str) -> int:
        """Position of ``key``; inverse of :meth:`key`.

        Raises:
            ValueError: it is not of this space, or not of its widths and depths.
        """
        found = 0
        for value, values in zip(self._values(key), self._choices):
            if value not in values:
                raise ValueError(f"{self.name} has the widths {self.widths} and depths {self.depths}: {key!r}")
            found = found * len(values) + values.index(value)
        return found

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly, which is how NDS drew its networks."""
        return self._key([rng.choice(values) for values in self._choices])

    def neighbours(self, key: str) -> list[str]:
        """The keys with another width, depth, operation or place of one edge, in the order of :meth:`key`."""
        before = self._values(key)
        return [
            self._key([*before[:place], value, *before[place + 1 :]])
            for place, values in enumerate(self._choices)
            for value in values
            if value != before[place]
        ]

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
        before, choices = self._values(key), self._choices
        # Every edge's place has alternatives, hence all that "cells" draws from is as likely.
        first = {"one": 0, "cells": 2}.get(rule)
        if first is None:
            raise ValueError(f"unknown mutation rule {rule!r}; use 'one' or 'cells'")
        open_ = [place for place in range(first, len(choices)) if set(choices[place]) - {before[place]}]
        place = rng.choice(open_)
        value = rng.choice([value for value in choices[place] if value != before[place]])
        return self._key([*before[:place], value, *before[place + 1 :]])

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

    def concatenated(self, genotype: Genotype, cell: str) -> tuple[int, ...]:
        """Places of the nodes whose concatenation is the output of a cell, ``"normal"`` or ``"reduce"``."""
        return genotype.loose_ends(cell) if self.loose else tuple(range(2, 2 + self.nodes))

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
    def _choices(self) -> list[Values]:
        """The values of each component, in the order of :meth:`_values`."""
        places = [tuple(range(2 + number // 2)) for number in range(2 * self.nodes)]
        return [self.widths, self.depths, *(v for _ in CELLS for each in places for v in (self.operations, each))]

    def _values(self, key: str) -> list[Any]:
        """Width, depth, and operation and place of each edge, of the normal cell first."""
        found = self.genotype(key)
        return [found.width, found.depth, *(v for cell in CELLS for edge in found.edges(cell) for v in edge)]

    def _key(self, values: Sequence[Any]) -> str:
        width, depth, *rest = values
        edges = list(zip(rest[::2], rest[1::2]))
        return keys.format(Genotype(tuple(edges[: 2 * self.nodes]), tuple(edges[2 * self.nodes :]), width, depth))

    def _ordered(self, edges: keys.Edges) -> keys.Edges:
        ranked = [(number // 2, place, self.operations.index(name)) for number, (name, place) in enumerate(edges)]
        return tuple((self.operations[operation], place) for _, place, operation in sorted(ranked))
