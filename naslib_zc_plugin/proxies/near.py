"""NEAR: network expressivity by activation rank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import FORWARD, Forward, NotApplicable, Undefined, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps
from naslib_zc_plugin.passes.capture import Function
from naslib_zc_plugin.passes.degenerate import all_finite, precise
from naslib_zc_plugin.passes.snapshot import undisturbed

ACTIVATIONS = ("relu", "gelu", "sigmoid", "tanh")
NORMS: dict[Function, int] = {
    **dict.fromkeys((F.batch_norm, F.group_norm, F.instance_norm), 1),
    **dict.fromkeys((F.layer_norm, getattr(F, "rms_norm", F.layer_norm)), -1),
}
"""Norms, and the dimension of their output's channels."""


def effective_rank(matrix: Tensor) -> float:
    r"""Return :math:`\exp H`, H the entropy of the singular values over their sum; 0 for zeros.

    >>> round(effective_rank(torch.eye(5)), 4), effective_rank(torch.zeros(2, 2))
    (5.0, 0.0)
    """
    values = torch.linalg.svdvals(matrix).double()
    total = values.sum()
    return float(torch.special.entr(values / total).sum().exp()) if bool(total > 0) else 0.0


def first_square(output: Tensor, channel: int) -> Tensor:
    """Return the first rows, as many as there are channels, of an output as (samples · positions, channels).

    >>> first_square(torch.arange(12.0).reshape(1, 2, 2, 3), 1)
    tensor([[0., 6.],
            [1., 7.]])
    """
    width = output.shape[channel]
    positions = output[:1].numel() // width
    needed = output[: -(-width // max(1, positions))].movedim(channel, -1)
    return needed.reshape(-1, width)[:width]


# Singular values feel last bits.
@observation(setting=Forward(without_graph=True))
def output_ranks(p: ForwardPass) -> Steps[list[float]]:
    """Return the effective rank of the output of each layer, norm and activation, call by call: list of float.

    Raises:
        Undefined: an output is not finite.
    """
    found: list[float] = []
    channels = [-1]  # where the last layer or norm has them, and so activations after it

    def add(output: Any, channel: int, what: str) -> None:
        if not isinstance(output, Tensor) or output.ndim < 2 or not output.is_floating_point() or not output.numel():
            return
        channels[0] = channel if output.ndim > 2 else channels[0]
        with undisturbed():
            square = precise(first_square(output.detach(), channel))
            if not all_finite(square):
                raise Undefined(f"the output of {what} is not finite")
            found.append(effective_rank(square))

    def layer(call: LayerCall) -> None:
        add(call.output, call.channel, f"the layer of {call.name}")

    def norm(function: Function) -> Callable[..., None]:
        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
            if isinstance(output, Tensor) and not p.is_made_of_weight(output):
                add(output, NORMS[function], "a norm")

        return seen

    def activation(output: Tensor) -> None:
        if p.is_made_of_weight(output):  # of a layer that quantises its weight
            return
        add(output, channels[0] if output.ndim > 2 else -1, "an activation")

    p.on_layers(layer)
    for function in NORMS:
        p.on([function], norm(function))
    for kind in ACTIVATIONS:
        p.on(kind, activation)
    yield FORWARD
    p.check_finite()
    return found


@proxy(needs=[output_ranks()], version=1, paper="Husistein et al., 2024", higher_is_better=True)
def near(ranks: list[float]) -> float:
    r"""Compute the sum of the effective ranks of all outputs before and after activations.

    :math:`\sum_l \exp H(\sigma^{(l)} / \sum_i \sigma^{(l)}_i)`; H: entropy; :math:`\sigma^{(l)}`: singular values of
    the output l as a matrix (samples · positions, channels), of which as many rows as channels are taken, the first.
    Outputs: of convolution and linear layers, of norms, and of ReLU, GELU, sigmoid, tanh and their like; every call
    counts. Each adds at most its channels. Higher is better. No labels, no gradients. Of outputs with positions the
    first samples are enough; of vectors each row is a sample: take as many as the widest has channels.

    Source: ReiherGroup/NEAR, which sees modules alone (embeddings too), begins at a random row, takes rows of more
    batches where one has too few, and its rows of images go down before they go right; sequences it does not take. It
    can set weights anew: here those that the network holds are scored. A matrix of zeros has rank 0, as there.

    Args:
        ranks: effective rank of each output.

    Returns:
        The sum.

    Raises:
        Undefined: nothing was seen, all outputs are zeros, or one is not finite.

    >>> near([2.5, 4.0])
    6.5
    """
    if not ranks:
        raise NotApplicable("no layer, norm or activation was seen")
    if not any(ranks):
        raise Undefined("all outputs are zeros")
    return sum(ranks)
