"""Jacobian scores under noise: how far one noise moves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from torch import Tensor

from naslib_zc_plugin.extend import Forward, InputJacobian, Undefined, proxy
from naslib_zc_plugin.proxies.jacob_cosine import cosine_score
from naslib_zc_plugin.proxies.jacov import covariance_score

SCORES: dict[str, Callable[[Tensor], float]] = {"cosine": cosine_score, "covariance": covariance_score}


def checked_score(score: str) -> None:
    """Whether there is such a score.

    Raises:
        ValueError: there is not.
    """
    if score not in SCORES:
        raise ValueError(f"score must be 'cosine' or 'covariance', not {score!r}")


def noised_score(score: str, jacobian: Tensor, amplitude: float) -> float:
    """The score under noise of that amplitude.

    Raises:
        Undefined: it has none there, though it may have one without noise.
    """
    try:
        return SCORES[score](jacobian)
    except Undefined as error:
        raise Undefined(f"with noise of amplitude {amplitude:g}: {error}") from error


def jacobians(score: str = "cosine", amplitude: float = 10.0) -> Sequence[InputJacobian]:
    """Without noise and with it.

    Raises:
        ValueError: no such score, or an amplitude that is not above 0.
    """
    checked_score(score)
    if not amplitude > 0:
        raise ValueError(f"amplitude must be above 0, not {amplitude!r}")
    return [InputJacobian(), InputJacobian(Forward(noise=float(amplitude)))]


@proxy(needs=jacobians, version=1, paper="Celotti et al., 2020; Serianni & Kalita, ACL 2023", higher_is_better=True)
def large_noise_jacobian(still: Tensor, noised: Tensor, *, score: str = "cosine", amplitude: float = 10.0) -> float:
    r""":math:`1 - |s - s'|` of a Jacobian score s, and s' for inputs with noise: the less it moves the better.

    s: ``jacob_cosine``, or ``jacov`` with ``score="covariance"``. Noise: amplitude · v · n with v the variance of each
    input value over the batch and n ~ N(0, 1), on the embedding's output where the inputs are tokens. Higher is
    better by intention; on NAS-Bench-NLP it is lower ones of the cosine that train better.

    Source: aaronserianni/training-free-nas, where ``amplitude=0.1`` is "small noise". Of ``score="covariance"`` it
    published numbers of the other sign and order, about :math:`|s - s'|` itself.
    """
    return 1 - abs(SCORES[score](still) - noised_score(score, noised, amplitude))
