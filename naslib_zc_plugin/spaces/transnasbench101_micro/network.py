"""Networks of TransNAS-Bench-101's cells, for tasks of classification."""

from __future__ import annotations

from collections import OrderedDict
from functools import reduce

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.transnasbench101_micro.keys import EDGES, OPERATIONS, parse

_MODULES = (2, 1, 2, 1, 2)
"""By how much each module of two cells multiplies the channels and divides the image."""


def build(key: str, C: int = 64, num_classes: int = 10) -> nn.Module:
    """The network of a cell's name.

    Stem (two 3×3 convolutions that halve the image, to ``C``/2 and ``C`` channels), then five modules of two cells;
    the first cell of the first, third and fifth halves the image and doubles the channels. Then global average pool
    and classifier. Convolutions have no bias and, as in the benchmark, He's normal initialisation by their outputs.
    The forward pass maps images ``(batch, 3, H, W)`` to logits ``(batch, num_classes)``.

    Args:
        C: channels of the first module's input, an even number; 64 in the benchmark.
        num_classes: number of logits.

    Raises:
        ValueError: malformed key, an odd number of channels, or a size below one.
    """
    operations = [OPERATIONS[digit] for digit in parse(key)]
    if C < 2 or C % 2 or num_classes < 1:
        raise ValueError(f"C must be even and num_classes at least 1, found {C} and {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    channels = C
    for number, factor in enumerate(_MODULES, start=1):
        cells[f"cell{2 * number - 1}"] = Cell(operations, channels, factor)
        channels *= factor
        cells[f"cell{2 * number}"] = Cell(operations, channels, 1)
    stem = _named(
        convolution=nn.Conv2d(3, C // 2, 3, 2, padding=1, bias=False),
        norm=nn.BatchNorm2d(C // 2),
        second=_relu_conv_norm(C // 2, C, 3, 2),
    )
    head = _named(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=nn.Linear(channels, num_classes))
    net = _named(stem=stem, cells=nn.Sequential(cells), head=head)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


class Cell(nn.Module):
    """Four nodes; each one after the input is the sum of its incoming edges, the last is the output."""

    def __init__(self, operations: list[str], channels: int, factor: int) -> None:
        super().__init__()
        for (source, target), name in zip(EDGES, operations):
            edge = _operation(name, channels, factor) if source == 0 else _operation(name, factor * channels, 1)
            self.add_module(f"edge{source}{target}", edge)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, channels, H, W)`` to ``(batch, factor · channels, H/factor, W/factor)``."""
        nodes = [x]
        for target in (1, 2, 3):
            edges = (self.get_submodule(f"edge{source}{target}") for source in range(target))
            nodes.append(reduce(torch.add, [edge(node) for edge, node in zip(edges, nodes)]))
        return nodes[-1]


class Zero(nn.Module):
    """Zeros that autograd knows as the input's: gradients are zero, not absent."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, channels, H, W)`` to zeros, ``(batch, factor · channels, H/factor, W/factor)``."""
        return (x[:, :, :: self.factor, :: self.factor] * 0).repeat(1, self.factor, 1, 1)


class FactorizedReduce(nn.Module):
    """Two 1×1 convolutions, of the even and of the odd pixels; each makes half of the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, inputs, H, W)`` to ``(batch, outputs, H/2, W/2)``."""
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))  # type: ignore[no-any-return]


def _operation(name: str, channels: int, factor: int) -> nn.Module:
    if name == "none":
        return Zero(factor)
    if name == "skip_connect":
        return nn.Identity() if factor == 1 else FactorizedReduce(channels, factor * channels)
    return _relu_conv_norm(channels, factor * channels, {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[name], factor)


def _relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return _named(
        relu=nn.ReLU(),
        convolution=nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        norm=nn.BatchNorm2d(outputs),
    )


def _named(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))
