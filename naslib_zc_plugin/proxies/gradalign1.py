"""GradAlign-I."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from naslib_zc_plugin.extend import Grams, proxy


def grams(gram: str = "sign", by_class: bool = True) -> Sequence[Grams]:
    """The Gram matrices that GradAlign takes with these options.

    Raises:
        ValueError: no such matrix.
    """
    if gram not in ("sign", "cosine", "raw"):
        raise ValueError(f"gram must be 'sign', 'cosine' or 'raw', not {gram!r}")
    return [Grams(gram, by_class)]


@proxy(needs=grams, version=1, paper="Li and Guo, GradAlign", higher_is_better=True)
def gradalign1(matrices: list[Tensor], *, gram: str = "sign", by_class: bool = True) -> float:
    r"""Alignment of samples' gradients with their mean direction, per class, mean over classes.

    :math:`\frac1n \sum_i \langle s_i, \bar s \rangle`, :math:`s_i = \mathrm{sign}(g_i)`, gradients as in
    ``gradsign``, :math:`\bar s` the mean over the class's n samples; so each class adds :math:`\|\bar s\|^2 =
    \frac1{n^2} \sum_{ij} G_{ij}` for the Gram matrix G. Higher is better. A class with one sample adds the number of
    its non-zero signs: give each class several.

    The published text lost its equations and there is no code; this form reproduces the published rank correlations
    (``gram`` and ``by_class`` are the other readings: gradients at unit length or raw, and all samples as one class).
    """
    return sum(matrix.mean().item() for matrix in matrices) / len(matrices)
