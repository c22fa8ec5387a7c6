"""Random cells by the rules of the benchmark's generator (fmsnew/nas-bench-nlp-release)."""

from __future__ import annotations

from random import Random

from naslib_zc_plugin.spaces.nasbench_nlp.keys import ACTIVATIONS, STATES, Cell, Input, Node, reached

INTERMEDIATE = 13
"""Nodes besides the hidden states, before those without use are taken out."""


def draw(rng: Random, states: int) -> Cell:
    """A cell with that many hidden states: drawn until one is valid.

    Until there are ``states`` + 13 nodes: a linear node (probability 1/2), of 2 (4/5) or 3 of the input, the hidden
    states and the activations so far, followed by an activation; or a blend, product or sum (1/6 each) of hidden
    states and nodes so far. Then random nodes become the new hidden states, and nodes that lead to none are taken out.
    The cell is valid if the input and all hidden states are used, none of them by a new hidden state directly.
    """
    while True:
        nodes = _nodes(rng, STATES[:states])
        outputs = rng.sample(range(len(nodes)), states)
        used = reached(nodes, outputs)
        direct = any(source in STATES for number in outputs for source in nodes[number].inputs)
        if not direct and used.issuperset({"x", *STATES[:states]}):
            return kept(Cell(tuple(nodes), tuple(outputs)))


def _nodes(rng: Random, states: tuple[str, ...]) -> list[Node]:
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


def kept(cell: Cell) -> Cell:
    """The cell without the nodes that lead to no new hidden state."""
    used = reached(cell.nodes, cell.outputs)
    numbers = [number for number in range(len(cell.nodes)) if number in used]
    place: dict[Input, Input] = {number: index for index, number in enumerate(numbers)}
    nodes = [
        Node(operation, tuple(place.get(source, source) for source in inputs))
        for operation, inputs in (cell.nodes[number] for number in numbers)
    ]
    return Cell(tuple(nodes), tuple(int(place[number]) for number in cell.outputs))
