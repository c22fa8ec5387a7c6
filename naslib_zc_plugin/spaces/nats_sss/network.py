"""Networks of NATS-Bench's size space."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from naslib_zc_plugin.spaces.nats_sss.keys import parse


def build(key: str, num_classes: int = 10) -> nn.Module:
    """The network of five numbers of channels, with PyTorch's default initialisation.

    Stem (3×3 convolution, norm), cell, reduction, cell, reduction, cell; then norm, ReLU, global average pool and
    classifier. Stem and first cell have the first number of channels, the others one each. The cell is
    ``|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|`` of NAS-Bench-201
    throughout, and takes its input to its own number of channels. The forward pass maps images ``(batch, 3, H, W)`` to
    logits ``(batch, num_classes)``.

    Raises:
        ValueError: malformed key, or less than one class.
    """
    channels = parse(key)
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, found {num_classes}")
    cells: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (inputs, outputs) in enumerate(zip((channels[0], *channels), channels)):
        halves = number % 2 == 1
        name = f"reduction{(number + 1) // 2}" if halves else f"cell{number // 2 + 1}"
        cells[name] = Reduction(inputs, outputs) if halves else Cell(inputs, outputs)
    stem = _named(convolution=nn.Conv2d(3, channels[0], 3, padding=1, bias=False), norm=nn.BatchNorm2d(channels[0]))
    head = _named(
        norm=nn.BatchNorm2d(channels[-1]),
        relu=nn.ReLU(inplace=True),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(channels[-1], num_classes),
    )
    return _named(stem=stem, cells=nn.Sequential(cells), head=head)


class Cell(nn.Module):
    """Four nodes; all edges are convolutions but that from the first to the last, which skips.

    Where the number of channels changes, the skip is a convolution of 1 × 1 and a norm.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.edge01 = _relu_conv_norm(inputs, outputs)
        self.edge02 = _relu_conv_norm(inputs, outputs)
        self.edge12 = _relu_conv_norm(outputs, outputs)
        self.edge03: nn.Module = nn.Identity()
        if inputs != outputs:
            self.edge03 = _named(convolution=nn.Conv2d(inputs, outputs, 1, bias=False), norm=nn.BatchNorm2d(outputs))
        self.edge13 = _relu_conv_norm(outputs, outputs)
        self.edge23 = _relu_conv_norm(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, inputs, H, W)`` to ``(batch, outputs, H, W)``."""
        first = self.edge01(x)
        second = self.edge02(x) + self.edge12(first)
        return self.edge03(x) + self.edge13(first) + self.edge23(second)  # type: ignore[no-any-return]


class Reduction(nn.Module):
    """Residual block that halves the image."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = _named(
            first=_relu_conv_norm(inputs, outputs, stride=2), second=_relu_conv_norm(outputs, outputs)
        )
        self.shortcut = _named(pool=nn.AvgPool2d(2), convolution=nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(batch, inputs, H, W)`` to ``(batch, outputs, H/2, W/2)``."""
        return self.shortcut(x) + self.residual(x)  # type: ignore[no-any-return]


def _relu_conv_norm(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return _named(
        relu=nn.ReLU(),
        convolution=nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        norm=nn.BatchNorm2d(outputs),
    )


def _named(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))
