"""NAS-Bench-201 networks, in the two flavours that published scores were measured on."""

from __future__ import annotations

from collections import OrderedDict
from functools import reduce

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.nasbench201.keys import EDGES, OPERATIONS, parse

FLAVOURS = ("nats", "zerocost")


def build(key: str, C: int = 16, N: int = 5, num_classes: int = 10, flavour: str = "nats") -> nn.Module:
    """The network of an architecture string, with PyTorch's default initialisation.

    Stem (3×3 convolution to ``C`` channels), then three stages of ``N`` cells with a residual reduction that
    halves the image and doubles the channels between them, then norm, ReLU, global average pool and
    classifier. Children are ``stem``, ``cells`` (``cell1``, ..., ``reduction1``, ...) and ``head``; inside a
    cell, ``edge02`` is the edge from node 0 to node 2. The forward pass maps images ``(batch, 3, H, W)`` to
    logits ``(batch, num_classes)``.

    Args:
        C: channels of the first stage; doubled in each of the other two.
        N: cells of a stage.
        num_classes: number of logits.
        flavour: ``"nats"`` is the network of the benchmark and of NATS-Bench: a cell holds the operations
            that its key names. ``"zerocost"`` is that of zero-cost-nas (Abdelfattah et al., ICLR 2021): every
            edge holds all five operations and uses one, so that all architectures have as many parameters;
            the cells' convolutions have a bias, their norms neither an affine map nor running statistics.

    Raises:
        ValueError: malformed key, unknown flavour, or a size below one.
    """
    operations = parse(key)
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown flavour {flavour!r}; use one of {', '.join(FLAVOURS)}")
    if min(C, N, num_classes) < 1:
        raise ValueError(f"C, N and num_classes must be at least 1, found {C}, {N} and {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    for stage in range(3):
        channels = C * 2**stage
        if stage > 0:
            cells[f"reduction{stage}"] = Reduction(channels // 2)
        for number in range(stage * N + 1, (stage + 1) * N + 1):
            cells[f"cell{number}"] = Cell(operations, channels, flavour)
    stem = _named(convolution=nn.Conv2d(3, C, 3, padding=1, bias=False), norm=nn.BatchNorm2d(C))
    head = _named(
        norm=nn.BatchNorm2d(4 * C),
        relu=nn.ReLU(inplace=True),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(4 * C, num_classes),
    )
    return _named(stem=stem, cells=nn.Sequential(cells), head=head)


class Cell(nn.Module):
    """Four nodes; each one after the input is the sum of its incoming edges, the last is the output."""

    def __init__(self, operations: tuple[str, ...], channels: int, flavour: str) -> None:
        super().__init__()
        for (source, target), operation in zip(EDGES, operations):
            self.add_module(f"edge{source}{target}", Edge(operation, channels, flavour))

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, channels, H, W)`` to images of the same shape."""
        nodes = [x]
        for target in (1, 2, 3):
            edges = (self.get_submodule(f"edge{source}{target}") for source in range(target))
            nodes.append(reduce(torch.add, [edge(node) for edge, node in zip(edges, nodes)]))
        return nodes[-1]


class Edge(nn.ModuleDict):
    """The operations that an edge holds, by name; one of them is in use."""

    def __init__(self, used: str, channels: int, flavour: str) -> None:
        held = OPERATIONS if flavour == "zerocost" else (used,)
        super().__init__({name: _operation(name, channels, affine=flavour == "nats") for name in held})
        self.used = used

    def forward(self, x: Tensor) -> Tensor:
        """The used operation's output, of the shape of ``x``."""
        return self[self.used](x)  # type: ignore[no-any-return]


class Zero(nn.Module):
    """Multiplies by zero, which keeps the edge in autograd's graph: gradients are zero, not absent."""

    def forward(self, x: Tensor) -> Tensor:
        """Zeros of the shape of ``x``."""
        return x * 0


class Reduction(nn.Module):
    """Residual block that halves the image and doubles the channels; the same in both flavours."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = _named(
            first=_relu_conv_norm(channels, 2 * channels, 3, stride=2),
            second=_relu_conv_norm(2 * channels, 2 * channels, 3),
        )
        self.shortcut = _named(pool=nn.AvgPool2d(2), convolution=nn.Conv2d(channels, 2 * channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, channels, H, W)`` to ``(batch, 2 channels, H/2, W/2)``."""
        return self.shortcut(x) + self.residual(x)  # type: ignore[no-any-return]


def _operation(name: str, channels: int, affine: bool) -> nn.Module:
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    kernel = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[name]
    return _relu_conv_norm(channels, channels, kernel, affine=affine)


def _relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, affine: bool = True) -> nn.Sequential:
    """ReLU, convolution, norm; where the norm has no shift of its own, the convolution has a bias."""
    return _named(
        relu=nn.ReLU(),
        convolution=nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=not affine),
        norm=nn.BatchNorm2d(outputs, affine=affine, track_running_stats=affine),
    )


def _named(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))
