"""Layers chosen by the names of their modules, as transformers call the parts of attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from naslib_zc_plugin.observe.network import Layer, Network
from naslib_zc_plugin.observe.observation import Undefined

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
    """Names of the weights of linear layers whose module's name fits a pattern.

    Raises:
        Undefined: there is none.
    """
    found = [name for name in network.layers if _named(name, patterns) and network.parameters[name].ndim == 2]
    if not found:
        raise _nothing(patterns, network.layers)
    return found


def linear_layers(layers: Sequence[Layer], patterns: Sequence[str]) -> list[Layer]:
    """Those linear layers whose module's name fits a pattern.

    Raises:
        Undefined: there is none.
    """
    found = [layer for layer in layers if _named(layer.name, patterns) and layer.weight.ndim == 2]
    if not found:
        raise _nothing(patterns, (layer.name for layer in layers))
    return found
