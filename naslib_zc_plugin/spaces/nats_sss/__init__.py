"""NATS-Bench's size space (Dong et al., TPAMI 2021): 32,768 networks of one cell and five numbers of channels.

Keys are the benchmark's, such as ``16:40:56:24:40``: the channels of the stem and first cell, of a reduction, a cell, a
reduction and the last cell, each of 8, 16, …, 64. The benchmark's order is that of the numbers, the first slowest.

>>> SPACE.key(1), SPACE.decode("16:40:56:24:40")
('8:8:8:8:16', [16, 40, 56, 24, 40])
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import Product, check_known, keyed

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CHANNELS", "LAYERS", "SPACE", "NATSSize"]

CHANNELS = (8, 16, 24, 32, 40, 48, 56, 64)
LAYERS = 5


@keyed
class NATSSize(Product):
    """The search space; stateless, all randomness is the caller's ``rng``. No two keys build the same network."""

    name = "nats_sss"
    choices: Sequence[Sequence[Any]] = [CHANNELS] * LAYERS

    def mutate(self, key: str, rng: Random, rule: str = "layer") -> str:
        """Draw another number at one layer, by the one rule ``"layer"``: all 35 neighbours are equally likely.

        Raises:
            ValueError: a malformed key or another rule.
        """
        check_known("mutation rule", rule, ["layer"])
        return self.resample_one(key, range(LAYERS), rng)

    def canonical(self, key: str) -> str:
        """Return the key itself."""
        return self.encode(self.decode(key))

    def build(self, key: str, num_classes: int = 10) -> nn.Module:
        """Build the freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nats_sss import network

        return network.build(self.decode(key), num_classes)

    def decode(self, key: str) -> list[int]:
        """Return the five numbers of ``key``.

        Raises:
            ValueError: not five of :data:`CHANNELS`, written plainly.
        """
        parts, known = key.split(":"), list(map(str, CHANNELS))
        wrong = [part for part in parts if part not in known]
        if len(parts) != LAYERS or wrong:
            found = f"found {wrong[0]!r}" if wrong else f"found {len(parts)}"
            raise ValueError(f"{key!r}: expected {LAYERS} numbers of {', '.join(known)}, joined by ':'; {found}")
        return list(map(int, parts))

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of five numbers."""
        return ":".join(map(str, values))


SPACE = NATSSize()
