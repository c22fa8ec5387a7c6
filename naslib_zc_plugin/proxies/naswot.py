"""NASWOT, also known as the ReLU score."""

from __future__ import annotations

import torch
from torch import Tensor

from naslib_zc_plugin.extend import ActivationKernel, Undefined, proxy


def log_determinant(kernel: Tensor, codes: str) -> float:
    """Logarithm of the absolute determinant of a kernel, (N, N).

    Raises:
        Undefined: it is singular, or so nearly that its determinant is nothing but rounding; ``codes`` says of what.
    """
    pivots = torch.linalg.lu_factor_ex(kernel).LU.diagonal().abs()
    smallest, largest = pivots.min(), pivots.max()
    if smallest <= largest * len(kernel) * torch.finfo(kernel.dtype).eps:
        raise Undefined(
            f"the kernel is singular: two samples have the same {codes}, or there are more samples than units can tell "
            "apart"
        )
    return kernel.slogdet().logabsdet.item()


@proxy(needs=[ActivationKernel("relu")], version=1, paper="Mellor et al., ICML 2021", higher_is_better=True)
def naswot(agreement: Tensor | None) -> float:
    r"""Log-determinant of the kernel of ReLU codes, :math:`\log |\det K|`, :math:`K_{ij} = N_A - d_H(c_i, c_j)`.

    :math:`c_i` is the binary code of sample i over all :math:`N_A` ReLU units (on or off), :math:`d_H` the Hamming
    distance. Higher is better: samples that are told apart easily. Undefined for a network without ReLU and where the
    kernel is singular (codes of the papers say −∞, or a number that is rounding): two samples have one code, or there
    are more samples than :math:`N_A + 1`. It depends on the batch size: compare scores of equal batches only.

    Source: Mellor et al., eq. 2, and BayesWatch/nas-without-training, whose first of two forward runs drops ReLUs
    that do not lie on the way to the output: here every ReLU that is called counts, so leave an auxiliary head off
    while scoring. The same number is the "ReLU score" of Lightweight NAS and NASLib's ``nwot``. Leaky and parametric
    ReLU, ReLU6 and clamps at 0 count as ReLU.
    """
    if agreement is None:
        raise Undefined("no ReLU was seen in the forward pass")
    return log_determinant(agreement, "ReLU code")
