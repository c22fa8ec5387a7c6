"""Networks that change, or whose user has changed something, while they run."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from naslib_zc_plugin.testing.case import Case, Maker, classifier, images
from naslib_zc_plugin.testing.convolutional import conv_bn_relu


class Stateful(nn.Module):
    """Counts, caches, appends and writes in place at each call."""

    average_too: Tensor
    replaced: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)
        self.calls, self.cached = 0, None
        self.history: list[Any] = []
        self.statistics: dict[str, Any] = {"seen": 0, "nested": [{}]}
        self.average = torch.zeros(6)
        self.register_buffer("average_too", torch.ones(6))
        self.register_buffer("replaced", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        features = self.conv(x).relu()
        self.calls += 1
        self.cached = features
        self.history.append(features.shape)
        self.statistics["seen"] += 1
        self.statistics["nested"][0][self.calls] = "seen"
        self.average.add_(1)
        self.average_too.mul_(0.9)
        self.replaced = self.replaced + 1
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


def stateful() -> Case:
    """Attributes, containers, plain tensors and buffers that each call changes."""
    return Case(Stateful(), images())


def hooked() -> Case:
    """A user's own hooks."""
    case, seen = conv_bn_relu(), list[str]()
    case.net.register_forward_pre_hook(lambda *_: seen.append("before"))
    convolution = next(case.net.children())
    convolution.register_forward_hook(lambda *_: seen.append("after"))
    convolution.register_full_backward_hook(lambda *_: seen.append("backward"))
    return case


def eval_mode() -> Case:
    """Some modules in eval mode, gradients held."""
    case = conv_bn_relu()
    for module in list(case.net.children())[1:]:
        module.eval()
    for parameter in case.net.parameters():
        parameter.grad = torch.ones_like(parameter)
    return case


def dropout() -> Case:
    """Noise in train mode."""
    block = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Dropout2d(0.3)]
    return Case(classifier(*block, nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Dropout(0.5), width=6), images())


class Noisy(nn.Module):
    """Draws from all three global generators, and perhaps branches on a value."""

    def __init__(self, branches: bool) -> None:
        super().__init__()
        self.conv, self.head, self.branches = nn.Conv2d(3, 6, 3), nn.Linear(6, 4), branches

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        features = self.conv(x).relu().mean((2, 3))
        scale = random.random() + float(np.random.rand()) + torch.rand(())
        if not self.branches or features.sum().item() > 0:
            features = features * scale + scale
        logits: Tensor = self.head(features)
        return logits


def noisy() -> Case:
    """Noise from global random states."""
    return Case(Noisy(branches=False), images())


def branching() -> Case:
    """The same with control flow on values, which vmap refuses."""
    return Case(Noisy(branches=True), images())


MAKERS: list[Maker] = [stateful, hooked, eval_mode, dropout, noisy, branching]
