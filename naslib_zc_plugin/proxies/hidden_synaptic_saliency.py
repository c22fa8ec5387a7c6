"""Hidden synaptic saliency."""

from __future__ import annotations

from naslib_zc_plugin.extend import HiddenSaliency, proxy


@proxy(needs=[HiddenSaliency()], version=1, paper="Serianni & Kalita, ACL 2023", higher_is_better=True)
def hidden_synaptic_saliency(layers: list[float]) -> float:
    r"""Sum over the hidden states h of recurrent layers before each step of :math:`|h \cdot \partial S/\partial h|`.

    All layers; S: the sum of the outputs; the gradient is the whole one, through later steps, too. Higher is better by
    the paper's intention; on NAS-Bench-NLP it is the lower ones that train better (its published values have τ = .27
    with the test loss). Undefined without a recurrent layer. Source: aaronserianni/training-free-nas.

    Inside ``nn.LSTM`` and its like nothing can be seen: there h is what the layer gives on, with the gradient by that.
    Undefined where the network looks at its last state only, and for several layers in one or those that run both ways.
    """
    return sum(layers)
