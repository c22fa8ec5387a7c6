"""Hidden synaptic saliency."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.hidden_states import hidden_saliency


@proxy(needs=[hidden_saliency()], version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def hidden_synaptic_saliency(layers: list[float]) -> float:
    r"""Compute the sum of \|hidden state × gradient\| of recurrent layers.

    :math:`|h \cdot \partial S/\partial h|` over the hidden states h before each step of all layers; S: the sum of the
    outputs; the gradient is the total one, through later steps, too. Higher is better by the paper's intention; on
    NAS-Bench-NLP it is the lower ones that train better (its published values have τ = .27 with the test loss).

    Inside ``nn.LSTM`` and its like nothing can be seen: there h is the layer's output, with the gradient by that.

    Source: aaronserianni/training-free-nas.

    Args:
        layers: the sum for each layer.

    Returns:
        The sum.

    Raises:
        Undefined: no recurrent layer, a network that looks at the last state of torch's own layers only, several layers
            in one of those, or one that runs both ways.

    >>> hidden_synaptic_saliency([1.5, 2.0])
    3.5
    """
    return sum(layers)
