"""Jacobian covariance, also known as jacob_cov."""

from __future__ import annotations

import torch
from torch import Tensor

from naslib_zc_plugin.extend import InputJacobian, Undefined, proxy


def correlations(jacobian: Tensor) -> Tensor:
    """Pearson correlations of the rows, (N, D) → (N, N) in double precision.

    Raises:
        Undefined: a row is constant (a dead network) or not finite.
    """
    matrix = torch.corrcoef(jacobian.double()).reshape(len(jacobian), len(jacobian))
    if not bool(torch.isfinite(matrix).all()):
        raise Undefined("the outputs do not depend on the input, or their gradient is not finite")
    return matrix


@proxy(
    needs=[InputJacobian()],
    version=1,
    paper="Mellor et al., 2020 (arXiv v1); Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def jacov(jacobian: Tensor) -> float:
    r"""Correlations R of samples' input gradients: :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]`, k = 1e-5.

    λ: eigenvalues of R. Row i of the Jacobian is the gradient of the sum of all logits by sample i; in train mode
    batch norm couples the samples, and the references leave it so. Higher is better; the maximum −N is reached at R =
    I. Undefined for a dead network. Source: SamsungLabs/zero-cost-nas (``jacob_cov``), which finds eigenvalues by a
    solver for general matrices; R is symmetric, and the symmetric solver's agree within 1e-3.
    """
    values = torch.linalg.eigvalsh(correlations(jacobian)) + 1e-5
    return -float((values.log() + 1 / values).sum())
