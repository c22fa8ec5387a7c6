"""NAS-Bench-301 (Siems et al., 2020; Zela et al., ICLR 2022): the cells of DARTS (Liu et al., ICLR 2019) on CIFAR-10.

Two cells of four nodes, all of which are concatenated; a node has two edges, from different places, of seven
operations. Keys are NASLib's specs as text, such as ``(((0, 3), (1, 3), ...), ((0, 0), (1, 0), ...))``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._nds.keys import CELLS, Genotype
from naslib_zc_plugin.spaces._product import Product
from naslib_zc_plugin.spaces.nasbench301 import keys
from naslib_zc_plugin.spaces.nasbench301.keys import OPERATIONS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["OPERATIONS", "SPACE", "NASBench301"]

_NODES = 4


class NASBench301(Product):
    """The search space; stateless, all randomness is the caller's ``rng``.

    There are (∏ p (p − 1) · 7², p = 2, ..., 5)² keys, 2.8 · 10²⁰, of 1.1 · 10¹⁸ networks.
    """

    name = "nasbench301"
    choices: Sequence[Sequence[Any]] = [
        values
        for _ in CELLS
        for node in range(2, 2 + _NODES)
        for values in (tuple(permutations(range(node), 2)), *(range(len(OPERATIONS)),) * 2)
    ]
    """For each node its two places, then the operation of either."""

    def neighbours(self, key: str) -> list[str]:
        """The keys with another operation or another place in one pair, by cell, pair and number."""
        return [str(spec) for spec in keys.neighbours(keys.parse(key))]

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """A neighbour drawn uniformly, by the one rule ``"one"``. NASLib's own mutation changes two numbers or more.

        Raises:
            ValueError: a key that is not of this space, or another rule.
        """
        if rule != "one":
            raise ValueError(f"unknown mutation rule {rule!r}; use 'one'")
        return rng.choice(self.neighbours(key))

    def canonical(self, key: str) -> str:
        """The key with the two edges of each node in order, whose sum is the same to the last bit."""
        return str(keys.canonical(keys.parse(key)))

    def build(self, key: str, C: int = 32, N: int = 8, num_classes: int = 10) -> nn.Module:
        """The freshly initialised network of ``key``, without auxiliary head (needs torch and NNI).

        Args:
            C: channels of the first stage, 32 in the benchmark and 16 in NASLib.
            N: cells, eight in both.
            num_classes: number of logits.
        """
        from naslib_zc_plugin.spaces._nds import network

        cells = keys.named(keys.parse(key))
        return network.build(Genotype(cells["normal"], cells["reduce"], C, N), False, num_classes)

    def values(self, key: str) -> list[Any]:
        """The value of each choice in ``key``."""
        spec = keys.parse(key)
        nodes = [(cell[first], cell[first + 1]) for cell in spec for first in range(0, 2 * _NODES, 2)]
        return [value for (a, one), (b, two) in nodes for value in ((a, b), one, two)]

    def text(self, values: Sequence[Any]) -> str:
        """The key of the places and operations of each node."""
        nodes = zip(values[::3], values[1::3], values[2::3])
        pairs = [pair for (a, b), one, two in nodes for pair in ((a, one), (b, two))]
        return str((tuple(pairs[: 2 * _NODES]), tuple(pairs[2 * _NODES :])))


SPACE = NASBench301()
