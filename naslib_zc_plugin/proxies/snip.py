"""SNIP: connection sensitivity."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, proxy, weight_gradients
from naslib_zc_plugin.proxies._formulas import saliency


@proxy(
    needs=[weight_gradients()],
    version=1,
    paper="Lee et al., ICLR 2019; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def snip(layers: list[Layer]) -> float:
    r"""Compute the sum of \|weight × gradient\|.

    :math:`|W \cdot \partial L/\partial W|` over weights of convolution and linear layers. That is the loss's
    sensitivity to each connection, :math:`|\partial L/\partial m|` for masks m = 1. Higher is better.

    Source: SamsungLabs/zero-cost-nas; Lee et al. divide by the total, which pruning needs and ranking does not.

    Args:
        layers: each with its weight and the loss gradient.

    Returns:
        The sum.

    >>> import torch
    >>> snip([Layer("head", torch.tensor([1.0, 2.0]), torch.tensor([-3.0, 1.0]))])
    5.0
    """
    return saliency(layers)
