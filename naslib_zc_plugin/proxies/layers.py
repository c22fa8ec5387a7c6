"""Number of layers."""

from __future__ import annotations

from naslib_zc_plugin.extend import FORWARD, Forward, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps
from naslib_zc_plugin.passes.inputs import TwoSamples
from naslib_zc_plugin.passes.layer_calls import LayerCall


@observation(setting=Forward(inputs=TwoSamples()))
def called_layers(p: ForwardPass) -> Steps[dict[str, int]]:
    """Return the convolution and linear layers that a forward run calls: name of the weight → outputs, dict of int.

    Outputs: channels or features; the most of them where several calls differ.

    Raises:
        Undefined: weights are packed, as in a quantised network, or which layers are called cannot be seen.
    """
    p.network.check_packed()
    found: dict[str, int] = {}

    def see(call: LayerCall) -> None:
        found[call.name] = max(found.get(call.name, 0), int(call.output.shape[call.channel]))

    p.on_layers(see)
    yield FORWARD
    return found


@proxy(needs=[called_layers()], version=1, paper="baseline", higher_is_better=True)
def layers(outputs: dict[str, int]) -> float:
    """Count the convolution and linear layers that a forward run reaches.

    Those that are held and not called do not count; a weight that several modules share, or that is used several times,
    is one layer. Other modules with weights (norms, embeddings, recurrent layers of torch's own, the input projection
    of ``nn.MultiheadAttention``) are none. Higher is better. No data, no labels, no gradients.

    Args:
        outputs: by the layers' weights.

    Returns:
        The number.

    >>> layers({"stem.weight": 16, "head.weight": 10})
    2.0
    """
    return float(len(outputs))
