"""Vision transformers of ViT-Bench-101 (Wei et al., Auto-Prox, AAAI 2024): AutoFormer's tiny space, and PiT's.

A key of AutoFormer (Chen et al., ICCV 2021) has the hidden size, and for each block the ratio of its feed-forward width
and the number of its heads; one of PiT (Heo et al., ICCV 2021) the size of a head, the ratio for all blocks, and for
each of three stages its depth and the number of its heads, which never falls.

>>> from random import Random
>>> SPACE.sample(Random(1)), len(SPACE.neighbours("pit|32|4|2-2,6-4,4-8"))
('pit|16|6|1-4,6-4,4-8', 21)
>>> SPACE.canonical("autoformer|192|3.5-3" + ",4.0-4" * 11)[:21]
'autoformer|192|3.5-3,'
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations_with_replacement, product
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import Product, check_known, keyed

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SPACE", "VitBench"]

HIDDEN, RATIOS, HEADS, DEPTHS = (192, 216, 240), (3.5, 4.0), (3, 4), (12, 13, 14)
"""Choices of AutoFormer."""
PIT_HEADS = tuple(combinations_with_replacement((2, 4, 8), 3))
PIT: Sequence[Sequence[Any]] = ((16, 24, 32, 40), (2, 4, 6, 8), (1, 2, 3), (4, 6, 8), (2, 4, 6), PIT_HEADS)
"""Choices of PiT: size of a head, ratio, depth of each stage, and the heads of all three."""


class _AutoFormer(Product):
    """AutoFormer's transformers of one depth."""

    name = "vit_bench"

    def __init__(self, depth: int) -> None:
        self.choices = [HIDDEN, *depth * (RATIOS, HEADS)]

    def decode(self, key: str) -> list[Any]:
        """Return the hidden size, and ratio and heads of each block."""
        kind, hidden, *blocks = key.replace("|", " ").replace(",", " ").replace("-", " ").split(" ")
        return [int(hidden), *(float(text) if place % 2 == 0 else int(text) for place, text in enumerate(blocks))]

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key."""
        hidden, *rest = values
        return f"autoformer|{hidden}|" + ",".join(f"{r:.1f}-{h}" for r, h in zip(rest[::2], rest[1::2]))


class _Pit(Product):
    """PiT's transformers."""

    name, choices = "vit_bench", PIT

    def decode(self, key: str) -> list[Any]:
        """Return the value of each choice."""
        _, base, ratio, stages = key.split("|")
        depths, heads = zip(*(map(int, stage.split("-")) for stage in stages.split(",")))
        return [int(base), int(ratio), *depths, heads]

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key."""
        base, ratio, *depths, heads = values
        return f"pit|{base}|{ratio}|" + ",".join(f"{d}-{h}" for d, h in zip(depths, heads))


_PARTS: dict[str, Product] = {**{str(depth): _AutoFormer(depth) for depth in DEPTHS}, "pit": _Pit()}


@keyed
class VitBench:
    """The search space; stateless, all randomness is the caller's ``rng``. AutoFormer's come first, by depth."""

    name = "vit_bench"
    size = sum(part.size for part in _PARTS.values())

    def key(self, index: int) -> str:
        """Return the key at a position.

        Raises:
            ValueError: there is no such position.
        """
        rest = index
        for part in _PARTS.values():
            if 0 <= rest < part.size:
                return part.key(rest)
            rest -= part.size
        raise ValueError(f"vit_bench has the indices 0 to {self.size - 1}, found {index}")

    def index(self, key: str) -> int:
        """Return the position of a key."""
        part, _ = self._of(key)
        before = list(_PARTS.values())[: list(_PARTS.values()).index(part)]
        return sum(each.size for each in before) + part.index(key)

    def sample(self, rng: Random) -> str:
        """Draw AutoFormer or PiT, AutoFormer's depth, and each choice, uniformly."""
        return _PARTS["pit" if rng.random() < 0.5 else str(rng.choice(DEPTHS))].sample(rng)

    def neighbours(self, key: str) -> list[str]:
        """Return the keys with another value of one choice, or, of AutoFormer, one block less or more at the end."""
        part, _ = self._of(key)
        shorter = [key.rpartition(",")[0]] if self._depth(key) > DEPTHS[0] else []
        longer = product(RATIOS, HEADS) if 0 < self._depth(key) < DEPTHS[-1] else ()
        return [*part.neighbours(key), *shorter, *(f"{key},{ratio:.1f}-{heads}" for ratio, heads in longer)]

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """Draw a neighbour, all alike; ``"one"`` is the one rule.

        Raises:
            ValueError: a malformed key or another rule.
        """
        check_known("mutation rule", rule, ["one"])
        return rng.choice(self.neighbours(key))

    def canonical(self, key: str) -> str:
        """Return the key: no two build the same network."""
        self._of(key)
        return key

    def from_json(self, text: str) -> str:
        """Return the key of an architecture as the benchmark writes it, in JSON.

        Raises:
            ValueError: it is none of the space.
        """
        try:
            given = json.loads(text)
            if "hidden_dim" in given:
                blocks = list(zip(given["mlp_ratio"], given["num_heads"]))
                if len(blocks) != given["depth"] or len(given["mlp_ratio"]) != len(given["num_heads"]):
                    raise ValueError("its depth is not that of its blocks")
                values = [value for block in blocks for value in block]
                return self.canonical(_AutoFormer(len(blocks)).encode([given["hidden_dim"], *values]))
            found = [given["base_dim"], given["mlp_ratio"], *given["depth"], tuple(given["num_heads"])]
            return self.canonical(_PARTS["pit"].encode(found))
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"expected an architecture of vit_bench in JSON ({error}): {text[:200]}") from error

    def build(self, key: str, num_classes: int = 100, img_size: int = 224) -> nn.Module:
        """Build the freshly initialised network of ``key`` (see :mod:`.network`; needs torch).

        Args:
            key: of the architecture.
            num_classes: number of logits.
            img_size: height and width of the images, at least 32.

        Raises:
            ValueError: the key is malformed, or the images are too small.
        """
        from naslib_zc_plugin.spaces.vit_bench import network

        part, values = self._of(key)
        if img_size < 32:
            raise ValueError(f"images of at least 32 × 32 pixels are needed, found {img_size}")
        if isinstance(part, _AutoFormer):
            return network.AutoFormer(values[0], list(zip(values[1::2], values[2::2])), num_classes, img_size)
        base, ratio, *depths, heads = values
        return network.Pit(base, ratio, list(zip(depths, heads)), num_classes, img_size)

    def _depth(self, key: str) -> int:
        """Return the number of AutoFormer's blocks; 0 for PiT."""
        return 0 if key.startswith("pit") else key.count(",") + 1

    def _of(self, key: str) -> tuple[Product, list[Any]]:
        """Return the part of the space with a key, and its values; raise ``ValueError`` unless there is one."""
        part = _PARTS.get("pit" if key.startswith("pit|") else str(key.count(",") + 1))
        try:
            if part is not None:
                values = part.decode(key)
                if len(values) == len(part.choices) and part.encode(values) == key and part.index(key) >= 0:
                    return part, values
        except ValueError:
            pass
        raise ValueError(f"no key of vit_bench, such as {_PARTS['pit'].key(0)} or {_PARTS['12'].key(0)}: {key!r}")


SPACE = VitBench()
