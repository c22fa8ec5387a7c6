"""W-PCA: principal components of feed-forward layers, times parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import FORWARD, Bounds, Forward, NotApplicable, Undefined, observation, proxy
from naslib_zc_plugin.observations.activations import CLAMPS, MAXIMA, RELUS, SIGMOIDS, SMOOTH_RELUS, TANHS
from naslib_zc_plugin.observations.layers import parameter_sizes
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps
from naslib_zc_plugin.passes.capture import CONVOLUTIONS, Function
from naslib_zc_plugin.passes.degenerate import all_finite, precise
from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.passes.layer_calls import PRODUCTS
from naslib_zc_plugin.passes.snapshot import undisturbed

ACTIVATIONS: tuple[Function, ...] = (*RELUS, *SMOOTH_RELUS, *SIGMOIDS, *TANHS, *CLAMPS, *MAXIMA)
"""Functions that make an activation, written out or not."""
MIXING: tuple[Function, ...] = (
    *PRODUCTS, *CONVOLUTIONS, torch.einsum, F.scaled_dot_product_attention, F.multi_head_attention_forward,
    F.softmax, torch.softmax, Tensor.softmax,
)  # fmt: skip
"""Functions that no feed-forward network has between its layers."""


def components(states: Tensor, energy: float) -> int:
    """Return how many principal components of the rows of (…, width) hold more than a share of the variance.

    >>> components(torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 0.75)  # variances 4 to 1
    1

    Args:
        states: observations in the last dimension.
        energy: the share.

    Raises:
        Undefined: the states are not finite, or do not vary.
    """
    rows = precise(states).reshape(-1, states.shape[-1])
    if not all_finite(rows):
        raise Undefined("hidden states of a feed-forward layer are not finite")
    centred = rows - rows.mean(0)
    if not bool(centred.abs().amax() > torch.finfo(rows.dtype).eps * rows.abs().amax()):
        raise Undefined("hidden states of a feed-forward layer do not vary")
    # Both products have the same eigenvalues but for zeros.
    product = centred.T @ centred if len(rows) >= rows.shape[1] else centred @ centred.T
    values = torch.linalg.eigvalsh(product.double()).clamp_min(0).flip(0)
    shares = values.cumsum(0) / values.sum()
    return min(int((shares <= energy).sum()) + 1, len(values))


@dataclass
class _Opened:
    """A feed-forward network of which the first layer was called.

    Attributes:
        states: output of that layer, a copy.
        width: of the layer's input.
        active: whether an activation was called since.
    """

    states: Tensor
    width: int
    active: bool = False


# Eigenvalues feel last bits.
@observation(setting=Forward(without_graph=True))
def hidden_components(p: ForwardPass, energy: float = 0.99) -> Steps[list[float]]:
    """Return the principal components of the hidden states of each feed-forward network, over their width: list.

    A feed-forward network is a linear layer on positions, (N, …, width), an activation, perhaps more of both, and a
    linear layer back to the first one's input width. No product of two tensors, softmax or convolution is between.
    Hidden states are outputs of the first layer, over all samples and positions.

    Args:
        p: the pass.
        energy: share of the variance that components must exceed.

    Raises:
        Undefined: states are not finite, or do not vary.
    """
    found: list[float] = []
    opened: list[_Opened] = []

    def layer(call: LayerCall) -> None:
        if call.channel != -1 or call.output.ndim < 3 or not isinstance(call.input, Tensor):
            opened.clear()
            return
        first = opened[0] if opened else None
        if first is None or not first.active:
            opened[:] = [_Opened(call.output.detach().clone(), call.input.shape[-1])]
        elif call.output.shape[-1] == first.width and call.input.shape[:-1] == first.states.shape[:-1]:
            opened.clear()
            with undisturbed():
                found.append(components(first.states, energy) / first.states.shape[-1])

    def activation(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        for first in opened:
            first.active |= isinstance(output, Tensor) and output.shape[:-1] == first.states.shape[:-1]

    def mixing(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        if not any(map(p.is_made_of_weight, tensors([*args, *kwargs.values()]))):  # no layer's own
            opened.clear()

    p.on_layers(layer)
    p.on(MIXING, mixing)
    p.on(ACTIVATIONS, activation)
    yield FORWARD
    p.check_finite()
    return found


@proxy(
    needs=lambda energy: [hidden_components(float(energy)), parameter_sizes()],
    version=1,
    paper="Wang, ICLR 2025",
    higher_is_better=True,
    aliases=["w_pca"],
)
def wpca(
    ratios: list[float], sizes: list[int], *, energy: Annotated[float, Bounds(above=0, most=1, without=1)] = 0.99
) -> float:
    r"""Compute the share of principal components that feed-forward layers use, times the number of parameters.

    :math:`P \cdot \frac{1}{L} \sum_l k_l / d_l`; :math:`k_l`: how many principal components of the hidden states of the
    feed-forward network l, (samples · positions, :math:`d_l`), hold more than 99 % of their variance; P: number of
    parameters. Hidden states: outputs of the first linear layer, before the activation. Higher is better. No labels, no
    gradients. With fewer samples · positions than :math:`d_l` these are a bound of :math:`k_l`.

    Source: ra225/W-PCA, which adds up the k of its BERTs, all of one width, and leaves out the division. Padding counts
    as positions do. Here feed-forward networks are found by what they do, in vision transformers and others as well: a
    linear layer on positions, an activation, and a linear layer back to the width of the first one's input.

    Args:
        ratios: :math:`k_l / d_l`.
        sizes: number of values of each parameter.
        energy: share of the variance.

    Returns:
        The product.

    Raises:
        Undefined: there is no feed-forward network, or hidden states do not vary or are not finite.

    >>> wpca([0.5, 0.25], [100, 60])
    60.0
    """
    if not ratios:
        raise NotApplicable(
            "no feed-forward network was seen: a linear layer on positions, an activation, and a linear layer back to "
            "the first one's width"
        )
    return sum(sizes) * sum(ratios) / len(ratios)
