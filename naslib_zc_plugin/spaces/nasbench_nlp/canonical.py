"""Which keys build the same network, weights included.

The weights of a cell are drawn linear node by linear node, input by input. What does not change that order changes
nothing: where the other nodes stand, and in which order sums and products (which commute exactly in floating point)
take their inputs. Cells that differ in the order of their linear nodes have equally distributed weights, but other
ones: they are kept apart, so that a published score, which belongs to weights drawn in a recipe's own order, has a key.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from naslib_zc_plugin.spaces.nasbench_nlp.keys import Cell, Input, Node, format, order, parse

_COMMUTE = ("prod", "sum")
_LONGEST = 1 << 12
"""Characters of a term, ten times those of the benchmark's longest; longer ones are told apart by their hashes."""


@lru_cache(maxsize=1 << 14)
def canonical(key: str) -> str:
    """The key with linear nodes first, in their order, then the others by what they compute.

    Two of the others that compute the same are told apart by what uses them, then by the order in which one comes upon
    them on the way from the new hidden states back.
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
    """What each node computes, written out down to sources and linear nodes, which stand for their own weights."""
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
    """What tells nodes apart that compute the same: their uses, the hidden states that they become, and their rank."""
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
    """The nodes in the order of a depth-first walk from the outputs, the same however the cell is written."""
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
