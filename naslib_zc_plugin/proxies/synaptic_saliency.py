"""Synaptic saliency."""

from __future__ import annotations

from typing import Literal

from naslib_zc_plugin.extend import Layer, proxy
from naslib_zc_plugin.observations.gradients import scalar_gradients
from naslib_zc_plugin.proxies._formulas import Patterns, named_saliency


@proxy(
    needs=scalar_gradients,
    version=1,
    paper="Tanaka et al., NeurIPS 2020; Serianni & Kalita, ACL 2023",
    higher_is_better=True,
)
def synaptic_saliency(
    found: list[Layer],
    *,
    layers: Patterns = ("*",),
    of: Literal["outputs", "loss"] = "outputs",
    rounding: bool = False,
    average: bool = False,
) -> float:
    r"""Compute the sum of \|weight × gradient\| of linear layers, without labels.

    :math:`|W \cdot \partial S/\partial W|`, the network as it is; S: the sum of the outputs. Unlike ``synflow`` it
    looks at the data, and weights keep their signs. Higher is better by the paper's intention.

    Source: aaronserianni/training-free-nas, whose values for recurrent cells leave out the first weight of each
    linear node and count the decoder's, which is the embedding's (there the notebook that is public differentiates
    :math:`\|y\|^2 / 2`, but the published numbers are those of the sum).

    Args:
        found: each layer with its weight and gradient.
        layers: shell-style patterns of the modules' names.
        of: the value to differentiate: the sum of the outputs, or the loss.
        rounding: score gradients that are only rounding, too.
        average: return the mean over layers (that code's "normalized") instead of the sum.

    Returns:
        The sum or the mean.

    Raises:
        Undefined: no layer is named so, or a layer norm ends the network: its outputs add up to a constant, whose
            gradient is nothing but rounding.

    >>> import torch
    >>> synaptic_saliency([Layer("head.weight", torch.tensor([[1.0, 2.0]]), torch.tensor([[-3.0, 1.0]]))])
    5.0
    """
    return named_saliency(found, layers, average)
