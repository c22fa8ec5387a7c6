"""Signed first-order saliency."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, proxy, weight_gradients


@proxy(needs=[weight_gradients()], version=1, paper="Abdelfattah et al., ICLR 2021 (code)", higher_is_better=True)
def plain(layers: list[Layer]) -> float:
    r"""Compute the sum of weight × gradient.

    :math:`W \cdot \partial L/\partial W` over weights of convolution and linear layers, signs kept. Higher is better by
    the field's convention; it ranks poorly. A layer followed by batch norm does not feel its own scale, so its exact
    sum is 0 and what it adds here is rounding.

    Source: SamsungLabs/zero-cost-nas (in no table of the paper).

    Args:
        layers: each with its weight and the loss gradient.

    Returns:
        The sum.

    >>> import torch
    >>> plain([Layer("head", torch.tensor([1.0, 2.0]), torch.tensor([-3.0, 1.0]))])
    -1.0
    """
    return sum((layer.weight * layer.gradient).sum().item() for layer in layers)
