"""GradAlign-II."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from naslib_zc_plugin.extend import Bounds, PerSample, Undefined, proxy, sample_grams


@proxy(
    needs=lambda gram, by_class, memory: [sample_grams(gram, by_class, setting=PerSample(memory))],
    version=1,
    paper="Li and Guo, GradAlign",
    higher_is_better=True,
)
def gradalign2(
    matrices: list[Tensor],
    *,
    gram: Literal["sign", "cosine", "raw"] = "sign",
    by_class: bool = True,
    memory: Annotated[int, Bounds(least=1)] = PerSample.memory,
) -> float:
    r"""Compute the log-determinant of the Gram matrix of the signs of per-sample gradients, per class.

    :math:`\log\det G`, :math:`G_{ij} = \langle s_i, s_j \rangle`, :math:`s_i = \mathrm{sign}(g_i)`, gradients as in
    ``gradsign``; the mean over classes. Higher is better: the text argues for low determinants, but the published
    correlations are those of :math:`+\log\det G`. A class with one sample adds the logarithm of its number of non-zero
    signs.

    Source: the paper; no code is public.

    Args:
        matrices: the Gram matrix of each class, (n, n) float64.
        gram: its rows: the signs of the gradients, the gradients at unit length, or as they are.
        by_class: one matrix per class, or a single one of all samples.
        memory: bytes for gradients of single samples, see ``gradsign``; with less, the samples run several times.

    Returns:
        The mean over classes.

    Raises:
        Undefined: G is singular for a class (two samples with the same signs), or as for ``gradalign1``.

    >>> import torch
    >>> round(gradalign2([torch.tensor([[4.0, 2.0], [2.0, 4.0]], dtype=torch.float64)]), 4)  # log 12
    2.4849
    """
    values = []
    for matrix in matrices:
        sign, value = matrix.slogdet()
        if sign <= 0:
            raise Undefined("a Gram matrix is singular: two samples' gradients have the same direction")
        values.append(value.item())
    return sum(values) / len(values)
