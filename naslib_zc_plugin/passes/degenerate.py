"""Numbers that do not exist or are only rounding: ``Undefined``, and the checks of outputs, sums and gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Undefined(Exception):
    """The quantity does not exist for this network and batch (no ReLU, a singular kernel); the message has the reason.

    >>> raise Undefined("no ReLU was seen")
    Traceback (most recent call last):
    naslib_zc_plugin.passes.degenerate.Undefined: no ReLU was seen
    """


class NotApplicable(Undefined):
    """The definition does not cover this kind of network or batch (no such layers, no labels): it says nothing of it.

    Where networks are compared, an undefined score is the worst, and one that is not applicable is no score at all.
    """


def precise(values: Tensor) -> Tensor:
    """Return values of half precision in single precision, in which they can be compared; others as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def in_precision(held: torch.dtype, precision: torch.dtype) -> torch.dtype:
    """Return the type of real or complex numbers of a precision that stands for another; others as they are.

    >>> in_precision(torch.complex64, torch.float64), in_precision(torch.int64, torch.float64)
    (torch.complex128, torch.int64)
    """
    return precision if held.is_floating_point else precision.to_complex() if held.is_complex else held


def cancels(values: Tensor) -> bool:
    """Return whether the features, (…, features), add up to nothing at every position."""
    if values.ndim < 2 or values.shape[-1] < 2 or values.stride(-1) == 0:  # one feature in the place of all
        return False
    # A layer norm's output is off by its own rounding, which in half precision is the most of it.
    within = max(1e-5, torch.finfo(values.dtype).eps) if values.is_floating_point() else 1e-5
    exact = precise(values.detach())
    sums, sizes = exact.sum(-1).abs(), exact.abs().sum(-1)
    return bool((sizes > 0).any()) and bool(((sums <= within * sizes) & sizes.isfinite()).all())


def check_sum(outputs: Tensor) -> None:
    """Check that the sum of a network's outputs, (N, …, features), is no constant.

    >>> check_sum(torch.tensor([[1.0, 2.0], [3.0, -4.0]]))

    Raises:
        Undefined: the outputs of each position add up to nothing.
    """
    if cancels(outputs):
        raise NotApplicable(
            "the outputs add up to nothing at every position (a layer norm comes last): their sum has no gradient but "
            "rounding. Pass logits= a head's output, or a loss where the proxy takes one"
        )


def check_features(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
    """Check, as the handler of a linear layer of equal weights, that the features that it sums do not vanish.

    Raises:
        Undefined: they add up to nothing.
    """
    if cancels(args[0] if args else kwargs["input"]):
        raise NotApplicable("equal weights add up the features of a layer norm, which gives nothing but rounding")
    return output


def all_finite(values: Tensor) -> bool:
    """Return whether all values are finite: by the extremes, which need no memory beside them (NaN is both)."""
    if values.is_complex() or not values.numel():
        return bool(torch.isfinite(values).all())
    return all(bool(torch.isfinite(extreme)) for extreme in torch.aminmax(values.detach()))


SAME_WHEN_RECORDED = frozenset(
    f"{name}Backward{number}"
    for name in (
        "Add Addmm AdaptiveAvgPool2D AvgPool2D Cat Clone Convolution CudnnBatchNorm Div Hardtanh LeakyRelu LogSoftmax "
        "MaxPool2DWithIndices Mean Mm Mul NativeBatchNorm NllLoss NllLoss2D Permute Relu ReshapeAlias Slice Squeeze "
        "Sub Sum T Transpose Unsqueeze UnsafeView View"
    ).split()
    for number in range(3)
) | {
    *("torch::autograd::AccumulateGrad", "AccumulateGrad"),
    *("_TwiceConvolutionBackward", "_TwiceBatchNormBackward", "_TwiceReLUBackward"),
}
"""Nodes with a single backward formula. Others (group norm, SiLU …) take another, of other rounding, to be recorded."""


def same_when_recorded(value: Tensor) -> bool:
    """Return whether all nodes of the graph behind ``value`` are known to have one backward formula for both."""
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
