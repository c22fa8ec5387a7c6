"""Jacobian covariance, also known as jacob_cov."""

from __future__ import annotations

import torch
from torch import Tensor

from naslib_zc_plugin.extend import InputJacobian, Undefined, proxy

DEAD = "the outputs do not depend on the input, or their gradient is not finite"


def correlations(rows: Tensor, otherwise: str = DEAD) -> Tensor:
    """Pearson correlations of the rows, (N, D) → (N, N) in double precision.

    Raises:
        Undefined: a row is constant (that of a dead network) or not finite; ``otherwise`` says so.
    """
    matrix = torch.corrcoef(rows.double()).reshape(len(rows), len(rows))
    if not bool(torch.isfinite(matrix).all()):
        raise Undefined(otherwise)
    return matrix


def covariance_score(rows: Tensor, otherwise: str = DEAD) -> float:
    r"""The score :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]` of the correlations of the rows, k = 1e-5.

    Raises:
        Undefined: as :func:`correlations`.
    """
    values = torch.linalg.eigvalsh(correlations(rows, otherwise)) + 1e-5
    return -float((values.log() + 1 / values).sum())


@proxy(
    needs=[InputJacobian()],
    version=1,
    paper="Mellor et al., 2020 (arXiv v1); Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def jacov(jacobian: Tensor) -> float:
    r"""Correlations R of samples' input gradients: :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]`, k = 1e-5.

    λ: eigenvalues of R. Row i of the Jacobian is the gradient of the sum of all logits by sample i; in train mode
    batch norm couples the samples, and the references leave it so. Where the inputs are tokens, the first embedding's
    output stands for them. Higher is better; the maximum −N is reached at R = I. Undefined for a dead network.

    Source: SamsungLabs/zero-cost-nas (``jacob_cov``), which finds eigenvalues by a solver for general matrices; R is
    symmetric, and the symmetric solver's agree within 1e-3. What Serianni & Kalita publish as Jacobian covariance on
    NAS-Bench-NLP is no such number: it is one and the same for all cells of equally many parameters.
    """
    return covariance_score(jacobian)
