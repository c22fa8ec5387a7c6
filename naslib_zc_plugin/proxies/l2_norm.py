"""Norm of the weights."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, Weights, proxy


@proxy(needs=[Weights()], version=1, paper="Abdelfattah et al., ICLR 2021 (code)", higher_is_better=True)
def l2_norm(layers: list[Layer]) -> float:
    r"""Sum over convolution and linear layers of the Euclidean norm of the weight, :math:`\sum_l \|W_l\|_2`; no data.

    Higher is better by the field's convention. Layers that the network holds but does not use count. Source:
    SamsungLabs/zero-cost-nas, as NASLib and NAS-Bench-Suite-Zero run it.
    """
    return sum(float(layer.weight.norm()) for layer in layers)
