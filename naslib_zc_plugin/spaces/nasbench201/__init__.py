"""NAS-Bench-201 (Dong & Yang, ICLR 2020), the topology space of NATS-Bench: 15,625 cells.

A cell is a complete directed graph on four nodes; each of its six edges carries one of five operations. Keys
are the benchmark's architecture strings, such as
``|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|``.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from naslib_zc_plugin.spaces.nasbench201 import isomorphism, keys
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES, OPERATIONS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGES", "OPERATIONS", "SPACE", "NASBench201"]


class NASBench201:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "nasbench201"
    size = len(OPERATIONS) ** len(EDGES)

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly from all 15,625."""
        return keys.format([rng.choice(OPERATIONS) for _ in EDGES])

    def neighbours(self, key: str) -> list[str]:
        """The 24 keys that differ from ``key`` in one edge, by edge and then by operation."""
        operations = keys.parse(key)
        return [
            keys.replace(key, edge, operation)
            for edge in range(len(EDGES))
            for operation in OPERATIONS
            if operation != operations[edge]
        ]

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """Give one random edge another operation, drawn uniformly from the other four.

        Args:
            rule: ``"edge"`` draws each of the six edges with probability 1/6, so all 24 neighbours are
                equally likely (Lightweight NAS). ``"node"`` draws a node, then one of its incoming edges:
                probabilities 1/3; 1/6, 1/6; 1/9, 1/9, 1/9 (NATS-Bench's ageing evolution).

        Raises:
            ValueError: for a malformed key or another rule.
        """
        operations = keys.parse(key)
        if rule == "edge":
            edge = rng.randrange(len(EDGES))
        elif rule == "node":
            node = rng.randint(1, 3)
            edge = rng.choice([index for index, (_, target) in enumerate(EDGES) if target == node])
        else:
            raise ValueError(f"unknown mutation rule {rule!r}; use 'edge' or 'node'")
        return keys.replace(key, edge, rng.choice([name for name in OPERATIONS if name != operations[edge]]))

    def canonical(self, key: str) -> str:
        """The representative of the keys that build the same network (14,125, see :mod:`.isomorphism`)."""
        return isomorphism.canonical(key)

    def index(self, key: str) -> int:
        """Position of ``key`` in the benchmark's official order, 0 to 15,624."""
        return keys.index(key)

    def key(self, index: int) -> str:
        """The key at a position of the official order; inverse of :meth:`index`."""
        return keys.key(index)

    def naslib_key(self, key: str) -> str:
        """The name of ``key`` in NASLib's files: the text of six operation numbers, such as ``(4, 0, 3, 1, 4, 3)``.

        Raises:
            ValueError: the key is not of this space.
        """
        return str(keys.naslib(key))

    def build(self, key: str, C: int = 16, N: int = 5, num_classes: int = 10, flavour: str = "nats") -> nn.Module:
        """The freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nasbench201 import network

        return network.build(key, C=C, N=N, num_classes=num_classes, flavour=flavour)


SPACE = NASBench201()
