"""Layers of constant weights on runs of equal channels: one output channel each, whatever their width."""

from __future__ import annotations

from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.observe.runs import Constant, Runs, Unknown


def _convolution(function: Callable[..., Tensor]) -> Callable[..., Any]:
    def convolve(
        input: Tensor,
        weight: Tensor,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        """One output channel per variant: the sum over the input's runs, each times its count, times the constant."""
        if not isinstance(weight, Constant):
            return function(input, weight, bias, stride, padding, dilation, groups)
        variants, kernel = len(weight.constants), weight.shape[2:]
        if input.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
            raise Unknown("channels that do not fit")
        if groups > 1:
            return _grouped(function, input, weight, stride, padding, dilation, groups)
        if isinstance(input, Runs):
            counts = torch.tensor(input.counts, dtype=input.dtype, device=weight.constants.device)
            thin = (weight.constants[:, None] * counts).reshape(variants, len(counts), *[1] * len(kernel))
            data, together = input.data_, variants
        else:
            thin = weight.constants.reshape(variants, 1, *[1] * len(kernel)).expand(
                variants, weight.shape[1], *[1] * len(kernel)
            )
            data, together = input, 1
        output = function(
            data, thin.expand(*thin.shape[:2], *kernel).contiguous(), None, stride, padding, dilation, together
        )
        return Runs(output, (weight.shape[0],), variants)

    return convolve


def _grouped(function: Callable[..., Tensor], input: Tensor, weight: Constant, *args: Any) -> Runs:
    """Groups of equal channels, or single channels (depthwise): each run for itself."""
    stride, padding, dilation, groups = args
    variants, kernel, per_group = len(weight.constants), weight.shape[2:], weight.shape[1]
    if not isinstance(input, Runs) or (per_group > 1 and len(input.counts) > 1):
        raise Unknown("a grouped convolution over different channels")
    runs = len(input.counts)
    thin = (weight.constants * per_group).repeat_interleave(runs).reshape(-1, 1, *[1] * len(kernel))
    output = function(
        input.data_, thin.expand(-1, 1, *kernel).contiguous(), None, stride, padding, dilation, variants * runs
    )
    multiple = weight.shape[0] // groups
    counts = tuple(count * multiple for count in input.counts) if runs > 1 else (weight.shape[0],)
    return Runs(output, counts, variants)


def _linear(input: Tensor, weight: Tensor, bias: Any = None) -> Any:
    if not isinstance(weight, Constant):
        return F.linear(input, weight, bias)
    if input.ndim != 2 or input.shape[1] != weight.shape[1]:
        raise Unknown("a linear layer on more than two dimensions, or on features that do not fit")
    if isinstance(input, Runs):
        counts = torch.tensor(input.counts, dtype=input.dtype, device=input.device)
        sums = (input.split_runs() * counts).sum(2)
    else:
        sums = input.sum(1, keepdim=True)
    return Runs(sums * weight.constants, (weight.shape[0],), len(weight.constants))


def _batch_norm(
    input: Tensor,
    mean: Any,
    variance: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Every run by its own statistics, which are those of its channels; the scale is the constant, the shift 0."""
    sizes = {len(tensor) for tensor in (mean, variance, weight, bias) if tensor is not None}
    if not isinstance(input, Runs) or sizes - {input.shape[1]}:
        raise Unknown("a norm of something else than runs, or of channels that do not fit")
    scale = None if weight is None else weight.constants.repeat_interleave(len(input.counts))
    return input.like(F.batch_norm(input.data_, None, None, scale, None, True, momentum, eps))


LAYERS_ON_RUNS: dict[Callable[..., Any], Callable[..., Any]] = {
    F.conv1d: _convolution(F.conv1d),
    F.conv2d: _convolution(F.conv2d),
    F.conv3d: _convolution(F.conv3d),
    F.linear: _linear,
    F.batch_norm: _batch_norm,
}
"""Layers on runs, with every bias 0."""
