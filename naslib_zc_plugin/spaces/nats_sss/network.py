"""Networks of NATS-Bench's size space."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from naslib_zc_plugin.spaces._layers import CompleteCell, ResidualReduction, named, nats_frame, relu_conv_norm


def build(channels: Sequence[int], num_classes: int) -> nn.Module:
    """Build the network of five numbers of channels, with PyTorch's default initialisation.

    Stem (3×3 convolution, norm), cell, reduction, cell, reduction, cell; then norm, ReLU, global average pool and
    classifier. Stem and first cell have the first number of channels, the others one each. The cell is
    ``|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|`` of NAS-Bench-201
    throughout, and takes its input to its own number of channels. The forward pass maps images ``(batch, 3, H, W)`` to
    logits ``(batch, num_classes)``.

    Raises:
        ValueError: less than one class.
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, found {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (inputs, outputs) in enumerate(zip((channels[0], *channels), channels)):
        if number % 2:
            cells[f"reduction{(number + 1) // 2}"] = ResidualReduction(inputs, outputs)
        else:
            cells[f"cell{number // 2 + 1}"] = _cell(inputs, outputs)
    return nats_frame(channels[0], cells, channels[-1], num_classes)


def _cell(inputs: int, outputs: int) -> CompleteCell:
    """Return a cell; where the number of channels changes, its skip is a convolution of 1 × 1 and a norm."""
    edges = [relu_conv_norm(size, outputs, 3) for size in (inputs, inputs, outputs)]
    skip: nn.Module = nn.Identity()
    if inputs != outputs:
        skip = named(convolution=nn.Conv2d(inputs, outputs, 1, bias=False), norm=nn.BatchNorm2d(outputs))
    return CompleteCell([*edges, skip, relu_conv_norm(outputs, outputs, 3), relu_conv_norm(outputs, outputs, 3)])
