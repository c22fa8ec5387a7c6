"""Recurrent cells as text, keys that build one network, and the benchmark's own format; without torch.

A key names a cell's nodes one after another, then which of them are the new hidden states.

``linear(x,h0)|tanh(0)>1`` is the plain recurrent cell: node 0 is a linear map of the input and the hidden state, node 1
its tanh, which is the new hidden state 0. Nodes are numbered by their place; an input is ``x``, a previous hidden state
``h0``, ``h1``, ``h2``, or a node's number. After ``>`` stand the nodes that become hidden state 0, 1, 2; state 0 is
the layer's output. Nodes need not be in the order of evaluation.

>>> canonical("tanh(1)|linear(x,h0)>0")
'linear(x,h0)|tanh(0)>1'
>>> from_recipe(to_recipe(EXAMPLES["gru"])) == EXAMPLES["gru"]
True
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, Union

Input = Union[str, int]

INPUTS = {"linear": (2, 3), "blend": (3,), "prod": (2,), "sum": (2,), "tanh": (1,), "sigm": (1,), "leaky_relu": (1,)}
"""How many inputs each operation takes."""
ACTIVATIONS = ("tanh", "sigm", "leaky_relu")
STATES = ("h0", "h1", "h2")
MOST = 1_000
"""Nodes that a cell may have; the benchmark's have at most 17."""
_NODE = re.compile(r"([a-z_]+)\(([a-z0-9,]*)\)")
_NUMBER = re.compile(r"0|[1-9]\d{0,3}", re.ASCII)


class Node(NamedTuple):
    """An operation and its inputs, in order."""

    operation: str
    inputs: tuple[Input, ...]


class Cell(NamedTuple):
    """A recurrent cell: its nodes, and which of them are the new hidden states."""

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The previous hidden states, as many as there are outputs."""
        return STATES[: len(self.outputs)]


@lru_cache(maxsize=1 << 14)
def parse(key: str) -> Cell:
    """Return the cell of a key.

    Raises:
        ValueError: the text is no cell; the message names the first fault.
    """
    text, arrow, last = key.partition(">")
    if not arrow:
        raise ValueError(f"{key!r}: expected nodes, '>' and the numbers of the new hidden states")
    nodes = []
    for number, part in enumerate(text.split("|")):
        found = _NODE.fullmatch(part)
        if found is None:
            raise ValueError(f"{key!r}: node {number} must be an operation and its inputs, found {part!r}")
        nodes.append(Node(found[1], tuple(_input(name) for name in found[2].split(","))))
    outputs = last.split(",")
    if not all(map(_NUMBER.fullmatch, outputs)):
        raise ValueError(f"{key!r}: expected numbers of nodes after '>', found {last!r}")
    return checked(Cell(tuple(nodes), tuple(map(int, outputs))), repr(key))


def _input(name: str) -> Input:
    return int(name) if _NUMBER.fullmatch(name) else name


def format(cell: Cell) -> str:
    """Return the text of a cell; inverse of :func:`parse`."""
    nodes = (f"{node.operation}({','.join(map(str, node.inputs))})" for node in cell.nodes)
    return f"{'|'.join(nodes)}>{','.join(map(str, cell.outputs))}"


def checked(cell: Cell, name: str = "the cell") -> Cell:
    """Return the cell itself, if it is one.

    Raises:
        ValueError: too many nodes, unknown operations or inputs, wrong numbers of them, one taken twice, a circle, or a
            node, an input or a hidden state that nothing uses.
    """
    nodes, outputs = cell
    if len(nodes) > MOST:
        raise ValueError(f"{name:.200}: a cell has at most {MOST} nodes, found {len(nodes)}")
    if not 1 <= len(outputs) <= len(STATES) or len({*outputs}) < len(outputs) or max(outputs) >= len(nodes):
        raise ValueError(f"{name}: expected 1 to 3 different nodes as new hidden states, found {outputs}")
    for number, (operation, inputs) in enumerate(nodes):
        if operation not in INPUTS:
            raise ValueError(f"{name}: unknown operation {operation!r}; known: {', '.join(INPUTS)}")
        if len(inputs) not in INPUTS[operation]:
            counts = " or ".join(map(str, INPUTS[operation]))
            raise ValueError(f"{name}: {operation} has {counts} inputs, node {number} has {len(inputs)}")
        if len({*inputs}) < len(inputs):
            raise ValueError(f"{name}: node {number} takes an input twice")
        known = {*range(len(nodes)), *cell.states, *(["x"] if operation == "linear" else [])}
        unknown = [source for source in inputs if source not in known]
        if unknown:
            raise ValueError(
                f"{name}: {unknown[0]!r} cannot be an input of node {number}: that is one of {', '.join(cell.states)} "
                f"or a node from 0 to {len(nodes) - 1}; of linear also x"
            )
    used = reached(nodes, outputs)
    missing = [place for place in ("x", *cell.states, *range(len(nodes))) if place not in used]
    if missing:
        raise ValueError(f"{name}: {missing[0]} has no way to a new hidden state")
    order(nodes)
    return cell


def reached(nodes: Sequence[Node], outputs: Iterable[int]) -> set[Input]:
    """Return all sources and nodes from which a path leads to one of the outputs."""
    found: set[Input] = set()
    pending: list[Input] = list(outputs)
    while pending:
        place = pending.pop()
        if place not in found:
            found.add(place)
            pending += nodes[place].inputs if isinstance(place, int) else ()
    return found


def order(nodes: Sequence[Node]) -> list[int]:
    """Return the nodes' numbers in an order of evaluation, as early as their inputs allow.

    Raises:
        ValueError: some nodes depend on each other in a circle.
    """
    done: dict[int, None] = {}
    while len(done) < len(nodes):
        ready = [
            number
            for number, node in enumerate(nodes)
            if number not in done and all(source in done for source in node.inputs if isinstance(source, int))
        ]
        if not ready:
            raise ValueError("the cell has nodes that wait for one another in a circle")
        done.update(dict.fromkeys(ready))
    return list(done)


# Keys that build the same network, weights included. The weights of a cell are drawn linear node by linear node, input
# by input. A key may change everything but that order: the places of the other nodes, and the order in which sums and
# products (which commute exactly in floating point) take their inputs. Cells that differ in the order of their linear
# nodes have equally distributed weights, but other ones: they are kept apart, so that a published score, which belongs
# to weights drawn in a recipe's own order, has a key.

_COMMUTE = ("prod", "sum")
_LONGEST = 1 << 12
"""Characters of a term, ten times those of the benchmark's longest; longer ones are compared by their hashes."""


@lru_cache(maxsize=1 << 14)
def canonical(key: str) -> str:
    """Return the key with linear nodes first, in their order, then the others sorted by their terms.

    Two of the others with one term are sorted by their uses, then by the order in which a walk from the new hidden
    states back meets them.
    """
    cell = parse(key)
    terms = _terms(cell)
    linear = [number for number, node in enumerate(cell.nodes) if node.operation == "linear"]
    others = [number for number in order(cell.nodes) if cell.nodes[number].operation != "linear"]
    distinct = len({terms[number] for number in others}) == len(others)
    ties = {} if distinct else _ties(cell, terms)
    others.sort(key=lambda number: (terms[number].count("("), terms[number], ties.get(number)))
    place: dict[Input, Input] = {number: index for index, number in enumerate([*linear, *others])}
    nodes = []
    for number in (*linear, *others):
        operation, inputs = cell.nodes[number]
        moved = [place.get(source, source) for source in inputs]
        nodes.append(Node(operation, tuple(sorted(moved, key=str) if operation in _COMMUTE else moved)))
    return format(Cell(tuple(nodes), tuple(int(place[number]) for number in cell.outputs)))


def _terms(cell: Cell) -> dict[Input, str]:
    """Return the term of each node, written out down to sources and linear nodes, which stand for their own weights."""
    terms: dict[Input, str] = {}
    linear = 0
    for number, node in enumerate(cell.nodes):
        if node.operation == "linear":
            terms[number], linear = f"linear{linear}", linear + 1
    for number in order(cell.nodes):
        operation, inputs = cell.nodes[number]
        if operation != "linear":
            written = [terms.get(source, str(source)) for source in inputs]
            term = f"{operation}({','.join(sorted(written) if operation in _COMMUTE else written)})"
            # Written out, a node may have exponentially many terms.
            terms[number] = term if len(term) <= _LONGEST else sha256(term.encode()).hexdigest()
    return terms


def _ties(cell: Cell, terms: dict[Input, str]) -> dict[int, tuple[list[str], list[int], int]]:
    """Return sort keys for nodes of equal terms: their uses, the hidden states that they become, and their rank."""
    uses: dict[Input, list[tuple[int, int]]] = {number: [] for number in range(len(cell.nodes))}
    for user, (operation, inputs) in enumerate(cell.nodes):
        for place, source in enumerate(inputs):
            if isinstance(source, int):
                uses[source].append((user, 0 if operation in _COMMUTE else place))
    becomes = {number: [state for state, output in enumerate(cell.outputs) if output == number] for number in uses}
    contexts: dict[Input, str] = {}
    for number in reversed(order(cell.nodes)):
        beyond = sorted((contexts[user], place) for user, place in uses[number])
        contexts[number] = sha256(repr((terms[number], beyond, becomes[number])).encode()).hexdigest()
    ranks = _ranks(cell, contexts)
    return {
        number: (sorted(f"{terms[user]} {place}" for user, place in uses[number]), becomes[number], ranks[number])
        for number in range(len(cell.nodes))
    }


def _ranks(cell: Cell, contexts: dict[Input, str]) -> dict[int, int]:
    """Rank nodes in the order of a depth-first walk from the outputs, the same however the cell is written."""
    ranks: dict[int, int] = {}
    pending = list(reversed(cell.outputs))
    while pending:
        number = pending.pop()
        if number not in ranks:
            ranks[number] = len(ranks)
            operation, inputs = cell.nodes[number]
            sources = [source for source in inputs if isinstance(source, int)]
            if operation in _COMMUTE:
                sources.sort(key=lambda source: (contexts[source], ranks.get(source, len(cell.nodes))))
            pending += reversed(sources)
    return ranks


# The benchmark's own format: a JSON object from names of nodes to operations and inputs, a "recipe".

_LONG = "linear blend elementwise_prod elementwise_sum activation_tanh activation_sigm activation_leaky_relu"
_NAMES = dict(zip(_LONG.split(), INPUTS))  # the same operations, in the same order
_PREVIOUS, _NEW = "h_prev_", "h_new_"
_STATE = re.compile(rf"{_NEW}(\d{{1,3}})", re.ASCII)


def from_recipe(recipe: Mapping[str, Any]) -> str:
    """Return the key of a recipe, its nodes and inputs in the recipe's order.

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
    """Return the recipe of a key, as the benchmark's code takes it; nodes that make no hidden state have numbers.

    Raises:
        ValueError: a malformed key.
    """
    cell, back = parse(key), dict(zip(INPUTS, _NAMES))
    names: dict[Input, str] = {number: f"node_{number}" for number in range(len(cell.nodes))}
    names.update({number: f"{_NEW}{state}" for state, number in enumerate(cell.outputs)})
    names.update({state: f"{_PREVIOUS}{state[1:]}" for state in cell.states})
    names["x"] = "x"
    return {
        names[number]: {"op": back[operation], "input": [names[source] for source in inputs]}
        for number, (operation, inputs) in enumerate(cell.nodes)
    }


EXAMPLES = {
    "rnn": "linear(x,h0)|tanh(0)>1",
    "lstm": "linear(x,h0)|tanh(0)|linear(x,h0)|sigm(2)|linear(x,h0)|sigm(4)|linear(x,h0)|tanh(6)"
    "|prod(5,h1)|prod(1,3)|sum(8,9)|tanh(10)|prod(11,7)>12,10",
    "gru": "linear(x,h0)|sigm(0)|linear(x,h0)|sigm(2)|prod(1,h0)|linear(x,4)|tanh(5)|blend(3,h0,6)>7",
}
"""The benchmark's three hand-made cells; its "LSTM" has a tanh as output gate."""
