"""BERT-like encoders of the FlexiBERT search space (Tuli et al., 2022) as Serianni & Kalita (2023) trained 500 of them.

An architecture is a hidden size and 2 or 4 layers, each with an operation that mixes positions (attention, a dynamic
separable convolution beside attention, a Fourier or cosine transform) and feed-forward layers: 10,621,440 in all.

>>> from random import Random
>>> SPACE.sample(Random(0))
'256|SA-WMA-4-1024x3|LT-DCT-2-512x3|SA-SDP-4-512x3|SA-SDP-4-1024x1'
>>> SPACE.key(0), len(SPACE.neighbours(SPACE.key(0)))
('128|SA-SDP-2-512x1|SA-SDP-2-512x1', 2321)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import Product, check_known, keyed
from naslib_zc_plugin.spaces.flexibert import keys
from naslib_zc_plugin.spaces.flexibert.keys import CHOICES, DEPTHS, HIDDEN_SIZES, Architecture, Layer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SPACE", "Architecture", "FlexiBert", "Layer"]

_OFFICIAL = "operation_type operation_parameter num_operation_heads feed_forward_dimension num_feed_forward".split()


class _Depth(Product):
    """The encoders of one depth, whose choices are independent."""

    name = "flexibert"

    def __init__(self, depth: int) -> None:
        self.choices = [HIDDEN_SIZES, *depth * tuple(CHOICES.values())]

    def decode(self, key: str) -> list[Any]:
        """Return the hidden size and the attributes of each layer."""
        found = keys.parse(key)
        return [found.hidden, *(getattr(layer, name) for layer in found.layers for name in CHOICES)]

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of a hidden size and of the attributes of each layer."""
        hidden, *rest = values
        layers = (Layer(*rest[first : first + len(CHOICES)]) for first in range(0, len(rest), len(CHOICES)))
        return keys.format(Architecture(hidden, tuple(layers)))


_SHORT, _DEEP = map(_Depth, DEPTHS)


@keyed
class FlexiBert:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "flexibert"
    size = _SHORT.size + _DEEP.size

    def sample(self, rng: Random) -> str:
        """Draw a key as the benchmark's were drawn: each choice uniform, so that both depths are equally likely.

        ``Random(0)`` gives the benchmark's 500 architectures in its order.
        """
        hidden, depth = rng.choice(HIDDEN_SIZES), rng.choice(DEPTHS)
        return keys.format(Architecture(hidden, tuple(_sampled_layer(rng) for _ in range(depth))))

    def neighbours(self, key: str) -> list[str]:
        """Return the keys that differ in the hidden size, in one attribute of one layer, or by two layers at the end.

        Of 2 layers 2,321 (two layers more in every way), of 4 layers 34. A neighbour's neighbours hold the key.
        """
        found, short = self._depth(key).neighbours(key), DEPTHS[0]
        hidden, *layers = key.split("|")
        if len(layers) > short:
            return [*found, "|".join([hidden, *layers[:short]])]
        more = len(_DEEP.choices) - len(_SHORT.choices)
        values = _SHORT.decode(key)
        return [*found, *(_DEEP.encode([*values, *each]) for each in product(*_DEEP.choices[-more:]))]

    def mutate(self, key: str, rng: Random, rule: str = "attribute") -> str:
        """Change one of the key's choices, each as likely as any other, to another value, likewise.

        The choices are the hidden size, the depth, and four for each layer (operation, heads, width and number of
        feed-forward layers). More depth is two layers drawn as for :meth:`sample`, less is the first two.

        Raises:
            ValueError: a malformed key, or a rule other than ``"attribute"``.
        """
        check_known("mutation rule", rule, ["attribute"])
        parent, space = keys.parse(key), self._depth(key)
        choice = rng.randrange(1 + len(space.choices))
        if choice != 1:
            values, place = space.decode(key), max(0, choice - 1)
            values[place] = rng.choice([value for value in space.choices[place] if value != values[place]])
            return space.encode(values)
        short, deep = DEPTHS
        more = [_sampled_layer(rng) for _ in range(deep - short)] if len(parent.layers) == short else []
        return keys.format(Architecture(parent.hidden, (*parent.layers[:short], *more)))

    def canonical(self, key: str) -> str:
        """Return the key: no two build the same network, but for the variant ``"published"`` (see :mod:`.network`)."""
        return keys.format(keys.parse(key))

    def index(self, key: str) -> int:
        """Return the position of ``key``: 2 layers before 4, then by hidden size, then by the layers."""
        space = self._depth(key)
        return space.index(key) + (0 if space is _SHORT else _SHORT.size)

    def key(self, index: int) -> str:
        """Return the key at a position; inverse of :meth:`index`.

        Raises:
            ValueError: ``index`` is not from 0 to ``size`` − 1.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"{self.name} has the indices 0 to {self.size - 1}, found {index}")
        return _SHORT.key(index) if index < _SHORT.size else _DEEP.key(index - _SHORT.size)

    def of_layers(self, hidden_size: int, layers: Sequence[Mapping[str, Any]]) -> str:
        """Return the key of an architecture as the benchmark's files write it.

        Args:
            hidden_size: 128 or 256.
            layers: dictionaries with ``operation_type`` (SA, LT, DSC), ``operation_parameter`` (SDP, WMA; DFT, DCT; 5,
                9), ``num_operation_heads``, ``feed_forward_dimension`` and ``num_feed_forward``.

        Raises:
            ValueError: the architecture is not of this space.
        """
        found = []
        for layer in layers:
            try:
                kind, parameter, *numbers = (layer[name] for name in _OFFICIAL)
            except (LookupError, TypeError) as error:
                raise ValueError(f"{layer!r} is no layer: {error} is missing") from error
            found.append(keys.checked(Layer((str(kind), str(parameter)), *numbers), repr(layer)))
        return self.canonical(keys.format(Architecture(hidden_size, tuple(found))))

    def build(self, key: str, num_classes: int = 30_522, variant: str = "nominal", positions: int = 512) -> nn.Module:
        """Build the freshly initialised encoder of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.flexibert import network

        return network.build(key, num_classes=num_classes, variant=variant, positions=positions)

    def _depth(self, key: str) -> _Depth:
        """Return the space of the keys of equal depth."""
        return _SHORT if len(keys.parse(key).layers) == DEPTHS[0] else _DEEP


SPACE = FlexiBert()


def _sampled_layer(rng: Random) -> Layer:
    """Draw a layer, each choice uniform, in the order in which the benchmark's makers drew."""
    kind = rng.choice(list(keys.PARAMETERS))
    parameter = rng.choice(keys.PARAMETERS[kind])
    return Layer((kind, parameter), rng.choice(keys.HEADS), rng.choice(keys.WIDTHS), rng.choice(keys.COUNTS))
