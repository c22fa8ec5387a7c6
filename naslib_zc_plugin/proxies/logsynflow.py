"""Synaptic flow with logarithms of the gradients."""

from __future__ import annotations

from typing import Literal

import torch

from naslib_zc_plugin.extend import Layer, Undefined, proxy
from naslib_zc_plugin.observations.gradients import flow_gradients


@proxy(
    needs=flow_gradients,
    version=1,
    paper="Cavagnero et al., WACV 2023 (FreeREA); Wei et al., AAAI 2024 (Auto-Prox)",
    higher_is_better=True,
)
def logsynflow(
    layers: list[Layer], *, variant: Literal["freerea", "autoprox"] = "freerea", keep_norm: str = ""
) -> float:
    r"""Compute the flow of absolute weights, with logarithms of the gradients.

    Sum over weights of convolution and linear layers of :math:`|W| \cdot \log(1 + |\partial R/\partial W|)`; R is that
    of ``synflow`` (one sample of ones, absolute parameters, no batch norm, double precision). The largest gradients,
    which are all that synflow sees, count by their order of magnitude. No data, no labels. Higher is better.

    Source: FreeREA, and Auto-Prox, whose code of the same name has another formula. That code leaves batch norm as it
    is, which for one sample of ones takes out what the sample holds: ``keep_norm="*"``. Gradients are taken by their
    size, as in no code: they are negative where an activation or a normalisation falls.

    Args:
        layers: each with its absolute weight and the gradient of R.
        variant: ``"freerea"``: as above; ``"autoprox"``: :math:`|W| \cdot |\log|\partial R/\partial W||`, for which
            gradients below and above 1 count alike. Layers that the outputs do not depend on add nothing.
        keep_norm: shell-style pattern of names of modules whose batch norm stays, see ``synflow``.

    Returns:
        The sum.

    Raises:
        Undefined: for ``"autoprox"``: a weight of a layer that the outputs depend on has the gradient 0, whose
            logarithm is infinite; or they depend on none.

    >>> layer = Layer("head", torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0]))
    >>> round(logsynflow([layer]), 4)  # 2 log 2
    1.3863
    """
    total = 0.0
    if variant == "autoprox" and not any(bool(layer.gradient.any()) for layer in layers):
        raise Undefined("the outputs depend on no layer's weight")
    for layer in layers:
        size, gradient = layer.weight.abs(), layer.gradient.abs()
        if variant == "freerea":
            total += (size * gradient.log1p()).sum().item()
        elif bool(gradient.any()):
            if bool((gradient[size > 0] == 0).any()):
                raise Undefined(f"a weight of {layer.name} has the gradient 0, whose logarithm is infinite")
            total += torch.where(size > 0, size * gradient.log().abs(), 0.0).sum().item()
    return total
