"""Width of all layers together."""

from __future__ import annotations

from naslib_zc_plugin.extend import NotApplicable, proxy
from naslib_zc_plugin.observations.layers import LayerOutput, layer_outputs


@proxy(needs=[layer_outputs()], version=1, paper="baseline", higher_is_better=True)
def total_width(outputs: list[LayerOutput]) -> float:
    r"""Compute the sum of the channels of all layers.

    :math:`\sum_l C_l`; :math:`C_l`: number of channels (features) of a convolution or linear layer's output, for every
    call of it in a forward run: mean width times number of layers. Among networks that differ in kind it says, at equal
    numbers of parameters, more about their accuracy than depth or operations (docs/results/timm.md). Higher is better.
    No data, no labels, no gradients.

    Args:
        outputs: of the calls of layers.

    Returns:
        The sum.

    Raises:
        Undefined: no layer is called.

    >>> total_width([LayerOutput("stem.weight", 8, 64.0), LayerOutput("head.weight", 10, 10.0)])
    18.0
    """
    if not outputs:
        raise NotApplicable("no convolution or linear layer was called")
    return float(sum(output.channels for output in outputs))
