"""Formulas that several proxies share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Callable, Union

import torch
from torch import Tensor

from naslib_zc_plugin.extend import Layer, NotApplicable, Undefined
from naslib_zc_plugin.observations.layers import linear_layers
from naslib_zc_plugin.passes.degenerate import all_finite

Patterns = Union[str, Sequence[str]]
"""One shell-style pattern of names, or several."""

DEAD = "the outputs do not depend on the input, or their gradient is not finite"


def several(patterns: Patterns) -> tuple[str, ...]:
    """Return the patterns as a tuple, a single one too."""
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def saliency(layers: Sequence[Layer]) -> float:
    r"""Return :math:`\sum_l |W_l \cdot g_l|` over all weights, g the layers' gradients."""
    return sum((layer.weight * layer.gradient).abs().sum().item() for layer in layers)


def diversity(layers: Sequence[Layer]) -> float:
    r"""Return :math:`\sum_l \|W_l\|_{nuc} \|g_l\|_{nuc}`, nuclear norms, g the layers' gradients."""
    return sum(_nuclear(layer.weight) * _nuclear(layer.gradient) for layer in layers)


def _nuclear(weight: Tensor) -> float:
    """Return the sum of the singular values of a weight as a matrix, one row per output channel; NaN if one is none."""
    return float(torch.linalg.matrix_norm(weight.flatten(1).double(), "nuc")) if all_finite(weight) else math.nan


def named_saliency(layers: Sequence[Layer], patterns: Patterns, average: bool) -> float:
    """Return the saliency of the linear layers whose names fit a pattern, or its mean over these layers.

    Raises:
        Undefined: no layer is named so.
    """
    chosen = linear_layers(layers, several(patterns))
    return saliency(chosen) / (len(chosen) if average else 1)


def log_determinant(kernel: Tensor, codes: str) -> float:
    """Return the logarithm of the absolute determinant of a kernel.

    Args:
        kernel: symmetric, (N, N).
        codes: the things that the kernel compares, for the message.

    Raises:
        Undefined: it is singular, or so nearly that its determinant is nothing but rounding.
    """
    pivots = torch.linalg.lu_factor_ex(kernel).LU.diagonal().abs()
    smallest, largest = pivots.min(), pivots.max()
    if smallest <= largest * len(kernel) * torch.finfo(kernel.dtype).eps:
        raise Undefined(
            f"the kernel is singular: two samples have the same {codes}, or there are more samples than units can tell "
            "apart"
        )
    return kernel.slogdet().logabsdet.item()


def correlations(rows: Tensor, otherwise: str = DEAD) -> Tensor:
    """Return the Pearson correlations of the rows, (N, D) → (N, N), in double precision.

    Args:
        rows: one per sample or unit.
        otherwise: the message where there are none.

    Raises:
        Undefined: a row is constant (that of a dead network) or not finite.
    """
    matrix = torch.corrcoef(rows.double()).reshape(len(rows), len(rows))
    if not bool(torch.isfinite(matrix).all()):
        raise Undefined(otherwise)
    return matrix


def covariance_score(rows: Tensor, otherwise: str = DEAD) -> float:
    r"""Return :math:`-\sum_i [\log(\lambda_i + k) + 1/(\lambda_i + k)]`, k = 1e-5.

    λ are the eigenvalues of the correlations of the rows.

    Args:
        rows: (N, D).
        otherwise: see :func:`correlations`.

    Raises:
        Undefined: as :func:`correlations`.
    """
    values = torch.linalg.eigvalsh(correlations(rows, otherwise)) + 1e-5
    return -float((values.log() + 1 / values).sum())


def cosine_score(rows: Tensor) -> float:
    r"""Return :math:`1 - \frac{1}{N^2 - N} \sum_{i < j} |c_{ij}|^{1/20}`, c the cosines between the rows.

    Args:
        rows: gradients by the input, (N, D).

    Raises:
        Undefined: a single sample, or a gradient that is zero or not finite.
    """
    samples = len(rows)
    if samples < 2:
        raise NotApplicable("cosines between samples need at least two")
    rows = rows.double()
    cosines = rows @ rows.T / rows.norm(dim=1).outer(rows.norm(dim=1))
    if not bool(cosines.isfinite().all()):
        raise Undefined(DEAD)
    roots = cosines.fill_diagonal_(0).abs() ** (1 / 20)
    return 1 - float(roots.sum()) / 2 / (samples**2 - samples)


JACOBIAN_SCORES: dict[str, Callable[[Tensor], float]] = {"cosine": cosine_score, "covariance": covariance_score}
"""Scores of input gradients, (N, D)."""


def noised_score(score: str, jacobian: Tensor, amplitude: float) -> float:
    """Return a score of :data:`JACOBIAN_SCORES` of the gradients under noise.

    Raises:
        Undefined: it does not exist under the noise, though it may without.
    """
    try:
        return JACOBIAN_SCORES[score](jacobian)
    except Undefined as error:
        raise type(error)(f"with noise of amplitude {amplitude:g}: {error}") from error
