"""GraSP: preservation of the gradient flow."""

from __future__ import annotations

from torch import Tensor

import naslib_zc_plugin.observations.quick_derivatives  # noqa: F401  (H·W is made by them)
from naslib_zc_plugin.extend import FORWARD, Grad, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps
from naslib_zc_plugin.passes.degenerate import precise
from naslib_zc_plugin.passes.inputs import as_real


@observation(labels=True, order=2)
def curvature_along_weights(p: ForwardPass) -> Steps[list[tuple[Tensor, Tensor]]]:
    """Return the loss gradient g, and H·W, the loss's Hessian times the weights, of each layer: (g, H·W), shaped as W.

    Raises:
        Undefined: there is no layer, or the loss is not finite.
    """
    yield FORWARD
    gradients, products = yield Grad("loss", p.layers), Grad("hessian_weights", p.layers)
    return [(as_real(gradient), as_real(product)) for gradient, product in zip(gradients, products)]


@proxy(
    needs=[curvature_along_weights()],
    version=1,
    paper="Wang et al., ICLR 2020; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def grasp(layers: list[tuple[Tensor, Tensor]]) -> float:
    r"""Compute the sum of −weight × Hessian × gradient.

    Sum over weights of convolution and linear layers of :math:`-W \cdot (H g)`; g: the loss gradient, H: its Hessian,
    both over these weights, both from the one batch, temperature 1. Higher is better in use. Large terms cancel:
    expect agreement to 1e-3 of the sum of their sizes, and differences between numbers of threads.

    H is symmetric: the sum is made as :math:`-g \cdot (H W)`. Along the weights themselves most of what a convolution's
    second derivative needs has been made before.

    Source: SamsungLabs/zero-cost-nas, whose sign is taken: it negates once more than Wang et al. (they keep low values
    when pruning).

    Args:
        layers: of each the loss gradient g, and H·W, of equal shapes.

    Returns:
        The sum.

    >>> import torch
    >>> grasp([(torch.tensor([1.0, 2.0]), torch.tensor([-3.0, 1.0]))])
    1.0
    """
    return -sum((precise(gradient) * precise(product)).sum().item() for gradient, product in layers)
