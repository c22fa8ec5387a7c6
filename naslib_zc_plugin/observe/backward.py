"""Whether a backward run gives the same bits when it is itself recorded for a second one."""

from __future__ import annotations

from typing import Any

from torch import Tensor

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
