"""Synaptic saliency."""

from __future__ import annotations

from collections.abc import Sequence

from naslib_zc_plugin.extend import Layer, LayerGradients, linear_layers, proxy, scalar_gradients


def gradients(layers: Sequence[str], of: str, rounding: bool, average: bool) -> Sequence[LayerGradients]:
    """Gradients of the outputs' sum or of the loss."""
    return scalar_gradients(of, rounding)


@proxy(
    needs=gradients, version=1, paper="Tanaka et al., NeurIPS 2020; Serianni & Kalita, ACL 2023", higher_is_better=True
)
def synaptic_saliency(
    found: list[Layer],
    *,
    layers: Sequence[str] = ("*",),
    of: str = "outputs",
    rounding: bool = False,
    average: bool = False,
) -> float:
    r"""Sum over the weights of linear layers of :math:`|W \cdot \partial S/\partial W|`, the network as it is.

    S: the sum of the outputs. Unlike ``synflow`` it looks at the data, and weights keep their signs. Higher is better
    by the paper's intention. Undefined where no layer is named so, and where a layer norm ends the network.

    Source: aaronserianni/training-free-nas, whose values for recurrent cells leave out the first weight of each
    linear node and count the decoder's, which is the embedding's (there the notebook that is public differentiates
    :math:`\|y\|^2 / 2`, but the published numbers are those of the sum).

    Args:
        found: the observation.
        layers: shell-style patterns of the modules' names.
        of: ``"outputs"``, or ``"loss"`` for the loss in the place of S.
        rounding: score gradients that are only rounding, too.
        average: the mean over layers (that code's "normalized") in the sum's place.
    """
    chosen = linear_layers(found, layers)
    return sum((layer.weight * layer.gradient).abs().sum().item() for layer in chosen) / (len(chosen) if average else 1)
