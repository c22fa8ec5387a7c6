"""Layers as another distribution would write them: what they make of their weight, and how they multiply with it.

Torch's functions are imported by name, and none of them is called as a package of proxies would expect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, linear, unfold
from torch.nn.utils import prune

Change = Callable[[Any, Tensor], Tensor]
"""(layer, its weight so far) → the weight that it goes on with."""


# In every forward run --------------------


def mask(layer: Any, weight: Tensor) -> Tensor:
    return weight * layer.mask


def cut(layer: Any, weight: Tensor) -> Tensor:
    return weight[: layer.wanted[0], : layer.wanted[1]]


def standardise(layer: Any, weight: Tensor) -> Tensor:
    flat = weight.flatten(1)
    scaled = (flat - flat.mean(1, keepdim=True)) / (flat.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return scaled.view_as(weight) * 0.3


def standardise_by_batch_norm(layer: Any, weight: Tensor) -> Tensor:
    scale = weight.new_full((len(weight),), 0.3)
    rows = batch_norm(weight.reshape(1, len(weight), -1), None, None, scale, training=True, momentum=0.0)
    return rows.reshape_as(weight)


def quantise(layer: Any, weight: Tensor) -> Tensor:
    return weight + ((weight * 16).round() / 16 - weight).detach()


class StraightThrough(torch.autograd.Function):
    """Rounding with the derivative of the identity."""

    @staticmethod
    def forward(context: Any, weight: Tensor) -> Tensor:
        return (weight * 16).round() / 16

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient


def quantise_by_function(layer: Any, weight: Tensor) -> Tensor:
    return StraightThrough.apply(weight)  # type: ignore[no-any-return]


# Layers --------------------


class Changing:
    """A layer that multiplies with something made of its weight.

    Attributes:
        changes: what is made of it, one after another.
        wanted: output and input channels that are used.
        narrow: whether it multiplies in single precision, and returns that of its input.
        single: whether it returns single precision.
        product: name of the way in which it multiplies.
        held: a weight that was made before, in the place of its own.
    """

    weight: Tensor
    bias: Tensor | None

    def prepare(self, changes: tuple[Change, ...], wanted: tuple[int, int], product: str, precision: str) -> None:
        """Set the attributes, and draw a mask where one is needed."""
        self.changes, self.wanted, self.product, self.precision = changes, wanted, product, precision
        self.held: Tensor | None = None
        weight = self.weight.detach()
        for change in changes:
            if change is mask:
                kept = torch.arange(weight.numel()).reshape(weight.shape) % 3 > 0
                self.register_buffer("mask", kept.to(weight.dtype))  # type: ignore[attr-defined]
            weight = change(self, weight)

    def used(self) -> Tensor:
        """Return the weight that it multiplies with."""
        if self.held is not None:
            return self.held
        weight = self.weight
        for change in self.changes:
            weight = change(self, weight)
        return weight

    def used_bias(self) -> Tensor | None:
        """Return the part of the bias that is used."""
        return None if self.bias is None else self.bias[: self.wanted[0]]

    def forward(self, x: Tensor) -> Tensor:
        """Return the output."""
        weight, bias = self.used(), self.used_bias()
        if self.precision == "own":
            return self.multiplied(x, weight, bias)
        output = self.multiplied(x.float(), weight.float(), None if bias is None else bias.float())
        return output if self.precision == "single" else output.to(x.dtype)

    def multiplied(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the product with the weight, plus the bias."""
        raise NotImplementedError


class Convolution(Changing, nn.Conv2d):
    """A convolution with a window of 3 × 3 that keeps the map's size."""

    def multiplied(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.product != "transposed":
            return conv2d(x, weight, bias, self.stride, self.padding)
        columns = weight.flatten(1) @ unfold(x, 3, padding=1)
        return columns.reshape(len(x), len(weight), *x.shape[2:]) + (0 if bias is None else bias[:, None, None])


class Dense(Changing, nn.Linear):
    """A linear layer."""

    def multiplied(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.product == "transposed":
            return x @ weight.T + (0 if bias is None else bias)
        if self.product == "einsum":
            return torch.einsum("...i,oi->...o", x, weight) + (0 if bias is None else bias)
        if self.product == "addmm":
            assert bias is not None
            return torch.addmm(input=bias, mat1=x.flatten(0, -2), mat2=weight.t()).reshape(*x.shape[:-1], len(weight))
        return linear(x, weight, bias)


# Ways of calling a layer --------------------


def by_itself(layer: Any, x: Tensor) -> Tensor:
    return layer(x)  # type: ignore[no-any-return]


def by_parent(layer: Any, x: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return conv2d(x, layer.used(), bias=layer.used_bias(), padding=1)
    return linear(x, layer.used(), layer.used_bias())


def by_parent_transposed(layer: Any, x: Tensor) -> Tensor:
    return by_parent(layer, x) if isinstance(layer, nn.Conv2d) else torch.matmul(x, layer.used().t())


@torch.jit.script
def scripted_relu(x: Tensor) -> Tensor:
    return torch.relu(x + 0.0)


@torch.jit.script
def scripted_conv(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.conv2d(x, weight, bias, padding=1)


@torch.jit.script
def scripted_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.nn.functional.linear(x, weight, bias)


def by_script(layer: Any, x: Tensor) -> Tensor:
    function = scripted_conv if isinstance(layer, nn.Conv2d) else scripted_linear
    return function(x, layer.used(), layer.used_bias())  # type: ignore[no-any-return]


# Weights that are computed from what is stored --------------------


class Scaled(nn.Module):
    """A parametrization: one learned factor per output channel."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.linspace(0.5, 1.5, len(weight), dtype=weight.dtype))

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.factor.reshape(-1, *[1] * (weight.ndim - 1))


class LowRank(nn.Module):
    """A parametrization: something of rank one is added, as adapters do."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        rows, columns = weight.flatten(1).shape
        self.up = nn.Parameter(torch.linspace(-0.3, 0.4, rows, dtype=weight.dtype)[:, None])
        self.down = nn.Parameter(torch.linspace(0.2, -0.5, columns, dtype=weight.dtype)[None])

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view_as(weight)


class EveryFourth(prune.BasePruningMethod):
    """A pruning method of one's own."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        kept = default_mask.clone()
        kept.view(-1)[::4] = 0
        return kept
