"""Signed first-order saliency."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, WeightGradients, proxy


@proxy(needs=[WeightGradients()], version=1, paper="Abdelfattah et al., ICLR 2021 (code)", higher_is_better=True)
def plain(layers: list[Layer]) -> float:
    r"""Sum over weights of convolution and linear layers of :math:`W \cdot \partial L/\partial W`, signs kept.

    Higher is better by the field's convention; it ranks poorly. A layer followed by batch norm does not feel its own
    scale, so its exact sum is 0 and what it adds here is rounding. Source: SamsungLabs/zero-cost-nas (in no table of
    the paper).
    """
    return sum((layer.weight * layer.gradient).sum().item() for layer in layers)
