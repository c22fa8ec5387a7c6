"""Head importance."""

from __future__ import annotations

from collections.abc import Sequence

from naslib_zc_plugin.extend import PROJECTIONS, Layer, LayerGradients, linear_layers, proxy, scalar_gradients


def gradients(layers: Sequence[str], of: str, rounding: bool, average: bool) -> Sequence[LayerGradients]:
    """Gradients of the outputs' sum or of the loss."""
    return scalar_gradients(of, rounding)


@proxy(needs=gradients, version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def head_importance(
    found: list[Layer],
    *,
    layers: Sequence[str] = (*PROJECTIONS, "*operation*.convolved"),
    of: str = "outputs",
    rounding: bool = False,
    average: bool = False,
) -> float:
    r"""Sum over the weights of attention's projections of :math:`|W \cdot \partial S/\partial W|`.

    S: the sum of the outputs. Projections: the linear layers that make queries, keys and values, and what FlexiBERT has
    in their place. Higher is better. Undefined where no layer is named so, and where a layer norm ends the network: its
    outputs add up to a constant, whose gradient is nothing but rounding.

    Source: aaronserianni/training-free-nas, whose published values are such rounding: take ``rounding=True`` for them.

    Args:
        found: the observation.
        layers: shell-style patterns of the modules' names.
        of: ``"outputs"``, or ``"loss"`` for the loss in the place of S.
        rounding: score gradients that are only rounding, too.
        average: the mean over layers (that code's "normalized") in the sum's place.
    """
    chosen = linear_layers(found, layers)
    return sum((layer.weight * layer.gradient).abs().sum().item() for layer in chosen) / (len(chosen) if average else 1)
