"""The cell of a network of NAS-Bench-101, and what its flavours are."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.nasbench101.cells import OPERATIONS, Cell, sources_of


@dataclass(frozen=True)
class Flavour:
    """What differs between codes.

    Attributes:
        channels: of the stem.
        momentum: of the batch norms in the stem and in projections; that of the others is 0.1.
        tracked: whether batch norms have running statistics.
        initialised: weights are N(0, 2/(k² · outputs)) in convolutions of k × k and N(0, 0.01²) in the classifier, its
            bias 0; otherwise as PyTorch draws them.
    """

    channels: int = 128
    momentum: float = 0.1
    tracked: bool = True
    initialised: bool = True


FLAVOURS = {
    "zerocost": Flavour(),
    "naslib": Flavour(momentum=0.997),
    "naswot": Flavour(channels=16),
    "epsilon": Flavour(tracked=False, initialised=False),
}


def channels_of(cell: Cell, inputs: int, outputs: int) -> list[int]:
    """Channels of each vertex of a pruned cell.

    The output's are split among the vertices that lead to it, the first of them get one more where that leaves a rest;
    any other vertex has as many as the widest one that it leads to.

    Raises:
        ValueError: more vertices lead to the output than it has channels.
    """
    last = cell.vertices - 1
    into = [sources_of(cell.bits, target) for target in range(cell.vertices)]
    joined = [source for source in into[last] if source > 0]
    if len(joined) > outputs:
        raise ValueError(f"{outputs} channels cannot be split among the {len(joined)} vertices that lead to the output")
    found = [inputs, *[0] * (last - 1), outputs]
    for place, vertex in enumerate(joined):
        found[vertex] = outputs // len(joined) + (place < outputs % len(joined))
    for vertex in range(last - 1, 0, -1):
        if vertex not in joined:
            found[vertex] = max(found[target] for target in range(vertex + 1, last) if vertex in into[target])
    return found


class CellNetwork(nn.Module):
    """The vertices of a cell.

    What enters the cell is projected (1×1 convolution, norm, ReLU) for each vertex that it leads to. A vertex adds what
    leads to it, wider inputs cut to its own channels, and applies its operation. The output concatenates the vertices
    that lead to it, and adds the projected input where that does; the input alone is its projection.
    """

    def __init__(self, cell: Cell, inputs: int, outputs: int, kind: Flavour) -> None:
        super().__init__()
        self.sources = [sources_of(cell.bits, target) for target in range(cell.vertices)]
        self.channels = channels_of(cell, inputs, outputs)
        for vertex in range(1, cell.vertices):
            channels = self.channels[vertex]
            if 0 in self.sources[vertex]:
                self.add_module(f"projection{vertex}", convolution(inputs, channels, 1, kind, kind.momentum))
            if vertex < cell.vertices - 1:
                name = OPERATIONS[cell.labels[vertex - 1]]
                self.add_module(f"vertex{vertex}", _operation(name, channels, kind))

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, inputs, H, W)`` to ``(batch, outputs, H, W)``."""
        found = [x]
        for vertex in range(1, len(self.sources) - 1):
            terms = [_cut(found[source], self.channels[vertex]) for source in self.sources[vertex] if source > 0]
            found.append(self.get_submodule(f"vertex{vertex}")(self._joined(terms, vertex, x)))
        last = len(self.sources) - 1
        parts = [found[source] for source in self.sources[last] if source > 0]
        return self._joined([torch.cat(parts, 1)] if parts else [], last, x)

    def _joined(self, terms: list[Tensor], vertex: int, x: Tensor) -> Tensor:
        """The sum of what leads to a vertex, the projected input last."""
        if 0 in self.sources[vertex]:
            terms = [*terms, self.get_submodule(f"projection{vertex}")(x)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


def _cut(x: Tensor, channels: int) -> Tensor:
    return x if x.shape[1] == channels else x[:, :channels]


def _operation(name: str, channels: int, kind: Flavour) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return convolution(channels, channels, {"conv1x1-bn-relu": 1, "conv3x3-bn-relu": 3}[name], kind, momentum=0.1)


def convolution(inputs: int, outputs: int, kernel: int, kind: Flavour, momentum: float) -> nn.Sequential:
    """Convolution without bias, norm and ReLU; the image keeps its size."""
    return named(
        convolution=nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        norm=nn.BatchNorm2d(outputs, momentum=momentum, track_running_stats=kind.tracked),
        relu=nn.ReLU(),
    )


def named(**modules: nn.Module) -> nn.Sequential:
    """Modules one after the other, with their names."""
    return nn.Sequential(OrderedDict(modules))
