"""Norm of the loss gradient."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, proxy, weight_gradients


@proxy(
    needs=[weight_gradients()],
    version=1,
    paper="Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
    aliases=["gradnorm"],
)
def grad_norm(layers: list[Layer]) -> float:
    r"""Compute the sum over layers of the norm of the loss gradient.

    :math:`\sum_l \|\partial L/\partial W_l\|_2` over convolution and linear layers. Higher is better. Layers that the
    loss does not reach add nothing. The norm of the whole gradient, which ZenNAS's copy ranks by, is another number.

    Source: SamsungLabs/zero-cost-nas; where that code runs out of memory it sums over split batches, which changes the
    value: here the batch is never split.

    Args:
        layers: each with its weight and the loss gradient.

    Returns:
        The sum.

    >>> import torch
    >>> grad_norm([Layer("head", torch.zeros(2), torch.tensor([3.0, 4.0]))])
    5.0
    """
    return sum(float(layer.gradient.norm()) for layer in layers)
