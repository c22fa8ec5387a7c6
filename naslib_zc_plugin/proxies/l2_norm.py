"""Norm of the weights."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, proxy
from naslib_zc_plugin.observations.layers import layer_weights


@proxy(
    needs=[layer_weights()],
    version=1,
    paper="Abdelfattah et al., ICLR 2021 (code)",
    higher_is_better=True,
    aliases=["l2norm"],
)
def l2_norm(layers: list[Layer]) -> float:
    r"""Compute the sum over layers of the norm of the weight.

    :math:`\sum_l \|W_l\|_2` over convolution and linear layers; no data. Higher is better by the field's convention.
    Layers that the network holds but does not use count.

    Source: SamsungLabs/zero-cost-nas, as NASLib and NAS-Bench-Suite-Zero run it.

    Args:
        layers: each with its weight.

    Returns:
        The sum.

    >>> import torch
    >>> l2_norm([Layer("head", torch.tensor([3.0, 4.0]), torch.zeros(2))])
    5.0
    """
    return sum(float(layer.weight.norm()) for layer in layers)
