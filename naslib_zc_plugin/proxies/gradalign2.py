"""GradAlign-II."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import Undefined, proxy
from naslib_zc_plugin.proxies.gradalign1 import grams


@proxy(needs=grams, version=1, paper="Li and Guo, GradAlign", higher_is_better=True)
def gradalign2(matrices: list[Tensor], *, gram: str = "sign", by_class: bool = True) -> float:
    r"""Log-determinant of the Gram matrix of the signs of samples' gradients, per class, mean over classes.

    :math:`G_{ij} = \langle s_i, s_j \rangle`, :math:`s_i = \mathrm{sign}(g_i)`, gradients as in ``gradsign``. Higher
    is better: the text argues for low determinants, but the published correlations are those of :math:`+\log\det G`.
    Undefined where G is singular for a class (two samples with the same signs). A class with one sample adds the
    logarithm of its number of non-zero signs.

    No code is public. ``gram="cosine"`` or ``"raw"`` takes the gradients at unit length or as they are,
    ``by_class=False`` all samples as one class.
    """
    values = []
    for matrix in matrices:
        sign, value = matrix.slogdet()
        if sign <= 0:
            raise Undefined("a Gram matrix is singular: two samples' gradients have the same direction")
        values.append(value.item())
    return sum(values) / len(values)
