"""Architecture strings of NAS-Bench-201 and their official numbering."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import product
from random import Random

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@lru_cache(maxsize=1 << 14)  # the whole space: searches read the same keys again and again
def parse(key: str) -> tuple[str, ...]:
    """The operations of a key on the edges (0→1) (0→2) (1→2) (0→3) (1→3) (2→3).

    Raises:
        ValueError: the string is not an architecture; the message names the first fault.
    """
    nodes = key.split("+")
    if len(nodes) != 3:
        raise ValueError(f"{key!r}: expected 3 nodes joined by '+', found {len(nodes)}")
    return tuple(operation for target, text in enumerate(nodes, start=1) for operation in _incoming(key, target, text))


def _incoming(key: str, target: int, text: str) -> list[str]:
    if len(text) < 2 or text[0] != "|" or text[-1] != "|":
        raise ValueError(f"{key!r}: node {target} must begin and end with '|', found {text!r}")
    edges = text[1:-1].split("|")
    if len(edges) != target:
        raise ValueError(f"{key!r}: node {target} has {target} incoming edge(s), found {len(edges)}")
    operations = []
    for source, edge in enumerate(edges):
        operation, tilde, number = edge.partition("~")
        if operation not in OPERATIONS:
            raise ValueError(f"{key!r}: unknown operation {operation!r}; known: {', '.join(OPERATIONS)}")
        if not tilde or number != str(source):
            raise ValueError(f"{key!r}: expected '{operation}~{source}' into node {target}, found {edge!r}")
        operations.append(operation)
    return operations


def format(operations: Sequence[str]) -> str:
    """The key of six operations in the order of :data:`EDGES`; inverse of :func:`parse`.

    Raises:
        ValueError: not six operations, or an unknown one.
    """
    if len(operations) != len(EDGES):
        raise ValueError(f"a cell has {len(EDGES)} operations, found {len(operations)}")
    unknown = [operation for operation in operations if operation not in OPERATIONS]
    if unknown:
        raise ValueError(f"unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
    a, b, c, d, e, f = operations
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def replace(key: str, edge: int, operation: str) -> str:
    """``key`` with another operation on one edge (an index into :data:`EDGES`)."""
    operations = list(parse(key))
    operations[edge] = operation
    return format(operations)


def index(key: str) -> int:
    """Position of ``key`` in the benchmark's official order, 0 to 15,624."""
    return _positions()[format(parse(key))]


def key(index: int) -> str:
    """The key at a position of the official order.

    Raises:
        ValueError: no such position.
    """
    order = _order()
    if not 0 <= index < len(order):
        raise ValueError(f"NAS-Bench-201 has the indices 0 to {len(order) - 1}, found {index}")
    return order[index]


# NASLib's order of edges (0→1) (0→2) (0→3) (1→2) (1→3) (2→3), as positions in EDGES, and of operations.
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)
_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")


def naslib(key: str) -> tuple[int, ...]:
    """The numbers of a key in NASLib (``naslib/search_spaces/nasbench201/conversions.py``, Develop branch)."""
    operations = parse(key)
    return tuple(_NASLIB_OPERATIONS.index(operations[edge]) for edge in _NASLIB_EDGES)


def from_naslib(numbers: Sequence[int]) -> str:
    """The key of NASLib's numbers; inverse of :func:`naslib`.

    Raises:
        ValueError: not six numbers from 0 to 4.
    """
    if len(numbers) != len(EDGES) or not all(number in range(len(_NASLIB_OPERATIONS)) for number in numbers):
        raise ValueError(f"NASLib knows a cell by {len(EDGES)} numbers from 0 to 4, found {numbers!r}")
    # The order of edges is its own inverse.
    return format([_NASLIB_OPERATIONS[numbers[edge]] for edge in _NASLIB_EDGES])


@cache
def _order() -> tuple[str, ...]:
    """The benchmark's order: all cells, first edge slowest, shuffled once with the seed of its generator."""
    order = [format(operations) for operations in product(OPERATIONS, repeat=len(EDGES))]
    Random(88).shuffle(order)
    return tuple(order)


@cache
def _positions() -> dict[str, int]:
    return {key: position for position, key in enumerate(_order())}
