"""Oracles of proxies that differentiate by the weights for each sample alone."""

from __future__ import annotations

import math
from typing import Any

import torch
from architectures_reference import Absent, Reference, gradients, tree, weights
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm


class Contiguous(torch.autograd.Function):
    """Pass the output on, and its gradient as a contiguous tensor.

    For a batch of one torch (2.13, on the CPU) differentiates batch norm wrongly where the gradient comes as tokens.
    """

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        """Return the same values."""
        return x.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        """Return the same values in another order in memory."""
        return gradient.contiguous()


def alone(ref: Reference, index: int) -> tuple[Tensor, list[Tensor]]:
    """Return a sample's logits, a batch of one in train mode, and the weights of the network that gave them."""
    net = ref.net()
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            module.register_forward_hook(lambda module, args, output: Contiguous.apply(output))
    try:
        logits = ref.logits(net, tree(lambda x: x[index : index + 1], ref.inputs))
    except ValueError as error:
        raise Absent(f"batch norm of one value: {error}") from error
    return logits, weights(net)


def sample_signs(ref: Reference) -> Tensor:
    """Return the signs of each sample's gradient."""
    rows = []
    for index in range(ref.samples):
        logits, by = alone(ref, index)
        found = gradients(ref.loss(logits, ref.labels[index : index + 1]), by)
        rows.append(torch.cat([g.flatten().sign().to(torch.int8) for g in found]))
    return torch.stack(rows)


def ntk_trace(ref: Reference) -> float:
    """Take the norm of the gradient of each sample's logit of its class."""
    total = 0.0
    for index, label in enumerate(ref.labels):
        logits, by = alone(ref, index)
        if logits.ndim != 2 or label.ndim:
            raise Absent("not one class for each sample")
        total += sum(g.double().square().sum().item() for g in gradients(logits[0, label], by))
    return math.sqrt(total / ref.samples)


def gradsign(ref: Reference) -> float:
    """Add up the signs."""
    signs: Tensor = ref.once("signs", lambda: sample_signs(ref))
    return float(signs.sum(0).abs().sum().item())


def _grams(ref: Reference) -> list[Tensor]:
    if ref.labels.ndim != 1:
        raise Absent("no classes")
    signs = ref.once("signs", lambda: sample_signs(ref))
    members = [signs[ref.labels == label].double() for label in ref.labels.unique()]
    return [rows @ rows.T for rows in members]


def gradalign1(ref: Reference) -> float:
    """Average the Gram matrices of classes."""
    return sum(gram.mean().item() for gram in _grams(ref)) / len(ref.labels.unique())


def gradalign2(ref: Reference) -> float:
    """Average the logarithms of their determinants."""
    return sum(torch.logdet(gram).item() for gram in _grams(ref)) / len(ref.labels.unique())
