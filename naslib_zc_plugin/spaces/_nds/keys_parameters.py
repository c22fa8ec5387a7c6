"""How many parameters a network of the NDS design spaces has, counted from its genotype."""

from __future__ import annotations

import re

from naslib_zc_plugin.spaces._nds import keys_use
from naslib_zc_plugin.spaces._nds.keys import Genotype

_STEM = 3
"""Times the width: the stem's channels."""
_CONVOLUTION = {"conv_1x1": 1, "conv_3x3": 9, "conv_3x1_1x3": 6, "conv_7x1_1x7": 14}
"""Weights per pair of channels."""
_SEPARABLE = re.compile(r"(sep|dil|dil_sep)_conv_(\d)x\d")


def counted(genotype: Genotype, concatenated: dict[str, int], classes: int = 10, auxiliary: bool = False) -> int:
    """The number of parameters of a network, those included that its output does not depend on.

    Convolutions have no bias, norms two parameters per channel.

    Args:
        genotype: with width and depth.
        concatenated: for each kind of cell, the number of nodes whose concatenation is its output.
        classes: of the classifier.
        auxiliary: with the auxiliary head, on the first cell of the third stage, that DARTS' code trains with.
    """
    channels, depth = genotype.width or 0, genotype.depth or 0
    before = last = _STEM * channels
    total = 27 * last + 2 * last
    for place, kind in enumerate(keys_use.kinds(depth)):
        channels *= 2 if kind == "reduce" else 1
        total += (before + last) * channels + 4 * channels + _cell(genotype, kind, channels)
        before, last = last, concatenated[kind] * channels
        if auxiliary and place == 2 * depth // 3:
            total += _head(last, classes)
    return total + (last + 1) * classes


def _cell(genotype: Genotype, kind: str, channels: int) -> int:
    edges = genotype.edges(kind)
    return sum(_operation(name, channels, kind == "reduce" and place < 2) for name, place in edges)


def _operation(name: str, channels: int, halves: bool) -> int:
    square = channels * channels
    if name == "skip_connect":
        return square + 2 * channels if halves else 0
    if name in _CONVOLUTION:
        return _CONVOLUTION[name] * square + 2 * channels
    found = _SEPARABLE.fullmatch(name)
    if found is None:
        return 0
    once = int(found[2]) ** 2 * channels + square + 2 * channels
    return once if found[1] == "dil" else 2 * once


def _head(channels: int, classes: int) -> int:
    """1×1 convolution to 128 channels, 2×2 convolution to 768, each with a norm, and a classifier."""
    return channels * 128 + 256 + 4 * 128 * 768 + 1536 + (768 + 1) * classes
