"""NAS-Bench-201 (Dong & Yang, ICLR 2020), the topology space of NATS-Bench: 15,625 cells.

A cell is a complete directed graph on four nodes; each of its six edges carries one of five operations. Keys are the
benchmark's architecture strings.

>>> SPACE.key(0)
'|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'
>>> SPACE.index(SPACE.canonical(SPACE.key(0)))
0
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import Product, check_known, keyed
from naslib_zc_plugin.spaces.nasbench201 import keys
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES, OPERATIONS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGES", "OPERATIONS", "SPACE", "NASBench201"]


@keyed
class NASBench201(Product):
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "nasbench201"
    choices: Sequence[Sequence[Any]] = [OPERATIONS] * len(EDGES)

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """Give one random edge another operation, drawn uniformly from the other four.

        Args:
            key: the parent.
            rng: the source of randomness.
            rule: ``"edge"`` draws each of the six edges with probability 1/6, so all 24 neighbours are
                equally likely (Lightweight NAS). ``"node"`` draws a node, then one of its incoming edges:
                probabilities 1/3; 1/6, 1/6; 1/9, 1/9, 1/9 (NATS-Bench's ageing evolution).

        Raises:
            ValueError: a malformed key or another rule.
        """
        check_known("mutation rule", rule, ["edge", "node"])
        node = rng.randint(1, 3) if rule == "node" else None
        edges = [edge for edge, (_, target) in enumerate(EDGES) if node in (None, target)]
        return self.resample_one(key, edges, rng)

    def canonical(self, key: str) -> str:
        """Return the representative of the keys that build the same network (14,125, see :func:`.keys.canonical`)."""
        return keys.canonical(key)

    def index(self, key: str) -> int:
        """Return the position of ``key`` in the benchmark's official order, 0 to 15,624."""
        return _official_order()[1][super().index(key)]

    def key(self, index: int) -> str:
        """Return the key at a position of the official order; inverse of :meth:`index`.

        Raises:
            ValueError: no such position.
        """
        return super().key(_official_order()[0][index] if 0 <= index < self.size else index)

    def naslib_key(self, key: str) -> str:
        """Return the name of ``key`` in NASLib's files: the text of six numbers, such as ``(4, 0, 3, 1, 4, 3)``.

        Raises:
            ValueError: ``key`` is not of this space.
        """
        return str(keys.to_naslib(key))

    def build(self, key: str, C: int = 16, N: int = 5, num_classes: int = 10, variant: str = "nats") -> nn.Module:
        """Build the freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nasbench201 import network

        return network.build(keys.parse(key), C=C, N=N, num_classes=num_classes, variant=variant)

    def decode(self, key: str) -> list[Any]:
        """Return the operation of each edge of ``key``."""
        return list(keys.parse(key))

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of six operations."""
        return keys.format(values)


SPACE = NASBench201()


@cache
def _official_order() -> tuple[list[int], dict[int, int]]:
    """Return the benchmark's order, shuffled once with its generator's seed, and the position of each cell in it.

    Cells are numbers in the order of their choices.
    """
    order = list(range(SPACE.size))
    Random(88).shuffle(order)
    return order, {number: position for position, number in enumerate(order)}
