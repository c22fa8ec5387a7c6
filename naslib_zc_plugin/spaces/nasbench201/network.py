"""NAS-Bench-201 networks, in the two variants that published scores were measured on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from naslib_zc_plugin.spaces._layers import CompleteCell, ResidualReduction, Zero, nats_frame, relu_conv_norm
from naslib_zc_plugin.spaces._space import check_known
from naslib_zc_plugin.spaces.nasbench201.keys import OPERATIONS

VARIANTS = ("nats", "zerocost")


def build(operations: Sequence[str], C: int, N: int, num_classes: int, variant: str) -> nn.Module:
    """Build the network of a cell, with PyTorch's default initialisation.

    Stem (3×3 convolution to ``C`` channels), then three stages of ``N`` cells with a residual reduction that
    halves the image and doubles the channels between them, then norm, ReLU, global average pool and
    classifier. Children are ``stem``, ``cells`` (``cell1``, ..., ``reduction1``, ...) and ``head``; inside a
    cell, ``edge02`` is the edge from node 0 to node 2. The forward pass maps images ``(batch, 3, H, W)`` to
    logits ``(batch, num_classes)``.

    Args:
        operations: of the six edges.
        C: channels of the first stage; doubled in each of the other two.
        N: cells of a stage.
        num_classes: number of logits.
        variant: ``"nats"`` is the network of the benchmark and of NATS-Bench: a cell holds the operations
            that its key names. ``"zerocost"`` is that of zero-cost-nas (Abdelfattah et al., ICLR 2021): every
            edge holds all five operations and uses one, so that all architectures have as many parameters;
            the cells' convolutions have a bias, their norms neither an affine map nor running statistics.

    Raises:
        ValueError: the variant is unknown, or a size is below one.
    """
    check_known("variant", variant, VARIANTS)
    if min(C, N, num_classes) < 1:
        raise ValueError(f"C, N and num_classes must be at least 1, found {C}, {N} and {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    for stage in range(3):
        channels = C * 2**stage
        if stage > 0:
            cells[f"reduction{stage}"] = ResidualReduction(channels // 2, channels)
        for number in range(stage * N + 1, (stage + 1) * N + 1):
            cells[f"cell{number}"] = CompleteCell(Edge(operation, channels, variant) for operation in operations)
    return nats_frame(C, cells, 4 * C, num_classes)


class Edge(nn.ModuleDict):
    """The operations that an edge holds, by name; one of them is in use."""

    def __init__(self, used: str, channels: int, variant: str) -> None:
        held = OPERATIONS if variant == "zerocost" else (used,)
        super().__init__({name: _operation(name, channels, affine=variant == "nats") for name in held})
        self.used = used

    def forward(self, x: Tensor) -> Tensor:
        """Return the used operation's output, of the shape of ``x``."""
        return self[self.used](x)  # type: ignore[no-any-return]


def _operation(name: str, channels: int, affine: bool) -> nn.Module:
    """Return the module of an operation's name; images keep their shape."""
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    kernel = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[name]
    return relu_conv_norm(channels, channels, kernel, affine=affine)
