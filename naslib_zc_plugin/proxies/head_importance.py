"""Head importance."""

from __future__ import annotations

from typing import Literal

from naslib_zc_plugin.extend import Layer, proxy
from naslib_zc_plugin.observations.gradients import scalar_gradients
from naslib_zc_plugin.observations.layers import PROJECTIONS
from naslib_zc_plugin.proxies._formulas import Patterns, named_saliency


@proxy(needs=scalar_gradients, version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def head_importance(
    found: list[Layer],
    *,
    layers: Patterns = (*PROJECTIONS, "*operation*.convolved"),
    of: Literal["outputs", "loss"] = "outputs",
    rounding: bool = False,
    average: bool = False,
) -> float:
    r"""Compute the sum of \|weight × gradient\| of attention's projections.

    :math:`|W \cdot \partial S/\partial W|`, S the sum of the outputs. Projections: the linear layers that make queries,
    keys and values, and their like in FlexiBERT. Higher is better.

    Source: aaronserianni/training-free-nas, whose published values are rounding (its networks end with a layer norm):
    take ``rounding=True`` for them.

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
    >>> head_importance([Layer("attention.query.weight", torch.tensor([[2.0]]), torch.tensor([[-3.0]]))])
    6.0
    """
    return named_saliency(found, layers, average)
