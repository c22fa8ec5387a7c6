"""Which layers there are, which calls are theirs, and which a proxy chooses by name.

The one place that matches a call of a convolution or linear function with a layer: by the identity of the weight that
it receives (:meth:`~naslib_zc_plugin.passes.forward.ForwardPass.name_of`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes import ForwardPass, Layer, NoForward, Pass, Undefined, observation
from naslib_zc_plugin.passes.capture import CONVOLUTIONS, KINDS, TRANSPOSED, Function, Handler, See

# Calls --------------------


@dataclass(frozen=True)
class LayerCall:
    """A call of a convolution or linear layer.

    Attributes:
        name: of its weight, in ``p.weights``.
        input: its input.
        output: its output, bias included. The network may write over it: to keep it, return a copy.
        channel: the dimension of the output's channels: 1, or −1 for a linear layer.
        fan_in: weights per output channel (in-channels per group × kernel).
    """

    name: str
    input: Tensor
    output: Tensor
    channel: int
    fan_in: int


def _layer_calls(p: ForwardPass, see: See) -> Mapping[Function, Handler]:
    """Return handlers that pass each call of a layer to ``see``, as a :class:`LayerCall`."""
    layers = frozenset(p.network.layers)

    def handler(channel: int) -> Handler:
        def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Any:
            weight: Tensor = args[1] if len(args) > 1 else kwargs["weight"]
            name = p.name_of(weight)
            if name not in layers:
                return None
            # Weights per output channel, also where the weight's first dimension is the input's (transposed).
            fan_in = weight.numel() // output.shape[channel]
            return see(LayerCall(str(name), args[0] if args else kwargs["input"], output, channel, fan_in))

        return seen

    return {**dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), handler(1)), F.linear: handler(-1)}


KINDS["layer"] = _layer_calls

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
    modules = {name: name.rpartition(".")[0] for name, weight in weights.items()}
    found = [name for name in modules if any(fnmatchcase(modules[name], pattern) for pattern in patterns)]
    found = [name for name in found if weights[name].ndim == 2]
    if not found:
        first = ", ".join([*modules.values()][:5]) or "none"
        raise Undefined(f"no linear layer is named like {', '.join(patterns)}: name others (the first are {first})")
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
