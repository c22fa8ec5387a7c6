"""TransNAS-Bench-101 (Duan et al., CVPR 2021), its space of cells: 4,096, the edges of which have four operations.

A cell is a complete directed graph on four nodes, as in NAS-Bench-201, without average pooling. Keys are the
benchmark's names, such as ``64-41414-1_02_333``. NASLib numbers the same cells otherwise, and in two ways: see
``hosts/naslib/spaces/transbench101_micro.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._product import Product
from naslib_zc_plugin.spaces.transnasbench101_micro import keys
from naslib_zc_plugin.spaces.transnasbench101_micro.keys import EDGES, OPERATIONS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGES", "OPERATIONS", "SPACE", "TransNASBench101Micro"]


class TransNASBench101Micro(Product):
    """The search space; stateless, all randomness is the caller's ``rng``. Keys are in the order of their digits."""

    name = "transnasbench101_micro"
    choices: Sequence[Sequence[Any]] = [range(len(OPERATIONS))] * len(EDGES)

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """Give one random edge another operation, by the one rule ``"edge"``: all 18 neighbours are equally likely.

        Raises:
            ValueError: for a malformed key or another rule.
        """
        if rule != "edge":
            raise ValueError(f"unknown mutation rule {rule!r}; use 'edge'")
        return self._redrawn(key, range(len(EDGES)), rng)

    def canonical(self, key: str) -> str:
        """The representative of the keys that build the same network (see :func:`.keys.canonical`)."""
        return keys.format(keys.canonical(keys.parse(key)))

    def build(self, key: str, C: int = 64, num_classes: int = 10) -> nn.Module:
        """The freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.transnasbench101_micro import network

        return network.build(key, C, num_classes)

    def values(self, key: str) -> list[Any]:
        """The digits of ``key``."""
        return list(keys.parse(key))

    def text(self, values: Sequence[Any]) -> str:
        """The key of six digits."""
        return keys.format(values)


SPACE = TransNASBench101Micro()
