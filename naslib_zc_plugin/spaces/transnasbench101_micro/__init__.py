"""TransNAS-Bench-101 (Duan et al., CVPR 2021), its space of cells: 4,096, the edges of which have four operations.

A cell is a complete directed graph on four nodes, as in NAS-Bench-201, without average pooling. Keys are the
benchmark's names, such as ``64-41414-1_02_333``: 64 is the number of channels and 41414 the kinds of the network's
modules, the same for all cells; then come the digits of the operations on the edges (0→1), (0→2) (1→2), (0→3) (1→3)
(2→3). NASLib numbers the same cells otherwise, and in two ways.

>>> SPACE.decode("64-41414-1_02_333")
[1, 0, 2, 3, 3, 3]
>>> SPACE.canonical("64-41414-3_10_123")
'64-41414-1_30_132'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import Product, check_known, keyed
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGES", "OPERATIONS", "SPACE", "TransNASBench101Micro"]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""By digit, called as in NAS-Bench-201."""
_KEY = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")


@keyed
class TransNASBench101Micro(Product):
    """The search space; stateless, all randomness is the caller's ``rng``. Keys are in the order of their digits."""

    name = "transnasbench101_micro"
    choices: Sequence[Sequence[Any]] = [range(len(OPERATIONS))] * len(EDGES)

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """Give one random edge another operation, by the one rule ``"edge"``: all 18 neighbours are equally likely.

        Raises:
            ValueError: a malformed key or another rule.
        """
        check_known("mutation rule", rule, ["edge"])
        return self.resample_one(key, range(len(EDGES)), rng)

    def canonical(self, key: str) -> str:
        """Return the representative of the keys that build the same network.

        That is the key, or the one with nodes 1 and 2 exchanged where it comes first. Where no operation leads from
        node 1 to node 2 both cells add the same tensors; the exactness of NAS-Bench-201's classes (see its ``keys``)
        holds here, too.
        """
        digits = self.decode(key)
        a, b, between, d, e, f = digits
        return self.encode(min(digits, [b, a, between, d, f, e]) if between == 0 else digits)

    def build(self, key: str, C: int = 64, num_classes: int = 10) -> nn.Module:
        """Build the freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.transnasbench101_micro import network

        return network.build([OPERATIONS[digit] for digit in self.decode(key)], C, num_classes)

    def decode(self, key: str) -> list[int]:
        """Return the digits of ``key``, in the order of :data:`EDGES`.

        Raises:
            ValueError: ``key`` is not of this space.
        """
        found = _KEY.fullmatch(key)
        if found is None:
            raise ValueError(f"no cell of TransNAS-Bench-101, such as 64-41414-1_02_333: {key!r}")
        return list(map(int, found.groups()))

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of six digits."""
        return "64-41414-{}_{}{}_{}{}{}".format(*values)


SPACE = TransNASBench101Micro()
