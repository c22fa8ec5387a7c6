"""The order of FlexiBERT-like encoders, how they are drawn, and what is one change away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from naslib_zc_plugin.spaces.flexibert.keys import (
    CHOICES,
    COUNTS,
    DEPTHS,
    HEADS,
    HIDDEN_SIZES,
    OPERATIONS,
    PARAMETERS,
    WIDTHS,
    Architecture,
    Layer,
)

PER_LAYER = len(OPERATIONS) * len(HEADS) * len(WIDTHS) * len(COUNTS)
SIZE = len(HIDDEN_SIZES) * sum(PER_LAYER**depth for depth in DEPTHS)


def index(architecture: Architecture) -> int:
    """Position in the order: fewer layers first, then by hidden size, then by the layers, the first slowest."""
    before = len(HIDDEN_SIZES) * sum(PER_LAYER**depth for depth in DEPTHS if depth < len(architecture.layers))
    number: int = HIDDEN_SIZES.index(architecture.hidden)
    for layer in architecture.layers:
        for name, known in CHOICES.items():
            number = number * len(known) + known.index(getattr(layer, name))
    return int(before + number)


def architecture(index: int) -> Architecture:
    """The architecture at a position; inverse of :func:`index`.

    Raises:
        ValueError: no such position.
    """
    if not 0 <= index < SIZE:
        raise ValueError(f"the space has the indices 0 to {SIZE - 1}, found {index}")
    depth = DEPTHS[0] if index < len(HIDDEN_SIZES) * PER_LAYER ** DEPTHS[0] else DEPTHS[1]
    number = index - len(HIDDEN_SIZES) * sum(PER_LAYER**other for other in DEPTHS if other < depth)
    layers: list[Layer] = []
    for _ in range(depth):
        number, layer = divmod(number, PER_LAYER)
        layers.insert(0, _numbered(layer))
    return Architecture(HIDDEN_SIZES[number], tuple(layers))


def _numbered(number: int) -> Layer:
    values: dict[str, Any] = {}
    for name in reversed(list(CHOICES)):
        number, digit = divmod(number, len(CHOICES[name]))
        values[name] = CHOICES[name][digit]
    return Layer(**values)


def drawn_layer(rng: Random) -> Layer:
    """A layer, each choice uniform, in the order in which the benchmark's makers drew."""
    kind = rng.choice(list(PARAMETERS))
    parameter = rng.choice(PARAMETERS[kind])
    return Layer((kind, parameter), rng.choice(HEADS), rng.choice(WIDTHS), rng.choice(COUNTS))


def drawn(rng: Random) -> Architecture:
    """An architecture, each choice uniform, in the order in which the benchmark's makers drew."""
    hidden, depth = rng.choice(HIDDEN_SIZES), rng.choice(DEPTHS)
    return Architecture(hidden, tuple(drawn_layer(rng) for _ in range(depth)))


def changed(architecture: Architecture) -> Iterator[Architecture]:
    """All that are one change away: the hidden size, an attribute of a layer, or two layers more or less at the end."""
    for hidden in HIDDEN_SIZES:
        if hidden != architecture.hidden:
            yield replace(architecture, hidden=hidden)
    for position, layer in enumerate(architecture.layers):
        for name, known in CHOICES.items():
            for value in known:
                if value != getattr(layer, name):
                    yield with_layer(architecture, position, replace(layer, **{name: value}))
    short = architecture.layers[: DEPTHS[0]]
    if len(architecture.layers) > DEPTHS[0]:
        yield replace(architecture, layers=short)
    else:
        for number in range(PER_LAYER ** (DEPTHS[1] - DEPTHS[0])):
            more = (_numbered(digits) for digits in divmod(number, PER_LAYER))
            yield replace(architecture, layers=(*short, *more))


def with_layer(architecture: Architecture, position: int, layer: Layer) -> Architecture:
    """The architecture with another layer at a position."""
    layers = list(architecture.layers)
    layers[position] = layer
    return replace(architecture, layers=tuple(layers))
