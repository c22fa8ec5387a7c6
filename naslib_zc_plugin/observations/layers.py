"""Which layers there are, and which a proxy chooses by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from naslib_zc_plugin.passes import (
    FORWARD,
    Forward,
    ForwardPass,
    Layer,
    LayerCall,
    NoForward,
    NotApplicable,
    Pass,
    Steps,
    observation,
)
from naslib_zc_plugin.passes.inputs import TwoSamples, tensors
from naslib_zc_plugin.passes.network import module_of

# Selection by name, as transformers call the parts of attention --------------------

PROJECTIONS = (
    "*query", "*key", "*value", "*q_proj", "*k_proj", "*v_proj", "*q_lin", "*k_lin", "*v_lin", "*.q", "*.k", "*.v",
    "*query_proj", "*key_proj", "*value_proj", "*qkv", "*operation*.input", "*operation*.weight",
)  # fmt: skip
"""Shell-style patterns of the projections to queries, keys and values (Hugging Face), and their like in FlexiBERT."""

ATTENTION = ("*attention*", "*Attention*", "*attn*", "*operation*")
"""Shell-style patterns of everything in an attention block, its output projection included."""


def linear_names(weights: Mapping[str, Tensor], patterns: Sequence[str]) -> list[str]:
    """Return the names of the weights of linear layers whose module's name fits a pattern.

    Args:
        weights: of convolution and linear layers, by name.
        patterns: shell-style patterns of the modules' names.

    Raises:
        Undefined: there is none.
    """
    modules = {name: module_of(name) for name in weights}
    found = [name for name in modules if any(fnmatchcase(modules[name], pattern) for pattern in patterns)]
    found = [name for name in found if weights[name].ndim == 2]
    if not found:
        first = ", ".join([*modules.values()][:5]) or "none"
        raise NotApplicable(f"no linear layer is named like {', '.join(patterns)}: name others (the first are {first})")
    return found


def linear_layers(layers: Sequence[Layer], patterns: Sequence[str]) -> list[Layer]:
    """Return the linear layers whose module's name fits a pattern.

    Raises:
        Undefined: there is none.
    """
    names = set(linear_names({layer.name: layer.weight for layer in layers}, patterns))
    return [layer for layer in layers if layer.name in names]


# Observations of the network at rest --------------------


@observation(setting=NoForward())
def layer_weights(p: Pass) -> list[Layer]:
    """Return the convolution and linear layers, whether used or not: list of :class:`Layer`, gradients zero.

    Raises:
        Undefined: weights are packed, as in a quantised network.
    """
    p.network.check_packed()
    weights = ((name, p.network.parameters[name]) for name in p.network.layers)
    return [Layer(name, weight, torch.zeros_like(weight)) for name, weight in weights]


@observation(setting=NoForward())
def parameter_sizes(p: Pass) -> list[int]:
    """Return the number of values of each distinct parameter as it is stored, trainable or not: list of int.

    Raises:
        Undefined: weights are packed, as in a quantised network.
    """
    p.network.check_packed()
    return list(p.network.stored.values())


# Observations of the calls of layers --------------------


@dataclass(frozen=True)
class LayerOutput:
    """The output of a call of a convolution or linear layer.

    Attributes:
        name: of the layer's weight.
        channels: number of channels (features) of the output.
        values: number of values of the output for one sample.
    """

    name: str
    channels: int
    values: float


@observation(setting=Forward(inputs=TwoSamples()))
def layer_outputs(p: ForwardPass) -> Steps[list[LayerOutput]]:
    """Return the sizes of the outputs of all calls of layers, in the order of the run: list of LayerOutput.

    Raises:
        Undefined: weights are packed, as in a quantised network, or which layers are called cannot be seen.
    """
    p.network.check_packed()
    found: list[LayerOutput] = []
    samples = len(tensors(p.inputs)[0])

    def see(call: LayerCall) -> None:
        found.append(LayerOutput(call.name, call.output.shape[call.channel], call.output.numel() / samples))

    p.on_layers(see)
    yield FORWARD
    return found
