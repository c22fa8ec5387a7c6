"""Jacobian scores under noise: how far one noise moves them."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from naslib_zc_plugin.extend import Bounds, Forward, input_jacobian, proxy
from naslib_zc_plugin.proxies._formulas import JACOBIAN_SCORES, noised_score


@proxy(
    needs=lambda amplitude: [input_jacobian(), input_jacobian(setting=Forward(noise=float(amplitude)))],
    version=1,
    paper="Celotti et al., 2020; Serianni & Kalita, ACL 2023",
    higher_is_better=True,
)
def large_noise_jacobian(
    still: Tensor,
    noised: Tensor,
    *,
    score: Literal["cosine", "covariance"] = "cosine",
    amplitude: Annotated[float, Bounds(above=0)] = 10.0,
) -> float:
    r"""Compute how little noise moves jacov or jacob_cosine.

    :math:`1 - |s - s'|` of a Jacobian score s, and s' for inputs with noise: the less it moves the better. Noise:
    amplitude · v · n with v the variance of each input value over the batch and n ~ N(0, 1), on the embedding's output
    where the inputs are tokens. Higher is better by intention; on NAS-Bench-NLP it is lower ones of the cosine that
    train better.

    Source: aaronserianni/training-free-nas, where ``amplitude=0.1`` is "small noise". Of ``score="covariance"`` it
    published numbers of the other sign and order, about :math:`|s - s'|` itself.

    Args:
        still: gradients of the sum of the logits by each sample, (N, D).
        noised: likewise, for inputs with noise.
        score: s is ``jacob_cosine`` or ``jacov``.
        amplitude: of the noise.

    Returns:
        The score, at most 1.

    Raises:
        Undefined: a dead network, a single sample, or no score under the noise.

    >>> import torch
    >>> large_noise_jacobian(torch.eye(3), torch.ones(3, 3))
    0.5
    """
    return 1 - abs(JACOBIAN_SCORES[score](still) - noised_score(score, noised, amplitude))
