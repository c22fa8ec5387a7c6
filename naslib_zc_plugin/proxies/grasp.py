"""GraSP: preservation of the gradient flow."""

from __future__ import annotations

from naslib_zc_plugin.extend import HessianTimesGradient, Layer, proxy


@proxy(
    needs=[HessianTimesGradient()],
    version=1,
    paper="Wang et al., ICLR 2020; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def grasp(layers: list[Layer]) -> float:
    r"""Sum over weights of convolution and linear layers of :math:`-W \cdot (H g)`.

    g: the loss gradient, H: its Hessian, both over these weights, both from the one batch, temperature 1. Higher is
    better in use: the sign is that of SamsungLabs/zero-cost-nas, which negates once more than Wang et al. (they keep
    low values when pruning). Large terms cancel: expect agreement to 1e-3 of the sum of their sizes, and differences
    between numbers of threads.
    """
    return -sum((layer.weight * layer.gradient).sum().item() for layer in layers)
