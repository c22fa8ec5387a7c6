"""Convolutional and fully connected networks: forms of ReLU, norms, convolutions and joins."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.testing.case import Case, Maker, classifier, images


def conv_bn_relu() -> Case:
    """The plain case."""
    first, second = nn.BatchNorm2d(6), nn.BatchNorm2d(8)
    for norm in (first, second):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    block = [nn.Conv2d(3, 6, 3, padding=1, bias=False), first, nn.ReLU()]
    net = classifier(*block, nn.Conv2d(6, 8, 3, stride=2), second, nn.ReLU(), width=8)
    return Case(net, images())


class FunctionalRelu(nn.Module):
    """ReLU as four functions and methods, no module among them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(48, 12), *(nn.Linear(12, 12) for _ in range(3))])
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        first, second, third, fourth = self.layers
        x = F.relu(first(x.flatten(1)))
        x = torch.relu(second(x))
        x = third(x).relu_()
        logits: Tensor = self.head(fourth(x).clamp(min=0))
        return logits


def functional_relu() -> Case:
    """ReLU without modules."""
    return Case(FunctionalRelu(), images(size=4))


def inplace_relu() -> Case:
    """In-place ReLUs right after convolutions with biases, no norm."""
    net = classifier(nn.Conv2d(3, 6, 3), nn.ReLU(True), nn.Conv2d(6, 6, 3), nn.ReLU(True), width=6)
    return Case(net, images())


def smooth() -> Case:
    """No ReLU at all."""
    block = [nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.GELU()]
    return Case(classifier(*block, nn.Conv2d(6, 6, 3), nn.Tanh(), width=6), images())


def kinds_of_convolution() -> Case:
    """Depthwise, grouped, dilated, circular and transposed convolutions."""
    net = classifier(
        nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=6, padding=2, dilation=2, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 1, groups=2),
        nn.LeakyReLU(),
        nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2),
        nn.ReLU6(),
        width=4,
    )
    return Case(net, images())


def norm_without_affine() -> Case:
    """Batch norm without scale and shift."""
    net = classifier(nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6, affine=False), nn.ReLU(), width=6)
    return Case(net, images())


def norm_without_statistics() -> Case:
    """Batch norm that keeps no running statistics."""
    net = classifier(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, track_running_stats=False), nn.ReLU(), width=6)
    return Case(net, images())


def other_norms() -> Case:
    """Group, instance and layer norm."""
    layers: list[nn.Module] = [nn.Conv2d(3, 6, 1)]
    for norm in (nn.GroupNorm(2, 6), nn.InstanceNorm2d(6, affine=True), nn.LayerNorm([6, 8, 8])):
        layers += [nn.Conv2d(6, 6, 3, padding=1), norm, nn.ReLU()]
    return Case(classifier(*layers, width=6), images())


def norm_of_vectors() -> Case:
    """BatchNorm1d: a batch of one has nothing to normalise over."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 4))
    return Case(net, images(size=4))


class Residual(nn.Module):
    """h += x right after a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = F.relu(self.stem(x))
        h = self.conv(x)
        h += x
        h = F.relu(self.norm(h), inplace=True)
        logits: Tensor = self.head(h.mean((2, 3)))
        return logits


def residual_in_place() -> Case:
    """A sum written over a convolution's output."""
    return Case(Residual(), images())


class Branches(nn.Module):
    """Parallel paths of unequal depth, joined by concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
        self.pool, self.head = nn.MaxPool2d(3, 1, 1), nn.Linear(7 * 4 * 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        joined = torch.cat([self.deep(x), self.pool(x)], 1).relu()
        logits: Tensor = self.head(F.avg_pool2d(joined, 2).flatten(1))
        return logits


def branches() -> Case:
    """Concatenation, and a flattened map in place of global pooling."""
    return Case(Branches(), images())


MAKERS: list[Maker] = [
    conv_bn_relu, functional_relu, inplace_relu, smooth, kinds_of_convolution, norm_without_affine,
    norm_without_statistics, other_norms, norm_of_vectors, residual_in_place, branches,
]  # fmt: skip
