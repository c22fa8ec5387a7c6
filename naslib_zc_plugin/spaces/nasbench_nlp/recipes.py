"""The benchmark's own form of a cell: a JSON object from names of nodes to operations and inputs ("recipe")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from naslib_zc_plugin.spaces.nasbench_nlp.keys import Cell, Input, Node, checked, format, parse

_NAMES = {
    "linear": "linear",
    "blend": "blend",
    "elementwise_prod": "prod",
    "elementwise_sum": "sum",
    "activation_tanh": "tanh",
    "activation_sigm": "sigm",
    "activation_leaky_relu": "leaky_relu",
}
_PREVIOUS, _NEW = "h_prev_", "h_new_"
_STATE = re.compile(rf"{_NEW}(\d{{1,3}})", re.ASCII)

EXAMPLES = {
    "rnn": "linear(x,h0)|tanh(0)>1",
    "lstm": "linear(x,h0)|tanh(0)|linear(x,h0)|sigm(2)|linear(x,h0)|sigm(4)|linear(x,h0)|tanh(6)"
    "|prod(5,h1)|prod(1,3)|sum(8,9)|tanh(10)|prod(11,7)>12,10",
    "gru": "linear(x,h0)|sigm(0)|linear(x,h0)|sigm(2)|prod(1,h0)|linear(x,4)|tanh(5)|blend(3,h0,6)>7",
}
"""The benchmark's three hand-made cells; its "LSTM" has a tanh as output gate."""


def from_recipe(recipe: Mapping[str, Any]) -> str:
    """The key of a recipe, its nodes and inputs in the recipe's order.

    Raises:
        ValueError: a recipe that is no cell; the message names the first fault.
    """
    try:
        places = {name: number for number, name in enumerate(recipe)}
        states = {name: _STATE.fullmatch(name) for name in places}
        outputs = {int(state[1]): places[name] for name, state in states.items() if state}
        nodes = [
            Node(_NAMES[node["op"]], tuple(_source(source, places) for source in node["input"]))
            for node in recipe.values()
        ]
    except (LookupError, TypeError, AttributeError) as error:
        expected = "an object of nodes with 'op' and 'input'"
        raise ValueError(f"not a recipe, {expected}: {type(error).__name__}: {error}") from error
    if sorted(outputs) != list(range(len(outputs))):
        raise ValueError(f"not a recipe: it makes the hidden states {sorted(outputs)}, not 0 to {len(outputs) - 1}")
    return format(checked(Cell(tuple(nodes), tuple(outputs[number] for number in sorted(outputs))), "the recipe"))


def _source(source: str, places: Mapping[str, int]) -> Input:
    if source in places:
        return places[source]
    return source.replace(_PREVIOUS, "h") if source.startswith(_PREVIOUS) else source


def to_recipe(key: str) -> dict[str, dict[str, Any]]:
    """The recipe of a key, as the benchmark's code takes it; nodes that are no hidden states are named by numbers.

    Raises:
        ValueError: a malformed key.
    """
    cell, back = parse(key), {short: long for long, short in _NAMES.items()}
    names: dict[Input, str] = {number: f"node_{number}" for number in range(len(cell.nodes))}
    names.update({number: f"{_NEW}{state}" for state, number in enumerate(cell.outputs)})
    names.update({state: f"{_PREVIOUS}{state[1:]}" for state in cell.states})
    names["x"] = "x"
    return {
        names[number]: {"op": back[operation], "input": [names[source] for source in inputs]}
        for number, (operation, inputs) in enumerate(cell.nodes)
    }
