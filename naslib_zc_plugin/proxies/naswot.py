"""NASWOT, also known as the ReLU score."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import NotApplicable, activation_kernel, proxy
from naslib_zc_plugin.proxies._formulas import log_determinant


@proxy(
    needs=[activation_kernel("relu")],
    version=1,
    paper="Mellor et al., ICML 2021",
    higher_is_better=True,
    aliases=["nwot", "nas_wot", "relu_score"],
)
def naswot(agreement: Tensor | None) -> float:
    r"""Compute the log-determinant of the kernel of ReLU codes.

    :math:`\log |\det K|`, :math:`K_{ij} = N_A - d_H(c_i, c_j)`; :math:`c_i`: binary code of sample i over all
    :math:`N_A` ReLU units (on or off), :math:`d_H`: Hamming distance. Higher is better: samples that are told apart
    easily. It depends on the batch size: compare scores of equal batches only.

    Source: Mellor et al., eq. 2, and BayesWatch/nas-without-training, whose first of two forward runs drops ReLUs
    that do not lie on the way to the output: here every ReLU that is called counts, so leave an auxiliary head off
    while scoring. The same number is the "ReLU score" of Lightweight NAS and NASLib's ``nwot``. Leaky and parametric
    ReLU, ReLU6 and clamps at 0 count as ReLU.

    Args:
        agreement: the kernel K, (N, N) float64; None for a network without ReLU.

    Returns:
        The log-determinant.

    Raises:
        Undefined: no ReLU, or a singular kernel (codes of the papers return −∞, or a number that is rounding): two
            samples have one code, or the samples are more than :math:`N_A + 1`.

    >>> import torch
    >>> round(naswot(torch.tensor([[3.0, 1.0], [1.0, 3.0]], dtype=torch.float64)), 4)  # log 8
    2.0794
    """
    if agreement is None:
        raise NotApplicable("no ReLU was seen in the forward pass")
    return log_determinant(agreement, "ReLU code")
