"""Parts that networks of several search spaces have in common."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.nasbench201.keys import EDGES


def named(**modules: nn.Module) -> nn.Sequential:
    """Return a sequence of modules under their names."""
    return nn.Sequential(OrderedDict(modules))


class CellSequence(nn.Sequential):
    """A network of a stem, cells with reductions among them, and a head."""

    def __init__(self, stem: nn.Module, cells: OrderedDict[str, nn.Module], head: nn.Module) -> None:
        super().__init__(OrderedDict(stem=stem, cells=nn.Sequential(cells), head=head))

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The modules whose outputs are the network's stages: the stem, each cell and each reduction."""
        return ("stem", *(f"cells.{name}" for name, _ in self.get_submodule("cells").named_children()))


def relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, affine: bool = True) -> nn.Sequential:
    """Return ReLU, convolution and norm; where the norm has no shift of its own, the convolution has a bias."""
    return named(
        relu=nn.ReLU(),
        convolution=nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=not affine),
        norm=nn.BatchNorm2d(outputs, affine=affine, track_running_stats=affine),
    )


def nats_frame(stem: int, cells: OrderedDict[str, nn.Module], channels: int, num_classes: int) -> nn.Sequential:
    """Return a network of NATS-Bench: stem, cells, then norm, ReLU, global average pool and classifier.

    Args:
        stem: channels of the stem.
        cells: the cells by name.
        channels: of the last cell.
        num_classes: number of logits.
    """
    first = named(convolution=nn.Conv2d(3, stem, 3, padding=1, bias=False), norm=nn.BatchNorm2d(stem))
    head = named(
        norm=nn.BatchNorm2d(channels),
        relu=nn.ReLU(inplace=True),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(channels, num_classes),
    )
    return CellSequence(first, cells, head)


class CompleteCell(nn.Module):
    """Four nodes; each one after the input is the sum of its incoming edges, the last is the output.

    Args:
        edges: modules in the order of ``EDGES``; ``edge02`` is the one from node 0 to node 2.
    """

    def __init__(self, edges: Iterable[nn.Module]) -> None:
        super().__init__()
        for (source, target), edge in zip(EDGES, edges):
            self.add_module(f"edge{source}{target}", edge)

    def forward(self, x: Tensor) -> Tensor:
        """Map images to the last node's images."""
        nodes = [x]
        for target in (1, 2, 3):
            edges = (self.get_submodule(f"edge{source}{target}") for source in range(target))
            nodes.append(reduce(torch.add, [edge(node) for edge, node in zip(edges, nodes)]))
        return nodes[-1]


class ResidualReduction(nn.Module):
    """Residual block of NATS-Bench that halves the image."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = named(
            first=relu_conv_norm(inputs, outputs, 3, stride=2), second=relu_conv_norm(outputs, outputs, 3)
        )
        self.shortcut = named(pool=nn.AvgPool2d(2), convolution=nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, inputs, H, W)`` to ``(batch, outputs, H/2, W/2)``."""
        return self.shortcut(x) + self.residual(x)  # type: ignore[no-any-return]


class Zero(nn.Module):
    """Zeros that autograd knows as the input's: gradients are zero, not absent.

    Args:
        stride: by how much the image shrinks.
        factor: by how much the channels grow.
    """

    def __init__(self, stride: int = 1, factor: int = 1) -> None:
        super().__init__()
        self.stride, self.factor = stride, factor

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, C, H, W)`` to zeros, ``(batch, factor · C, H/stride, W/stride)``."""
        x = x if self.stride == 1 else x[:, :, :: self.stride, :: self.stride]
        return x * 0 if self.factor == 1 else (x * 0).repeat(1, self.factor, 1, 1)


class FactorizedReduce(nn.Module):
    """ReLU, then two 1×1 convolutions, of the even and of the odd pixels, each for half of the channels; norm.

    Args:
        inputs: channels of the images.
        outputs: channels of the result, an even number.
        names: of the two convolutions and the norm; those of NNI by default.
    """

    def __init__(self, inputs: int, outputs: int, names: Sequence[str] = ("conv_1", "conv_2", "bn")) -> None:
        super().__init__()
        self.relu, self.names = nn.ReLU(), names
        for name in names[:2]:
            self.add_module(name, nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False))
        self.add_module(names[2], nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, inputs, H, W)`` to ``(batch, outputs, H/2, W/2)``."""
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        even, odd, norm = map(self.get_submodule, self.names)
        return norm(torch.cat([even(x), odd(shifted)], dim=1))  # type: ignore[no-any-return]
