"""Norm of the loss gradient."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, WeightGradients, proxy


@proxy(needs=[WeightGradients()], version=1, paper="Abdelfattah et al., ICLR 2021", higher_is_better=True)
def grad_norm(layers: list[Layer]) -> float:
    r"""Sum over weight layers of the loss gradient's norm, :math:`\sum_l \|\partial L/\partial W_l\|_2`.

    Over convolution and linear layers. Higher is better. Layers that the loss does not reach add nothing. The norm of
    the whole gradient, which ZenNAS's copy ranks by, is another number. Source: SamsungLabs/zero-cost-nas; where that
    code runs out of memory it sums over split batches, which changes the value: here the batch is never split.
    """
    return sum(float(layer.gradient.norm()) for layer in layers)
