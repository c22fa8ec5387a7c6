"""SNIP: connection sensitivity."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, WeightGradients, proxy


@proxy(
    needs=[WeightGradients()],
    version=1,
    paper="Lee et al., ICLR 2019; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def snip(layers: list[Layer]) -> float:
    r"""Sum over weights of convolution and linear layers of :math:`|W \cdot \partial L/\partial W|`.

    That is the loss's sensitivity to each connection, :math:`|\partial L/\partial m|` for masks m = 1. Higher is
    better. Source: SamsungLabs/zero-cost-nas; Lee et al. divide by the total, which pruning needs and ranking does
    not.
    """
    return sum((layer.weight * layer.gradient).abs().sum().item() for layer in layers)
