"""Networks of two cells, as pycls builds them for NDS, and DARTS for CIFAR-10 (so NAS-Bench-301's, too)."""

from __future__ import annotations

import re
from typing import Union

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces._layers import FactorizedReduce, Zero
from naslib_zc_plugin.spaces._space import check_known
from naslib_zc_plugin.spaces.nds.keys import SHALLOWEST, STEM, Edges, Genotype, cell_kinds, cell_uses

VARIANTS = ("nds", "used")
_OPERATION = re.compile(r"(avg_pool|max_pool|conv|sep_conv|dil_conv|dil_sep_conv)_(\d)x(\d)(_\dx\d)?")
_Size = Union[int, tuple[int, int]]


def build(genotype: Genotype, loose: bool, num_classes: int = 10, variant: str = "nds") -> nn.Module:
    """Build the network of a genotype, with PyTorch's default initialisation and without auxiliary head.

    Stem for CIFAR-10 (3×3 convolution to three times the width, norm), then three stages of cells; the second and the
    third begin with the cell that halves the image and doubles the channels. Two 1×1 convolutions bring the outputs of
    the two cells before to the channels of the cell. Then global average pool and classifier. The forward pass maps
    images ``(batch, 3, H, W)`` to logits ``(batch, num_classes)``, in train mode too. Parameters have the names, shapes
    and order of NNI's and pycls' (``stages.0.1.ops.3.0.1.weight``: first stage, second cell, fourth node, first edge).

    Args:
        genotype: with width and depth.
        loose: a cell's output is the concatenation of the nodes that no other uses; else of all.
        num_classes: number of logits.
        variant: ``"nds"`` is the network of the benchmark, whose parameters it counts: a cell has the convolutions of
            both of its inputs also where it uses one. ``"used"`` is without the modules that the logits do not depend
            on: such a convolution, and a cell that all later ones pass over. The
            published numbers on NDS follow the protocol of NASWOT's code, which leaves out modules that no gradient
            reaches. Both draw the same weights.

    Raises:
        ValueError: the variant is unknown, or a size is below that of the smallest network.
    """
    check_known("variant", variant, VARIANTS)
    width, depth = genotype.width or 0, genotype.depth or 0
    if width < 1 or num_classes < 1 or depth < SHALLOWEST:
        raise ValueError(
            f"width and num_classes must be at least 1 and depth {SHALLOWEST}, found {width}, {num_classes} and {depth}"
        )
    net = CellNetwork(genotype, width, depth, loose, num_classes)
    return net.drop_dead_cells(genotype) if variant == "used" else net


class CellNetwork(nn.Module):
    """Stem, three stages of cells, global average pool and classifier."""

    def __init__(self, genotype: Genotype, width: int, depth: int, loose: bool, num_classes: int) -> None:
        super().__init__()
        before = last = STEM * width
        self.stem = nn.Sequential(nn.Conv2d(3, last, 3, padding=1, bias=False), nn.BatchNorm2d(last))
        self.stages = nn.ModuleList([nn.ModuleList()])
        channels, after_reduction = width, False
        for kind in cell_kinds(depth):
            reduces = kind == "reduce"
            if reduces:
                channels *= 2
                self.stages.append(nn.ModuleList())
            edges = genotype.edges(kind)
            joined = genotype.joined(kind, loose)
            first = FactorizedReduce(before, channels) if after_reduction else _relu_conv_norm(before, channels, 1)
            inputs = nn.ModuleDict({"pre0": first, "pre1": _relu_conv_norm(last, channels, 1)})
            stage = self.stages[-1]
            assert isinstance(stage, nn.ModuleList)
            stage.append(TwoInputCell(inputs, edges, joined, channels, reduces))
            before, last, after_reduction = last, len(joined) * channels, reduces
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, 3, H, W)`` to logits ``(batch, num_classes)``."""
        before = last = self.stem(x)
        for stage in self.stages:
            for cell in stage.children():
                before, last = last, cell(before, last)
        return self.classifier(self.global_pooling(last).flatten(1))  # type: ignore[no-any-return]

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The modules whose outputs are the network's stages: the stem and each cell that is in use."""
        cells = (
            f"stages.{stage}.{number}"
            for stage, held in enumerate(self.stages)
            for number, cell in enumerate(held.children())
            if not isinstance(cell, PassedOver)
        )
        return ("stem", *cells)

    def drop_dead_cells(self, genotype: Genotype) -> CellNetwork:
        """Leave out the modules that the logits do not depend on, and return the network."""
        uses = iter(cell_uses(genotype))
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleList)
            for number, (cell, use) in enumerate(zip(list(stage), uses)):
                if not use.matters:
                    stage[number] = PassedOver()
                    continue
                for name, used in zip(("pre0", "pre1"), use.inputs):
                    if not used:
                        cell.get_submodule("preprocessor").register_module(name, nn.Identity())
        return self


class TwoInputCell(nn.Module):
    """A cell: two inputs, then nodes that are the sum of two operations each; some nodes are concatenated.

    Args:
        preprocessor: the modules ``pre0`` and ``pre1`` that bring the inputs to the channels and size of the cell.
        edges: operation and place of the input, two for each node.
        joined: places of the nodes that are concatenated.
        channels: of each node.
        reduces: whether operations on the cell's inputs halve the image.
    """

    def __init__(
        self, preprocessor: nn.ModuleDict, edges: Edges, joined: tuple[int, ...], channels: int, reduces: bool
    ) -> None:
        super().__init__()
        self.preprocessor = preprocessor
        made = [operation(name, channels, 2 if reduces and place < 2 else 1) for name, place in edges]
        self.ops = nn.ModuleList(nn.ModuleList(pair) for pair in zip(made[::2], made[1::2]))
        self.places = [place for _, place in edges]
        self.joined = joined

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Map the outputs of the two cells before to this cell's, ``(batch, nodes · channels, H, W)``."""
        states = [self.preprocessor["pre0"](before), self.preprocessor["pre1"](last)]
        places = iter(self.places)
        for node in self.ops:
            one, other = (edge(states[next(places)]) for edge in node.children())
            states.append(one + other)
        return torch.cat([states[place] for place in self.joined], 1)


class PassedOver(nn.Module):
    """A dead cell: no cell that the logits depend on takes its output."""

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Return the last cell's output, so that the next cell gets one of the right size."""
        return last


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Return the module of an operation's name, which keeps the channels and divides the image by the stride.

    Raises:
        ValueError: the name is unknown.
    """
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    found = _OPERATION.fullmatch(name)
    if found is None:
        raise ValueError(f"unknown operation {name!r}")
    kind, kernel = found[1], int(found[2])
    if kind == "avg_pool":
        return nn.AvgPool2d(kernel, stride, kernel // 2, count_include_pad=False)
    if kind == "max_pool":
        return nn.MaxPool2d(kernel, stride, kernel // 2)
    if kind == "conv" and found[4]:
        row, column = _conv(channels, (1, kernel), (1, stride)), _conv(channels, (kernel, 1), (stride, 1))
        return nn.Sequential(nn.ReLU(), row, column, nn.BatchNorm2d(channels))
    if kind == "conv":
        return _relu_conv_norm(channels, channels, kernel, stride)
    dilation = 2 if kind.startswith("dil") else 1
    modules: list[nn.Module] = []
    for step in (stride,) if kind == "dil_conv" else (stride, 1):
        depthwise = _conv(channels, kernel, step, dilation, groups=channels)
        modules += [nn.ReLU(), depthwise, _conv(channels, 1), nn.BatchNorm2d(channels)]
    return nn.Sequential(*modules)


def _conv(channels: int, kernel: _Size, stride: _Size = 1, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution without bias that keeps the channels and, at stride 1, the image's size."""
    sizes = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (dilation * (sizes[0] // 2), dilation * (sizes[1] // 2))
    return nn.Conv2d(channels, channels, sizes, stride, padding, dilation, groups, bias=False)


def _relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return ReLU, convolution and norm, numbered as in NNI and pycls, unlike those of ``_layers``."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(outputs))
