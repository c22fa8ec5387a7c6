"""GradAlign-I."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from naslib_zc_plugin.extend import Bounds, PerSample, proxy, sample_grams


@proxy(
    needs=lambda gram, by_class, memory: [sample_grams(gram, by_class, setting=PerSample(memory))],
    version=1,
    paper="Li and Guo, GradAlign",
    higher_is_better=True,
)
def gradalign1(
    matrices: list[Tensor],
    *,
    gram: Literal["sign", "cosine", "raw"] = "sign",
    by_class: bool = True,
    memory: Annotated[int, Bounds(least=1)] = PerSample.memory,
) -> float:
    r"""Compute the alignment of per-sample gradients with their class's mean direction.

    :math:`\frac1n \sum_i \langle s_i, \bar s \rangle`, :math:`s_i = \mathrm{sign}(g_i)`, gradients as in
    ``gradsign``, :math:`\bar s` the mean over the class's n samples, and the mean over classes of that; so each class
    adds :math:`\|\bar s\|^2 = \frac1{n^2} \sum_{ij} G_{ij}` for the Gram matrix G. Higher is better. A class with one
    sample adds the number of its non-zero signs: give each class several.

    Source: the published text lost its equations and there is no code; this form reproduces the published rank
    correlations. ``gram`` and ``by_class`` are the other readings.

    Args:
        matrices: the Gram matrix of each class, (n, n) float64.
        gram: its rows: the signs of the gradients, the gradients at unit length, or as they are.
        by_class: one matrix per class, or a single one of all samples.
        memory: bytes for gradients of single samples, see ``gradsign``; with less, the samples run several times.

    Returns:
        The mean over classes.

    Raises:
        Undefined: labels are not one class index per sample, or batch norm meets a single value per channel.

    >>> import torch
    >>> gradalign1([torch.tensor([[4.0, 2.0], [2.0, 4.0]]), torch.tensor([[5.0]])])
    4.0
    """
    return sum(matrix.mean().item() for matrix in matrices) / len(matrices)
