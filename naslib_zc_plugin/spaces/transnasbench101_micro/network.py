"""Networks of TransNAS-Bench-101's cells, for tasks of classification."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from naslib_zc_plugin.spaces._layers import CellSequence, CompleteCell, FactorizedReduce, Zero, named, relu_conv_norm
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES

_MODULES = (2, 1, 2, 1, 2)
"""By how much each module of two cells multiplies the channels and divides the image."""


def build(operations: Sequence[str], C: int, num_classes: int) -> nn.Module:
    """Build the network of a cell.

    Stem (two 3×3 convolutions that halve the image, to ``C``/2 and ``C`` channels), then five modules of two cells;
    the first cell of the first, third and fifth halves the image and doubles the channels. Then global average pool
    and classifier. Convolutions have no bias and, as in the benchmark, He's normal initialisation by their outputs.
    The forward pass maps images ``(batch, 3, H, W)`` to logits ``(batch, num_classes)``.

    Args:
        operations: of the six edges.
        C: channels of the first module's input, an even number; 64 in the benchmark.
        num_classes: number of logits.

    Raises:
        ValueError: an odd number of channels, or a size below one.
    """
    if C < 2 or C % 2 or num_classes < 1:
        raise ValueError(f"C must be even and num_classes at least 1, found {C} and {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    channels = C
    for number, factor in enumerate(_MODULES, start=1):
        cells[f"cell{2 * number - 1}"] = _cell(operations, channels, factor)
        channels *= factor
        cells[f"cell{2 * number}"] = _cell(operations, channels, 1)
    stem = named(
        convolution=nn.Conv2d(3, C // 2, 3, 2, padding=1, bias=False),
        norm=nn.BatchNorm2d(C // 2),
        second=relu_conv_norm(C // 2, C, 3, 2),
    )
    head = named(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=nn.Linear(channels, num_classes))
    net = CellSequence(stem, cells, head)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


def _cell(operations: Sequence[str], channels: int, factor: int) -> CompleteCell:
    """Return a cell that maps images ``(batch, channels, H, W)`` to ``(batch, factor · channels, H/factor, …)``."""
    return CompleteCell(
        _operation(name, channels, factor) if source == 0 else _operation(name, factor * channels, 1)
        for (source, _), name in zip(EDGES, operations)
    )


def _operation(name: str, channels: int, factor: int) -> nn.Module:
    if name == "none":
        return Zero(factor, factor)
    if name == "skip_connect":
        return nn.Identity() if factor == 1 else FactorizedReduce(channels, factor * channels, ("even", "odd", "norm"))
    return relu_conv_norm(channels, factor * channels, {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[name], factor)
