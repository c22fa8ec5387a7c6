"""NAS-Bench-NLP (Klyuchnikov et al., IEEE Access 2022): recurrent cells for language models.

A cell is a graph of linear maps, gates, products, sums and activations that turns a layer's input and one to three
hidden states into new hidden states; see :mod:`.keys` for how it is written. There is no list of all cells.

>>> from random import Random
>>> SPACE.sample(Random(1))
'linear(h0,x)|leaky_relu(0)|linear(x,1)>2'
>>> len(SPACE.neighbours(EXAMPLES["rnn"]))
8
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import TYPE_CHECKING

from naslib_zc_plugin.spaces._space import check_known, keyed
from naslib_zc_plugin.spaces.nasbench_nlp import keys
from naslib_zc_plugin.spaces.nasbench_nlp.keys import (
    ACTIVATIONS,
    EXAMPLES,
    STATES,
    Cell,
    Input,
    Node,
    from_recipe,
    parse,
    reached,
    to_recipe,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EXAMPLES", "SPACE", "NASBenchNLP", "from_recipe", "to_recipe"]

INTERMEDIATE = 13
"""Nodes besides the hidden states that the generator makes, before unused ones are removed."""


@keyed
class NASBenchNLP:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "nasbench_nlp"
    size = None

    def sample(self, rng: Random) -> str:
        """Draw a cell by the rules of the benchmark's generator (fmsnew/nas-bench-nlp-release).

        It has 1, 2 or 3 hidden states, with the generator's odds of 2000:2000:735. Nodes are drawn until there are 13
        more than hidden states: a linear node (probability 1/2), of 2 (4/5) or 3 of the input, the hidden states and
        the activations so far, followed by an activation; or a blend, product or sum (1/6 each) of hidden states and
        nodes so far. Then random nodes become the new hidden states, and nodes that lead to none are removed. The cell
        is valid if the input and all hidden states are used, none of them by a new hidden state directly; otherwise
        another one is drawn.
        """
        states = STATES[: rng.choices((1, 2, 3), (2000, 2000, 735))[0]]
        while True:
            nodes = _sampled_nodes(rng, states)
            outputs = rng.sample(range(len(nodes)), len(states))
            used = reached(nodes, outputs)
            direct = any(source in STATES for number in outputs for source in nodes[number].inputs)
            if not direct and used.issuperset({"x", *states}):
                return keys.format(without_unused(Cell(tuple(nodes), tuple(outputs))))

    def neighbours(self, key: str) -> list[str]:
        """Return the cells one change away, by node, in a fixed order, each once.

        A change gives a node another activation, or a sum for a product; takes another input for one; adds an input to
        a linear node of two, or removes one of three; turns a product or a sum into a blend, or a blend into one of
        them; or puts a new linear node with its activation before an input of a linear node. Nodes that then lead
        nowhere are removed. New hidden states never come to use previous ones directly, and no cell grows beyond the
        generator's largest.
        """
        numbers = range(len(parse(key).nodes))
        return list(dict.fromkeys(changed for number in numbers for changed in _changes_of(key, number)))

    def mutate(self, key: str, rng: Random, rule: str = "node") -> str:
        """Draw a neighbour.

        Args:
            key: the parent.
            rng: the source of randomness.
            rule: ``"node"`` draws a node, then one of the neighbours that change it; ``"edge"`` any of the neighbours.

        Raises:
            ValueError: a malformed key or another rule.
        """
        check_known("mutation rule", rule, ["node", "edge"])
        if rule == "edge":
            return rng.choice(self.neighbours(key))
        numbers = list(range(len(parse(key).nodes)))
        rng.shuffle(numbers)
        return rng.choice(next(found for found in (_changes_of(key, number) for number in numbers) if found))

    def canonical(self, key: str) -> str:
        """Return the representative of the keys that build the same network (see :func:`.keys.canonical`)."""
        return keys.canonical(key)

    def index(self, key: str) -> int:
        """Raise: cells are not counted.

        Raises:
            ValueError: always.
        """
        raise ValueError("the cells of nasbench_nlp are not counted and have no positions: ask by keys")

    def key(self, index: int) -> str:
        """Raise: cells are not counted.

        Raises:
            ValueError: always.
        """
        raise ValueError("the cells of nasbench_nlp are not counted and have no positions: sample some")

    def build(
        self,
        key: str,
        num_classes: int = 10_000,
        variant: str = "logits",
        embedding: int = 400,
        hidden: int = 600,
        layers: int = 3,
    ) -> nn.Module:
        """Build the freshly initialised language model of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nasbench_nlp import network

        return network.build(parse(key), num_classes, variant, embedding, hidden, layers)


SPACE = NASBenchNLP()


def _sampled_nodes(rng: Random, states: tuple[str, ...]) -> list[Node]:
    """Draw nodes until there are enough."""
    nodes: list[Node] = []
    activations: list[Input] = []
    while len(nodes) < len(states) + INTERMEDIATE:
        operation = rng.choices(("linear", "blend", "prod", "sum"), (3, 1, 1, 1))[0]
        if operation == "linear":
            sources: list[Input] = ["x", *states, *activations]
            number = rng.choices((2, 3), (4, 1))[0]
            nodes.append(Node("linear", tuple(rng.sample(sources, min(number, len(sources))))))
            activations.append(len(nodes))
            nodes.append(Node(rng.choice(ACTIVATIONS), (len(nodes) - 1,)))
        else:
            sources, number = [*states, *range(len(nodes))], 3 if operation == "blend" else 2
            if number <= len(sources):
                nodes.append(Node(operation, tuple(rng.sample(sources, number))))
    return nodes


def without_unused(cell: Cell) -> Cell:
    """Return the cell without the nodes that lead to no new hidden state."""
    used = reached(cell.nodes, cell.outputs)
    numbers = [number for number in range(len(cell.nodes)) if number in used]
    place: dict[Input, Input] = {number: index for index, number in enumerate(numbers)}
    nodes = [
        Node(operation, tuple(place.get(source, source) for source in inputs))
        for operation, inputs in (cell.nodes[number] for number in numbers)
    ]
    return Cell(tuple(nodes), tuple(int(place[number]) for number in cell.outputs))


_PAIRED = {"prod": "sum", "sum": "prod"}


def _changes_of(key: str, number: int) -> list[str]:
    """Return the neighbours that a change of one node makes."""
    cell, own = parse(key), keys.canonical(key)
    most = max(len(cell.nodes), len(cell.outputs) + INTERMEDIATE + 1)
    found: dict[str, None] = {}
    for nodes in _changed(cell, number):
        try:
            changed = without_unused(Cell(tuple(nodes), cell.outputs))
            if len(changed.nodes) <= most and not _worse(cell, changed):
                found[keys.canonical(keys.format(keys.checked(changed)))] = None
        except ValueError:
            continue  # a circle, or an input or a hidden state that is not used any more
    found.pop(own, None)
    return list(found)


def _worse(before: Cell, after: Cell) -> bool:
    """Return whether more new hidden states than before use a previous one directly."""

    def direct(cell: Cell) -> int:  # uses of previous hidden states by new ones
        return sum(not {*STATES}.isdisjoint(cell.nodes[number].inputs) for number in cell.outputs)

    return direct(after) > direct(before)


def _changed(cell: Cell, number: int) -> Iterator[list[Node]]:
    """Yield the nodes after each change of one of them, whether they make a cell or not."""
    operation, inputs = cell.nodes[number]

    def to(new: str, sources: list[Input]) -> list[Node]:  # the nodes with another operation or inputs at this one
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
    """Return the sources that the generator offers an operation: linear nodes see activations, others all but x."""
    if operation != "linear":
        return [*cell.states, *range(len(cell.nodes))]
    activations = [number for number, node in enumerate(cell.nodes) if node.operation in ACTIVATIONS]
    return ["x", *cell.states, *activations]


def _deeper(cell: Cell, number: int) -> Iterator[list[Node]]:
    """Yield the cells in which an input of a linear node first goes through a new linear node and an activation."""
    inputs = cell.nodes[number].inputs
    for place, source in enumerate(inputs):
        for other, activation in product(("x", *cell.states), ACTIVATIONS):
            if other != source:
                nodes = [*cell.nodes, Node("linear", (source, other)), Node(activation, (len(cell.nodes),))]
                nodes[number] = Node("linear", (*inputs[:place], len(nodes) - 1, *inputs[place + 1 :]))
                yield nodes
