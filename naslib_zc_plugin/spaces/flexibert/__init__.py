"""BERT-like encoders of the FlexiBERT search space (Tuli et al., 2022) as Serianni & Kalita (2023) trained 500 of them.

An architecture is a hidden size and 2 or 4 layers, each with an operation that mixes positions (attention, a dynamic
separable convolution beside attention, a Fourier or cosine transform) and feed-forward layers: 10,621,440 in all. Keys
are such as ``256|SA-WMA-4-1024x3|LT-DCT-2-512x1``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces.flexibert import keys, order
from naslib_zc_plugin.spaces.flexibert.keys import Architecture, Layer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SPACE", "Architecture", "FlexiBert", "Layer"]


class FlexiBert:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "flexibert"
    size = order.SIZE

    def sample(self, rng: Random) -> str:
        """A key drawn as the benchmark's were: each choice uniform, so that both depths are equally likely.

        ``Random(0)`` gives the benchmark's 500 architectures in its order.
        """
        return keys.format(order.drawn(rng))

    def neighbours(self, key: str) -> list[str]:
        """The keys that differ in the hidden size, in one attribute of one layer, or by two layers at the end.

        Of 2 layers 2,321 (two layers more in every way), of 4 layers 34. A neighbour's neighbours hold the key.
        """
        return [keys.format(other) for other in order.changed(keys.parse(key))]

    def mutate(self, key: str, rng: Random, rule: str = "attribute") -> str:
        """Change one of the key's choices, each as likely as any other, to another value, likewise.

        The choices are the hidden size, the depth, and four for each layer (operation, heads, width and number of
        feed-forward layers). More depth is two layers drawn as for :meth:`sample`, less is the first two.

        Raises:
            ValueError: a malformed key, or a rule other than ``"attribute"``.
        """
        parent = keys.parse(key)
        if rule != "attribute":
            raise ValueError(f"unknown mutation rule {rule!r}; use 'attribute'")
        choice = rng.randrange(2 + len(parent.layers) * len(keys.CHOICES))
        if choice == 0:
            others = [size for size in keys.HIDDEN_SIZES if size != parent.hidden]
            return keys.format(replace(parent, hidden=rng.choice(others)))
        if choice == 1:
            return keys.format(replace(parent, layers=_other_depth(parent.layers, rng)))
        position, attribute = divmod(choice - 2, len(keys.CHOICES))
        name, layer = list(keys.CHOICES)[attribute], parent.layers[position]
        value = rng.choice([other for other in keys.CHOICES[name] if other != getattr(layer, name)])
        return keys.format(order.with_layer(parent, position, replace(layer, **{name: value})))

    def canonical(self, key: str) -> str:
        """The key: no two build the same network (except in the flavour ``"published"``, see :mod:`.network`)."""
        return keys.format(keys.parse(key))

    def index(self, key: str) -> int:
        """Position of ``key``: 2 layers before 4, then by hidden size, then by the layers."""
        return order.index(keys.parse(key))

    def key(self, index: int) -> str:
        """The key at a position; inverse of :meth:`index`."""
        return keys.format(order.architecture(index))

    def of_layers(self, hidden_size: int, layers: Sequence[Mapping[str, Any]]) -> str:
        """The key of an architecture as the benchmark's files write it.

        Args:
            hidden_size: 128 or 256.
            layers: dictionaries with ``operation_type`` (SA, LT, DSC), ``operation_parameter`` (SDP, WMA; DFT, DCT; 5,
                9), ``num_operation_heads``, ``feed_forward_dimension`` and ``num_feed_forward``.

        Raises:
            ValueError: it is none of this space.
        """
        found = []
        for layer in layers:
            try:
                operation = str(layer["operation_type"]), str(layer["operation_parameter"])
                numbers = [
                    layer[name] for name in ("num_operation_heads", "feed_forward_dimension", "num_feed_forward")
                ]
            except (LookupError, TypeError) as error:
                raise ValueError(f"{layer!r} is no layer: it lacks {error}") from error
            found.append(keys.checked(Layer(operation, *numbers), repr(layer)))
        key = keys.format(Architecture(hidden_size, tuple(found)))
        return self.canonical(key)

    def build(self, key: str, num_classes: int = 30_522, flavour: str = "nominal", positions: int = 512) -> nn.Module:
        """The freshly initialised encoder of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.flexibert import network

        return network.build(key, num_classes=num_classes, flavour=flavour, positions=positions)


def _other_depth(layers: tuple[Layer, ...], rng: Random) -> tuple[Layer, ...]:
    short, deep = keys.DEPTHS
    return layers[:short] if len(layers) > short else (*layers, *(order.drawn_layer(rng) for _ in range(deep - short)))


SPACE = FlexiBert()
