"""NATS-Bench's size space (Dong et al., TPAMI 2021): 32,768 networks of one cell and five numbers of channels.

Keys are the benchmark's, such as ``16:40:56:24:40``: the channels of the stem and first cell, of a reduction, a cell, a
reduction and the last cell, each of 8, 16, …, 64. The benchmark's order is that of the numbers, the first slowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._product import Product
from naslib_zc_plugin.spaces.nats_sss import keys
from naslib_zc_plugin.spaces.nats_sss.keys import CHANNELS, LAYERS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CHANNELS", "LAYERS", "SPACE", "NATSSize"]


class NATSSize(Product):
    """The search space; stateless, all randomness is the caller's ``rng``. No two keys build the same network."""

    name = "nats_sss"
    choices: Sequence[Sequence[Any]] = [CHANNELS] * LAYERS

    def mutate(self, key: str, rng: Random, rule: str = "layer") -> str:
        """Another number at one layer, by the one rule ``"layer"``: all 35 neighbours are equally likely.

        Raises:
            ValueError: for a malformed key or another rule.
        """
        if rule != "layer":
            raise ValueError(f"unknown mutation rule {rule!r}; use 'layer'")
        return self._redrawn(key, range(LAYERS), rng)

    def canonical(self, key: str) -> str:
        """The key itself."""
        return keys.format(keys.parse(key))

    def build(self, key: str, num_classes: int = 10) -> nn.Module:
        """The freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nats_sss import network

        return network.build(key, num_classes)

    def values(self, key: str) -> list[Any]:
        """The five numbers of ``key``."""
        return list(keys.parse(key))

    def text(self, values: Sequence[Any]) -> str:
        """The key of five numbers."""
        return keys.format(values)


SPACE = NATSSize()
