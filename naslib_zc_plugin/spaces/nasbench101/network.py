"""NAS-Bench-101's networks, in the variants that published scores were measured on."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces._layers import CellSequence, named
from naslib_zc_plugin.spaces._space import check_known
from naslib_zc_plugin.spaces.nasbench101.keys import OPERATIONS, Cell, parse, pruned, sources_of

STACKS = 3


@dataclass(frozen=True)
class Variant:
    """The differences between the codes that build these networks.

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


VARIANTS = {
    "zerocost": Variant(),
    "naslib": Variant(momentum=0.997),
    "naswot": Variant(channels=16),
    "epsilon": Variant(tracked=False, initialised=False),
}


def build(key: str, C: int | None = None, N: int = 3, num_classes: int = 10, variant: str = "zerocost") -> nn.Module:
    """Build the network of a cell.

    Stem (3×3 convolution to ``C`` channels, norm, ReLU), then three stacks of ``N`` cells with a max pooling that
    halves the image and a doubling of channels between them, then global average pool and classifier. Children are
    ``stem``, ``cells`` (``cell1``, …, ``pool1``, …) and ``head``. The forward pass maps images ``(batch, 3, H, W)`` to
    logits ``(batch, num_classes)``.

    Args:
        key: of the cell.
        C: channels of the first stack; those of the variant if None.
        N: cells of a stack.
        num_classes: number of logits.
        variant: ``"zerocost"`` is the network of zero-cost-nas (Abdelfattah et al., ICLR 2021): 128 channels, as many
            parameters as the benchmark counts. ``"naslib"`` is the one of NASLib (nasbench_pytorch), on which
            NAS-Bench-Suite-Zero measured: the same, but with a momentum of 0.997 in the batch norms of stem and
            projections, which zen-score sees. (It is TensorFlow's number, PyTorch's would be 0.003.)
            ``"naswot"`` (BayesWatch/nas-without-training) has 16 channels. ``"epsilon"`` (egracheva/epsinas) has 128,
            PyTorch's own initial weights, and batch norms without running statistics. The last two have one class in
            their code, which a protocol's ``classes`` sets.

    Raises:
        ValueError: the key is malformed, the variant is unknown, or a size is below one.
    """
    cell = pruned(parse(key))
    check_known("variant", variant, VARIANTS)
    kind = VARIANTS[variant]
    width = kind.channels if C is None else C
    if min(width, N, num_classes) < 1:
        raise ValueError(f"C, N and num_classes must be at least 1, found {width}, {N} and {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = width
    for stack in range(STACKS):
        outputs = width * 2**stack
        if stack > 0:
            cells[f"pool{stack}"] = nn.MaxPool2d(2)
        for number in range(stack * N + 1, (stack + 1) * N + 1):
            cells[f"cell{number}"] = CellNetwork(cell, inputs, outputs, kind)
            inputs = outputs
    head = named(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=nn.Linear(inputs, num_classes))
    found = CellSequence(convolution(3, width, 3, kind, kind.momentum), cells, head)
    if kind.initialised:
        _initialise(found)
    return found


def _initialise(network: nn.Module) -> None:
    """Draw the weights as the reference code does."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=math.sqrt(2 / (module.kernel_size[0] ** 2 * module.out_channels)))
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def channels_of(cell: Cell, inputs: int, outputs: int) -> list[int]:
    """Return the channels of each vertex of a pruned cell.

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

    The cell's input is projected (1×1 convolution, norm, ReLU) for each vertex that it leads to. A vertex adds its
    inputs, wider ones cut to its own channels, and applies its operation. The output concatenates the vertices
    that lead to it, and adds the projected input where that does; the input alone is its projection.
    """

    def __init__(self, cell: Cell, inputs: int, outputs: int, kind: Variant) -> None:
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
        """Map images ``(batch, inputs, H, W)`` to ``(batch, outputs, H, W)``."""
        found = [x]
        for vertex in range(1, len(self.sources) - 1):
            terms = [_cut(found[source], self.channels[vertex]) for source in self.sources[vertex] if source > 0]
            found.append(self.get_submodule(f"vertex{vertex}")(self._joined(terms, vertex, x)))
        last = len(self.sources) - 1
        parts = [found[source] for source in self.sources[last] if source > 0]
        return self._joined([torch.cat(parts, 1)] if parts else [], last, x)

    def _joined(self, terms: list[Tensor], vertex: int, x: Tensor) -> Tensor:
        """Add the inputs of a vertex, the projected input last."""
        if 0 in self.sources[vertex]:
            terms = [*terms, self.get_submodule(f"projection{vertex}")(x)]
        return reduce(add, terms)


def _cut(x: Tensor, channels: int) -> Tensor:
    return x if x.shape[1] == channels else x[:, :channels]


def _operation(name: str, channels: int, kind: Variant) -> nn.Module:
    """Return the module of an operation's name; the image keeps its size."""
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return convolution(channels, channels, {"conv1x1-bn-relu": 1, "conv3x3-bn-relu": 3}[name], kind, momentum=0.1)


def convolution(inputs: int, outputs: int, kernel: int, kind: Variant, momentum: float) -> nn.Sequential:
    """Return convolution without bias, norm and ReLU; the image keeps its size."""
    return named(
        convolution=nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        norm=nn.BatchNorm2d(outputs, momentum=momentum, track_running_stats=kind.tracked),
        relu=nn.ReLU(),
    )
