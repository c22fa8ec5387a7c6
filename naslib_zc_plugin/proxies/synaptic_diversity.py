"""Synaptic diversity."""

from __future__ import annotations

from typing import Literal

from naslib_zc_plugin.extend import Layer, proxy
from naslib_zc_plugin.observations.gradients import scalar_gradients
from naslib_zc_plugin.observations.layers import ATTENTION, linear_layers
from naslib_zc_plugin.proxies._formulas import Patterns, diversity, several


@proxy(
    needs=scalar_gradients,
    version=1,
    paper="Zhou et al., CVPR 2022; Serianni & Kalita, ACL 2023",
    higher_is_better=True,
)
def synaptic_diversity(
    found: list[Layer],
    *,
    layers: Patterns = ATTENTION,
    of: Literal["outputs", "loss"] = "outputs",
    rounding: bool = False,
    average: bool = False,
) -> float:
    r"""Compute the product of the nuclear norms of attention's weights and of their gradients.

    :math:`\|W\|_{nuc} \cdot \|\partial S/\partial W\|_{nuc}`, summed over linear layers of attention. Nuclear norms:
    sums of singular values; S: the sum of the outputs. Layers: all linear ones of attention blocks, output
    projections included. Higher is better.

    Source: aaronserianni/training-free-nas, whose published values are rounding (its networks end with a layer norm):
    take ``rounding=True`` for them.

    Args:
        found: each layer with its weight and gradient.
        layers: shell-style patterns of the modules' names.
        of: the value to differentiate: the sum of the outputs, or the loss.
        rounding: score gradients that are only rounding, too.
        average: return the mean over layers (that code's "normalized") instead of the sum.

    Returns:
        The sum or the mean.

    Raises:
        Undefined: no layer is named so, or a layer norm ends the network: its outputs add up to a constant, whose
            gradient is nothing but rounding.

    >>> import torch
    >>> synaptic_diversity([Layer("attention.query.weight", torch.eye(2), torch.tensor([[3.0, 0.0], [0.0, 1.0]]))])
    8.0
    """
    chosen = linear_layers(found, several(layers))
    return diversity(chosen) / (len(chosen) if average else 1)
