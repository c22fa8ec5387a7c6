"""Which layers there are, which calls are theirs, and which a proxy chooses by name.

The one place that matches a call of a convolution or linear function with a layer: by the identity of the weight that
it receives (:meth:`~naslib_zc_plugin.passes.forward.ForwardPass.name_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.passes import ForwardPass, Layer, Network, NoForward, Pass, Undefined, observation
from naslib_zc_plugin.passes.capture import CONVOLUTIONS, KINDS, TRANSPOSED, Function, Handler, See

# Calls --------------------


@dataclass(frozen=True)
class LayerCall:
    """A call of a convolution or linear layer.

    Attributes:
        name: of its weight, in ``p.weights``.
        input: what it was called with.
        output: what it gave, its bias included. The network writes over it: whoever keeps it returns a copy.
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
"""Shell-style patterns of what makes queries, keys and values (Hugging Face), and what stands there in FlexiBERT."""

ATTENTION = ("*attention*", "*Attention*", "*attn*", "*operation*")
"""Shell-style patterns of everything in an attention block, what leads out of it included."""


def _named(parameter: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(parameter.rpartition(".")[0], pattern) for pattern in patterns)


def _nothing(patterns: Sequence[str], names: Iterable[str]) -> Undefined:
    first = ", ".join(name.rpartition(".")[0] for name in list(names)[:5]) or "none"
    return Undefined(f"no linear layer is named like {', '.join(patterns)}: name others (the first are {first})")


def linear_names(network: Network, patterns: Sequence[str]) -> list[str]:
    """Return the names of the weights of linear layers whose module's name fits a pattern.

    Raises:
        Undefined: there is none.
    """
    found = [name for name in network.layers if _named(name, patterns) and network.parameters[name].ndim == 2]
    if not found:
        raise _nothing(patterns, network.layers)
    return found


def linear_layers(layers: Sequence[Layer], patterns: Sequence[str]) -> list[Layer]:
    """Return the linear layers whose module's name fits a pattern.

    Raises:
        Undefined: there is none.
    """
    found = [layer for layer in layers if _named(layer.name, patterns) and layer.weight.ndim == 2]
    if not found:
        raise _nothing(patterns, (layer.name for layer in layers))
    return found


# Observations of the network at rest --------------------


@observation(setting=NoForward())
def layer_weights(p: Pass) -> list[Layer]:
    """Return the convolution and linear layers, whether used or not: list of :class:`Layer`, gradients zero."""
    weights = ((name, p.network.parameters[name]) for name in p.network.layers)
    return [Layer(name, weight, torch.zeros_like(weight)) for name, weight in weights]


@observation(setting=NoForward())
def parameter_sizes(p: Pass) -> list[int]:
    """Return the number of values of each distinct parameter, trainable or not: list of int."""
    return [value.numel() for value in p.network.parameters.values()]
