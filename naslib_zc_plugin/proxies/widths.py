"""Sum of the layers' widths."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.proxies.layers import called_layers


@proxy(needs=[called_layers()], version=1, paper="baseline", higher_is_better=True)
def widths(outputs: dict[str, int]) -> float:
    r"""Compute the sum of the outputs of the convolution and linear layers, their number times their mean width.

    :math:`\sum_l C_l`; :math:`C_l`: channels or features that the layer l gives, the classifier's too. What counts as a
    layer is as in ``layers``, and what does not. Higher is better. No data, no labels, no gradients.

    Among real models (the benchmark ``timm``) this baseline orders about as well as the number of parameters does, and
    by something else: at an equal number of parameters it says more than any other score there.

    Args:
        outputs: by the layers' weights.

    Returns:
        The sum.

    >>> widths({"stem.weight": 16, "head.weight": 10})
    26.0
    """
    return float(sum(outputs.values()))
