"""GraSP: preservation of the gradient flow."""

from __future__ import annotations

from naslib_zc_plugin.extend import Layer, hessian_times_gradient, proxy


@proxy(
    needs=[hessian_times_gradient()],
    version=1,
    paper="Wang et al., ICLR 2020; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def grasp(layers: list[Layer]) -> float:
    r"""Compute the sum of −weight × Hessian × gradient.

    Sum over weights of convolution and linear layers of :math:`-W \cdot (H g)`; g: the loss gradient, H: its Hessian,
    both over these weights, both from the one batch, temperature 1. Higher is better in use. Large terms cancel:
    expect agreement to 1e-3 of the sum of their sizes, and differences between numbers of threads.

    Source: SamsungLabs/zero-cost-nas, whose sign is taken: it negates once more than Wang et al. (they keep low values
    when pruning).

    Args:
        layers: each with its weight, and H·g as its gradient.

    Returns:
        The sum.

    >>> import torch
    >>> grasp([Layer("head", torch.tensor([1.0, 2.0]), torch.tensor([-3.0, 1.0]))])
    1.0
    """
    return -sum((layer.weight * layer.gradient).sum().item() for layer in layers)
