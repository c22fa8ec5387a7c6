"""Synaptic diversity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from naslib_zc_plugin.extend import ATTENTION, Layer, LayerGradients, linear_layers, proxy, scalar_gradients


def gradients(layers: Sequence[str], of: str, rounding: bool, average: bool) -> Sequence[LayerGradients]:
    """Gradients of the outputs' sum or of the loss."""
    return scalar_gradients(of, rounding)


@proxy(needs=gradients, version=1, paper="Zhou et al., CVPR 2022; Serianni & Kalita, ACL 2023", higher_is_better=True)
def synaptic_diversity(
    found: list[Layer],
    *,
    layers: Sequence[str] = ATTENTION,
    of: str = "outputs",
    rounding: bool = False,
    average: bool = False,
) -> float:
    r"""Sum over linear layers of attention of :math:`\|W\|_{nuc} \cdot \|\partial S/\partial W\|_{nuc}`.

    Nuclear norms (sums of singular values); S: the sum of the outputs. Layers: all linear ones of attention blocks,
    what leads out of them included. Higher is better. Undefined where no layer is named so, and where a layer norm ends
    the network: its outputs add up to a constant, whose gradient is nothing but rounding.

    Source: aaronserianni/training-free-nas, whose published values are such rounding: take ``rounding=True`` for them.

    Args:
        found: the observation.
        layers: shell-style patterns of the modules' names.
        of: ``"outputs"``, or ``"loss"`` for the loss in the place of S.
        rounding: score gradients that are only rounding, too.
        average: the mean over layers (that code's "normalized") in the sum's place.
    """
    chosen = linear_layers(found, layers)
    total = sum(_nuclear(layer.weight) * _nuclear(layer.gradient) for layer in chosen)
    return total / (len(chosen) if average else 1)


def _nuclear(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix.double(), "nuc"))
