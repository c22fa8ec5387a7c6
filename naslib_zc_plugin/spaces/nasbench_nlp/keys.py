"""The text of a recurrent cell: its nodes one after another, then which of them are the new hidden states.

``linear(x,h0)|tanh(0)>1`` is the plain recurrent cell: node 0 is a linear map of the input and the hidden state, node 1
its tanh, which is the new hidden state 0. Nodes are numbered by their place; an input is ``x``, a previous hidden state
``h0``, ``h1``, ``h2``, or a node's number. After ``>`` stand the nodes that become hidden state 0, 1, 2; state 0 is
the layer's output. Nodes need not be in the order of evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, Union

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
    """The cell of a key.

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
    """The text of a cell; inverse of :func:`parse`."""
    nodes = (f"{node.operation}({','.join(map(str, node.inputs))})" for node in cell.nodes)
    return f"{'|'.join(nodes)}>{','.join(map(str, cell.outputs))}"


def checked(cell: Cell, name: str = "the cell") -> Cell:
    """The cell itself, if it is one.

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
    """Everything from which a way leads to one of the outputs."""
    found: set[Input] = set()
    pending: list[Input] = list(outputs)
    while pending:
        place = pending.pop()
        if place not in found:
            found.add(place)
            pending += nodes[place].inputs if isinstance(place, int) else ()
    return found


def order(nodes: Sequence[Node]) -> list[int]:
    """The nodes' numbers in an order of evaluation, as early as their inputs allow.

    Raises:
        ValueError: there is none, for some go in a circle.
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
