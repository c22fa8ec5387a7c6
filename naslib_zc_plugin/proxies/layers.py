"""Number of layers."""

from __future__ import annotations

from naslib_zc_plugin.extend import FORWARD, Forward, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps
from naslib_zc_plugin.passes.inputs import TwoSamples


@observation(setting=Forward(inputs=TwoSamples()))
def called_layers(p: ForwardPass) -> Steps[set[str]]:
    """Return the names of the weights of the convolution and linear layers that a forward run calls: set of str.

    Raises:
        Undefined: weights are packed, as in a quantised network, or which layers are called cannot be seen.
    """
    p.network.check_packed()
    names: set[str] = set()
    p.on_layers(lambda call: names.add(call.name))
    yield FORWARD
    return names


@proxy(needs=[called_layers()], version=1, paper="baseline", higher_is_better=True)
def layers(names: set[str]) -> float:
    """Count the convolution and linear layers that a forward run reaches.

    Those that are held and not called do not count; a weight that several modules share, or that is used several times,
    is one layer. Other modules with weights (norms, embeddings, recurrent layers of torch's own, the input projection
    of ``nn.MultiheadAttention``) are none. Higher is better. No data, no labels, no gradients.

    Args:
        names: of the layers' weights.

    Returns:
        The number.

    >>> layers({"stem.weight", "head.weight"})
    2.0
    """
    return float(len(names))
