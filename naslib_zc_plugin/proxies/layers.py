"""Number of layers."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.layers import LayerOutput, layer_outputs


@proxy(needs=[layer_outputs()], version=1, paper="baseline", higher_is_better=True)
def layers(outputs: list[LayerOutput]) -> float:
    """Count the convolution and linear layers that a forward run reaches.

    Those that are held and not called do not count; a weight that several modules share, or that is used several times,
    is one layer. Other modules with weights (norms, embeddings, recurrent layers of torch's own, the input projection
    of ``nn.MultiheadAttention``) are none. Higher is better. No data, no labels, no gradients.

    Args:
        outputs: of the calls of layers.

    Returns:
        The number.

    >>> layers([LayerOutput("stem.weight", 8, 64.0), LayerOutput("head.weight", 10, 10.0)])
    2.0
    """
    return float(len({output.name for output in outputs}))
