"""Elementary changes of a cell, by which a search walks from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from naslib_zc_plugin.spaces.nasbench_nlp.canonical import canonical
from naslib_zc_plugin.spaces.nasbench_nlp.drawing import INTERMEDIATE, kept
from naslib_zc_plugin.spaces.nasbench_nlp.keys import ACTIVATIONS, STATES, Cell, Input, Node, checked, format, parse

_PAIRED = {"prod": "sum", "sum": "prod"}


def neighbours(key: str) -> list[str]:
    """The cells one change away, each once.

    A change gives a node another activation, or a sum for a product; takes another input in place of one; adds an input
    to a linear node of two, or takes one from one of three; makes a blend of a product or a sum, or one of them of a
    blend; or puts a new linear node with its activation before an input of a linear node. What leads nowhere then is
    taken out. New hidden states never come to use previous ones directly, and no cell grows beyond the generator's
    largest.
    """
    return list(dict.fromkeys(changed for number in range(len(parse(key).nodes)) for changed in _of_node(key, number)))


def mutate(key: str, rng: Random, rule: str) -> str:
    """A random neighbour; see the space.

    Raises:
        ValueError: for a malformed key or another rule.
    """
    if rule not in ("node", "edge"):
        raise ValueError(f"unknown mutation rule {rule!r}; use 'node' or 'edge'")
    if rule == "edge":
        return rng.choice(neighbours(key))
    numbers = list(range(len(parse(key).nodes)))
    rng.shuffle(numbers)
    return rng.choice(next(found for found in (_of_node(key, number) for number in numbers) if found))


def _of_node(key: str, number: int) -> list[str]:
    """The neighbours that a change of one node makes."""
    cell, own = parse(key), canonical(key)
    most = max(len(cell.nodes), len(cell.outputs) + INTERMEDIATE + 1)
    found: dict[str, None] = {}
    for nodes in _changed(cell, number):
        try:
            changed = kept(Cell(tuple(nodes), cell.outputs))
            if len(changed.nodes) <= most and not _worse(cell, changed):
                found[canonical(format(checked(changed)))] = None
        except ValueError:
            continue  # a circle, or an input or a hidden state that is not used any more
    found.pop(own, None)
    return list(found)


def _worse(before: Cell, after: Cell) -> bool:
    """Whether more new hidden states than before use a previous one directly."""
    direct = [
        sum({*STATES} & {*cell.nodes[number].inputs} != set() for number in cell.outputs) for cell in (before, after)
    ]
    return direct[1] > direct[0]


def _changed(cell: Cell, number: int) -> Iterator[list[Node]]:
    operation, inputs = cell.nodes[number]

    def to(new: str, sources: list[Input]) -> list[Node]:
        nodes = list(cell.nodes)
        nodes[number] = Node(new, tuple(sources))
        return nodes

    if operation in ACTIVATIONS:
        yield from (to(other, list(inputs)) for other in ACTIVATIONS if other != operation)
        return
    candidates = [source for source in _candidates(cell, operation) if source != number and source not in inputs]
    if operation in _PAIRED:
        yield to(_PAIRED[operation], list(inputs))
        yield from (to("blend", [source, *inputs]) for source in candidates)
    for place in range(len(inputs)):
        rest = [*inputs[:place], *inputs[place + 1 :]]
        yield from (to(operation, [*inputs[:place], source, *inputs[place + 1 :]]) for source in candidates)
        if operation == "blend":
            yield from (to(other, rest) for other in _PAIRED)
        if operation == "linear" and len(inputs) == 3:
            yield to(operation, rest)
    if operation == "linear":
        if len(inputs) == 2:
            yield from (to(operation, [*inputs, source]) for source in candidates)
        yield from _deeper(cell, number)


def _candidates(cell: Cell, operation: str) -> list[Input]:
    """What the generator lets an operation take: linear nodes see activations, the others everything but x."""
    if operation != "linear":
        return [*cell.states, *range(len(cell.nodes))]
    activations = [number for number, node in enumerate(cell.nodes) if node.operation in ACTIVATIONS]
    return ["x", *cell.states, *activations]


def _deeper(cell: Cell, number: int) -> Iterator[list[Node]]:
    """An input of a linear node goes through a new linear node, with one of the sources, and an activation first."""
    inputs = cell.nodes[number].inputs
    for place, source in enumerate(inputs):
        for other in ("x", *cell.states):
            if other == source:
                continue
            for activation in ACTIVATIONS:
                nodes = [*cell.nodes, Node("linear", (source, other)), Node(activation, (len(cell.nodes),))]
                moved = (*inputs[:place], len(nodes) - 1, *inputs[place + 1 :])
                nodes[number] = Node("linear", moved)
                yield nodes
