"""Number of activations."""

from __future__ import annotations

from naslib_zc_plugin.extend import NotApplicable, proxy
from naslib_zc_plugin.observations.layers import LayerOutput, layer_outputs


@proxy(needs=[layer_outputs()], version=1, paper="Radosavovic et al., CVPR 2020", higher_is_better=True)
def activations(outputs: list[LayerOutput]) -> float:
    r"""Compute the number of values that all layers put out for one sample.

    :math:`\sum_l C_l H_l W_l` (:math:`C_l T_l` for tokens) over every call of a convolution or linear layer in a
    forward run. "Designing Network Design Spaces" has it as a measure of complexity beside parameters and operations,
    of convolutions alone. It depends on the size of the inputs. Higher is better. No data, no labels, no gradients.

    Args:
        outputs: of the calls of layers.

    Returns:
        The number.

    Raises:
        Undefined: no layer is called.

    >>> activations([LayerOutput("stem.weight", 8, 64.0), LayerOutput("head.weight", 10, 10.0)])
    74.0
    """
    if not outputs:
        raise NotApplicable("no convolution or linear layer was called")
    return float(sum(output.values for output in outputs))
