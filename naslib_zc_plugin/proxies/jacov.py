"""Jacobian covariance, also known as jacob_cov."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import input_jacobian, proxy
from naslib_zc_plugin.proxies._formulas import covariance_score


@proxy(
    needs=[input_jacobian()],
    version=1,
    paper="Mellor et al., 2020 (arXiv v1); Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
    aliases=["jacob_cov", "jacobian_covariance"],
)
def jacov(jacobian: Tensor) -> float:
    r"""Compute how far from one another the samples' input gradients are, by the eigenvalues of their correlations.

    :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]`; λ: eigenvalues of the correlations R, k = 1e-5. Row i of
    the Jacobian is the gradient of the sum of all logits by sample i; in train mode batch norm couples the samples,
    and the references leave it so. Where the inputs are tokens, the first embedding's output stands for them. Higher
    is better; the maximum −N is reached at R = I.

    Source: SamsungLabs/zero-cost-nas (``jacob_cov``), which finds eigenvalues by a solver for general matrices; R is
    symmetric, and the symmetric solver's agree within 1e-3. What Serianni & Kalita publish as Jacobian covariance on
    NAS-Bench-NLP is no such number: it is one and the same for all cells of equally many parameters.

    Args:
        jacobian: gradients of the sum of the logits by each sample, (N, D).

    Returns:
        The score, at most −N.

    Raises:
        Undefined: a dead network.

    >>> import torch
    >>> round(jacov(torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])), 4)  # not correlated
    -2.0
    """
    return covariance_score(jacobian)
