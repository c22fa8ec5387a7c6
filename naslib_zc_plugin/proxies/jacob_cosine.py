"""Jacobian cosine."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import input_jacobian, proxy
from naslib_zc_plugin.proxies._formulas import cosine_score


@proxy(
    needs=[input_jacobian()],
    version=1,
    paper="Celotti et al., 2020; Serianni & Kalita, ACL 2023",
    higher_is_better=True,
    aliases=["jacobian_cosine"],
)
def jacob_cosine(jacobian: Tensor) -> float:
    r"""Compute how far from parallel the samples' input gradients are, by their cosines.

    :math:`1 - \frac{1}{N^2 - N} \sum_{i < j} |c_{ij}|^{1/20}`, c the cosines between rows; rows as for ``jacov``: by
    the embedding's output where the inputs are tokens. From 0.5 (all parallel, where ``jacov`` runs away) to 1 (all
    orthogonal). Higher is better.

    Source: aaronserianni/training-free-nas.

    Args:
        jacobian: gradients of the sum of the logits by each sample, (N, D).

    Returns:
        The score, from 0.5 to 1.

    Raises:
        Undefined: a dead network, or a single sample.

    >>> import torch
    >>> jacob_cosine(torch.eye(3)), jacob_cosine(torch.ones(3, 4))
    (1.0, 0.5)
    """
    return cosine_score(jacobian)
