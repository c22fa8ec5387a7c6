"""Keys of FlexiBERT-like encoders: the choices of a layer, and how they are written.

A key is the hidden size and one part for each layer, ``operation-parameter-heads-width x feed-forward layers``:
``256|SA-WMA-4-1024x3|LT-DCT-2-512x1``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

HIDDEN_SIZES = (128, 256)
DEPTHS = (2, 4)
PARAMETERS: Mapping[str, tuple[str, ...]] = {"SA": ("SDP", "WMA"), "LT": ("DFT", "DCT"), "DSC": ("5", "9")}
"""Operation → its parameters: attention by scaled dot product or weighted, Fourier or cosine transform, kernel size."""

OPERATIONS = tuple((kind, parameter) for kind, parameters in PARAMETERS.items() for parameter in parameters)
HEADS = (2, 4)
WIDTHS = (512, 1024)
COUNTS = (1, 3)
_PART = re.compile(r"([A-Z]+)-([A-Z0-9]+)-([1-9]\d{0,3})-([1-9]\d{0,3})x([1-9]\d{0,3})", re.ASCII)


@dataclass(frozen=True)
class Layer:
    """One encoder layer.

    Attributes:
        operation: one of ``OPERATIONS``: its kind and its parameter.
        heads: number of heads of the operation.
        width: of the feed-forward layers.
        count: number of feed-forward layers before the one that leads back.
    """

    operation: tuple[str, str]
    heads: int
    width: int
    count: int


CHOICES: Mapping[str, tuple[Any, ...]] = {"operation": OPERATIONS, "heads": HEADS, "width": WIDTHS, "count": COUNTS}
"""The values of each attribute of a layer."""


@dataclass(frozen=True)
class Architecture:
    """The hidden size and the layers, 2 or 4."""

    hidden: int
    layers: tuple[Layer, ...]


def parse(key: str) -> Architecture:
    """Return the architecture of a key.

    Raises:
        ValueError: the text is no architecture; the message names the first fault.
    """
    hidden, *parts = key.split("|")
    if hidden not in map(str, HIDDEN_SIZES):
        raise ValueError(f"{key!r}: must begin with the hidden size, one of {_listed(HIDDEN_SIZES)}; found {hidden!r}")
    if len(parts) not in DEPTHS:
        raise ValueError(f"{key!r}: expected {_listed(DEPTHS)} layers, each after a '|', found {len(parts)}")
    return Architecture(int(hidden), tuple(_layer(key, part) for part in parts))


def _layer(key: str, text: str) -> Layer:
    """Return the layer of a part of the key."""
    found = _PART.fullmatch(text)
    if found is None:
        raise ValueError(f"{key!r}: expected a layer such as 'SA-SDP-4-1024x3', found {text!r}")
    kind, parameter, *numbers = found.groups()
    return checked(Layer((kind, parameter), *map(int, numbers)), key)


def checked(layer: Layer, source: str) -> Layer:
    """Return the layer if it is one of the space.

    Raises:
        ValueError: it is not; the message names ``source`` and the known values.
    """
    for field in fields(layer):
        value, known = getattr(layer, field.name), CHOICES[field.name]
        if value not in known:
            shown = "-".join(value) if isinstance(value, tuple) else value
            raise ValueError(f"{source!r}: no {field.name} {shown!r}; there is {_listed(known)}")
    return layer


def _listed(values: Sequence[Any]) -> str:
    return ", ".join("-".join(value) if isinstance(value, tuple) else str(value) for value in values)


def format(architecture: Architecture) -> str:
    """Return the key of an architecture; inverse of :func:`parse`."""
    parts = (
        "-".join([*layer.operation, f"{layer.heads}", f"{layer.width}x{layer.count}"]) for layer in architecture.layers
    )
    return "|".join([str(architecture.hidden), *parts])
