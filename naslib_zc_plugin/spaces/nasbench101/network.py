"""NAS-Bench-101's networks, in the flavours that published scores were measured on."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from naslib_zc_plugin.spaces.nasbench101.cells import prune
from naslib_zc_plugin.spaces.nasbench101.keys import parse
from naslib_zc_plugin.spaces.nasbench101.network_cell import FLAVOURS, CellNetwork, convolution, named

STACKS = 3


def build(key: str, C: int | None = None, N: int = 3, num_classes: int = 10, flavour: str = "zerocost") -> nn.Module:
    """The network of a cell.

    Stem (3×3 convolution to ``C`` channels, norm, ReLU), then three stacks of ``N`` cells with a max pooling that
    halves the image and a doubling of channels between them, then global average pool and classifier. Children are
    ``stem``, ``cells`` (``cell1``, …, ``pool1``, …) and ``head``. The forward pass maps images ``(batch, 3, H, W)`` to
    logits ``(batch, num_classes)``.

    Args:
        C: channels of the first stack; those of the flavour unless given.
        N: cells of a stack.
        num_classes: number of logits.
        flavour: ``"zerocost"`` is the network of zero-cost-nas (Abdelfattah et al., ICLR 2021): 128 channels, as many
            parameters as the benchmark says. ``"naslib"`` is the one that NASLib makes (nasbench_pytorch), and on which
            NAS-Bench-Suite-Zero measured: the same, but with a momentum of 0.997 in the batch norms of stem and
            projections, which zen-score sees. (The number is TensorFlow's, where it means what PyTorch calls 0.003.)
            ``"naswot"`` (BayesWatch/nas-without-training) has 16 channels. ``"epsilon"`` (egracheva/epsinas) has 128,
            PyTorch's own initial weights, and batch norms without running statistics. The last two have one class in
            their code, which a preset's ``classes`` says.

    Raises:
        ValueError: malformed key, unknown flavour, or a size below one.
    """
    cell = prune(parse(key))
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown flavour {flavour!r}; use one of {', '.join(FLAVOURS)}")
    kind = FLAVOURS[flavour]
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
    found = named(stem=convolution(3, width, 3, kind, kind.momentum), cells=nn.Sequential(cells), head=head)
    if kind.initialised:
        _initialise(found)
    return found


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=math.sqrt(2 / (module.kernel_size[0] ** 2 * module.out_channels)))
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
