"""Networks whose outputs, layers or batches are out of the ordinary."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.testing.case import Case, Maker, images
from naslib_zc_plugin.testing.convolutional import conv_bn_relu


class Dead(nn.Module):
    """A convolution whose output is multiplied by zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, the same for every sample."""
        logits: Tensor = self.head(F.relu(self.norm(self.conv(x) * 0)).mean((2, 3)))
        return logits


def dead() -> Case:
    """Outputs that do not depend on the input."""
    return Case(Dead(), images())


class TwoOutputs(nn.Module):
    """Returns features beside the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits."""
        features = self.body(x).mean((2, 3))
        return features, self.head(features)


def two_outputs() -> Case:
    """The second output is the logits."""
    return Case(TwoOutputs(), images(), logits=1)


def no_parameters() -> Case:
    """Nothing to learn."""
    return Case(nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()), images())


class Bare(nn.Module):
    """Parameters of its own, no convolution or linear module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 48))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return F.linear(x.flatten(1).relu(), self.weight)


def bare_parameters() -> Case:
    """No layer in the sense of the proxies."""
    return Case(Bare(), images(size=4))


def one_sample() -> Case:
    """A batch of one."""
    return Case(conv_bn_relu().net, images(samples=1))


MAKERS: list[Maker] = [dead, two_outputs, no_parameters, bare_parameters, one_sample]
