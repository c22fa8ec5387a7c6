"""Jacobian scores under noise: the product over several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from torch import Tensor

from naslib_zc_plugin.extend import Bounds, Forward, input_jacobian, proxy
from naslib_zc_plugin.proxies._formulas import JACOBIAN_SCORES, noised_score


@proxy(
    needs=lambda amplitudes: [
        input_jacobian(),
        *(input_jacobian(setting=Forward(noise=float(size))) for size in amplitudes),
    ],
    version=1,
    paper="Celotti et al., 2020; Serianni & Kalita, ACL 2023",
    higher_is_better=True,
)
def more_noised_jacobian(
    *found: Tensor,
    score: Literal["cosine", "covariance"] = "cosine",
    amplitudes: Annotated[Sequence[float], Bounds(above=0, distinct=True)] = (0.1, 10.0, 100.0),
) -> float:
    r"""Compute the product of jacov or jacob_cosine over amplitudes of noise.

    :math:`\prod_a s_a` of a Jacobian score of the inputs as they are and with noise of each amplitude. Score and noise
    as for ``large_noise_jacobian``; the noise is the same for all amplitudes but for its size. Higher is better by
    intention (the covariance score is negative: of an even number of factors the product is positive).

    Source: aaronserianni/training-free-nas.

    Args:
        found: gradients of the sum of the logits by each sample, (N, D): without noise, and with each amplitude.
        score: s is ``jacob_cosine`` or ``jacov``.
        amplitudes: of the noises.

    Returns:
        The product.

    Raises:
        Undefined: a dead network, a single sample, or no score under a noise.

    >>> import torch
    >>> more_noised_jacobian(torch.eye(3), torch.ones(3, 3), torch.ones(3, 3), amplitudes=[0.1, 1])
    0.25
    """
    still, *noised = found
    pairs = zip(noised, amplitudes)
    noisy = (noised_score(score, jacobian, size) for jacobian, size in pairs)
    return math.prod([JACOBIAN_SCORES[score](still), *noisy])
