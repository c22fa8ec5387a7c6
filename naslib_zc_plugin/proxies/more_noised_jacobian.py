"""Jacobian scores under noise: the product over several."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from naslib_zc_plugin.extend import Forward, InputJacobian, proxy
from naslib_zc_plugin.proxies.large_noise_jacobian import SCORES, checked_score, noised_score


def jacobians(score: str = "cosine", amplitudes: Sequence[float] = (0.1, 10.0, 100.0)) -> Sequence[InputJacobian]:
    """Without noise, and with each.

    Raises:
        ValueError: no such score, or amplitudes that are not above 0 or not different.
    """
    checked_score(score)
    if len({*amplitudes}) < len(amplitudes) or not all(amplitude > 0 for amplitude in amplitudes):
        raise ValueError(f"amplitudes must be different numbers above 0, not {amplitudes!r}")
    return [InputJacobian(), *(InputJacobian(Forward(noise=float(amplitude))) for amplitude in amplitudes)]


@proxy(needs=jacobians, version=1, paper="Celotti et al., 2020; Serianni & Kalita, ACL 2023", higher_is_better=True)
def more_noised_jacobian(
    *found: Tensor, score: str = "cosine", amplitudes: Sequence[float] = (0.1, 10.0, 100.0)
) -> float:
    r"""Product of a Jacobian score of the inputs as they are and with noise of each amplitude, :math:`\prod_a s_a`.

    Score and noise as for ``large_noise_jacobian``; the noise is the same for all amplitudes but for its size. Higher
    is better by intention (the covariance score is negative: of an even number of factors the product is positive).
    Source: aaronserianni/training-free-nas.
    """
    still, *noised = found
    pairs = zip(noised, amplitudes)
    return math.prod([SCORES[score](still), *(noised_score(score, jacobian, size) for jacobian, size in pairs)])
