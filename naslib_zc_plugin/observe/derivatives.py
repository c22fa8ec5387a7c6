"""The gradients of one pass, each made once for all that ask; second derivatives where somebody does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from naslib_zc_plugin.observe.batch import Batch
from naslib_zc_plugin.observe.forward import Target
from naslib_zc_plugin.observe.observation import Undefined

SAME_WHEN_RECORDED = frozenset(
    f"{name}Backward{number}"
    for name in (
        "Add Addmm AdaptiveAvgPool2D AvgPool2D Cat Clone Convolution CudnnBatchNorm Div Hardtanh LeakyRelu LogSoftmax "
        "MaxPool2DWithIndices Mean Mm Mul NativeBatchNorm NllLoss NllLoss2D Permute Relu ReshapeAlias Slice Squeeze "
        "Sub Sum T Transpose Unsqueeze UnsafeView View"
    ).split()
    for number in range(3)
) | {"torch::autograd::AccumulateGrad", "AccumulateGrad"}
"""Nodes with a single backward formula. Others (group norm, SiLU …) take another, of other rounding, to be recorded."""


def same_when_recorded(value: Tensor) -> bool:
    """Whether all nodes of the graph behind ``value`` are known to have one backward formula for both purposes."""
    seen: set[Any] = set()
    pending = [value.grad_fn]
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.name() not in SAME_WHEN_RECORDED:
            return False
        pending.extend(following for following, _ in node.next_functions)
    return True


class Gradients:
    """Gradients of a pass's targets, functions of its outputs, by the tensors asked for.

    Attributes:
        shared: whether the gradients of the loss were recorded and so serve :attr:`Target.GRADIENT`, too. They are only
            where that changes no bit of them, for a value must not depend on what else is asked for.
    """

    def __init__(self, outputs: Tensor, batch: Batch, layers: Sequence[Tensor]) -> None:
        self._outputs, self._batch, self._layers = outputs, batch, layers
        self._found: dict[Target, dict[int, Tensor]] = {target: {} for target in Target}
        self._recorded: dict[int, Tensor] = {}
        self._loss_value: Tensor | None = None
        self.shared = False

    def of(self, target: Target, tensor: Tensor) -> Tensor | None:
        """Gradient of ``target`` by a tensor that was asked for; None where it does not reach."""
        return self._found[target].get(id(tensor))

    def make(self, target: Target, wanted: Sequence[Tensor], last: bool) -> None:
        """Differentiate ``target`` by all of ``wanted``; after the ``last`` target the graph is freed."""
        value = self._value(target)
        self.shared |= target is Target.LOSS and not last and same_when_recorded(value)
        record = self.shared and target is Target.LOSS
        tensors = [*wanted, *self._layers] if record else wanted
        found = self._by(value, tensors, record, retain_graph=not last)
        self._found[target] = {key: gradient.detach() for key, gradient in found.items()}
        if record:
            self._recorded = found

    def _value(self, target: Target) -> Tensor:
        if target is Target.OUTPUTS:
            return self._outputs.sum()
        if target is Target.LOSS:
            return self._loss()
        if not self._recorded:
            self._recorded = self._by(self._loss(), self._layers, record=True, retain_graph=True)
        gradients = [self._recorded[id(weight)] for weight in self._layers if id(weight) in self._recorded]
        products = [(gradient.detach() * gradient).sum() for gradient in gradients]
        return torch.stack(products).sum() if products else self._loss().detach()

    def _loss(self) -> Tensor:
        if self._loss_value is None:
            self._loss_value = self._batch.objective()(self._outputs, self._batch.labels)
        if not bool(torch.isfinite(self._loss_value).all()):
            raise Undefined("the loss is not finite")
        return self._loss_value

    def _by(self, value: Tensor, tensors: Sequence[Tensor], record: bool, retain_graph: bool) -> dict[int, Tensor]:
        if not value.requires_grad:
            return {}
        distinct = list({id(tensor): tensor for tensor in tensors}.values())
        found = torch.autograd.grad(value, distinct, None, retain_graph, record, allow_unused=True)
        return {id(tensor): gradient for tensor, gradient in zip(distinct, found) if gradient is not None}
