"""Architecture strings of NAS-Bench-201, their names in NASLib, and classes of strings with the same network.

Relabelling the inner nodes 1 and 2 of a cell gives a valid cell only if no operation runs from one to the other, that
is if edge (1→2) is ``none``: it then adds a zero tensor to node 2 before and to node 1 after. The relabelled cell has
the same operations between the same tensors, hence the same parameters, ReLUs and gradients under the renaming
(0→1)↔(0→2), (1→3)↔(2→3) of its edges; node names are arbitrary, so initialisation has the same distribution. Of the
3,125 such strings 125 are their own image, which leaves 15,625 - (3,125 - 125) / 2 = 14,125 classes.

*Exactness.* In real arithmetic the two networks are equal. In floating point, adding a (signed) zero is exact, and the
one thing that changes is the order of node 3's sum: (e03 + e13) + e23 becomes (e03 + e23) + e13. Where one of the three
is ``none`` at most two summands are not zero, and addition commutes: the networks are bitwise equal (740 of the 1,500
pairs). Elsewhere they differ by the rounding of one addition per cell: up to 2e-6 of the largest logit in float32 over
the other 760 pairs, and a ReLU code may flip where a pre-activation is that close to zero. Scoring the canonical key
gives a class one score by construction.

*What is not merged.* Zero times a finite tensor is zero, so more strings compute equal functions: whatever leaves a
node that nothing reaches, branches that nothing reads, parallel branches of equal kind. Their networks differ in
modules, ReLUs or parameters, and with them the scores. The benchmark's ``unique_str`` merges these: 578 of its 6,466
classes join networks of different parameter counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@lru_cache(maxsize=1 << 14)  # the whole space: searches read the same keys again and again
def parse(key: str) -> tuple[str, ...]:
    """Return the operations of a key on the edges (0→1) (0→2) (1→2) (0→3) (1→3) (2→3).

    Raises:
        ValueError: the string is not an architecture; the message names the first fault.
    """
    nodes = key.split("+")
    if len(nodes) != 3:
        raise ValueError(f"{key!r}: expected 3 nodes joined by '+', found {len(nodes)}")
    return tuple(operation for target, text in enumerate(nodes, start=1) for operation in _incoming(key, target, text))


def _incoming(key: str, target: int, text: str) -> list[str]:
    """Return the operations on the edges into a node, from its part of the key."""
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
    """Return the key of six operations in the order of :data:`EDGES`; inverse of :func:`parse`.

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


def canonical(key: str) -> str:
    """Return the key, or its image under swapping nodes 1 and 2 where that is valid and comes first.

    First is the smaller one by the operations' positions in :data:`OPERATIONS`, edge by edge.
    """
    operations = parse(key)
    e01, e02, e12, e03, e13, e23 = operations
    swapped = (e02, e01, e12, e03, e23, e13) if e12 == "none" else operations
    return format(min(operations, swapped, key=lambda cell: list(map(OPERATIONS.index, cell))))


# NASLib's order of edges (0→1) (0→2) (0→3) (1→2) (1→3) (2→3), as positions in EDGES, and of operations.
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)
_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")


def to_naslib(key: str) -> tuple[int, ...]:
    """Return the numbers of a key in NASLib (``naslib/search_spaces/nasbench201/conversions.py``, Develop branch)."""
    operations = parse(key)
    return tuple(_NASLIB_OPERATIONS.index(operations[edge]) for edge in _NASLIB_EDGES)


def from_naslib(numbers: Sequence[int]) -> str:
    """Return the key of NASLib's numbers; inverse of :func:`to_naslib`.

    Raises:
        ValueError: not six numbers from 0 to 4.
    """
    if len(numbers) != len(EDGES) or not all(number in range(len(_NASLIB_OPERATIONS)) for number in numbers):
        raise ValueError(f"NASLib knows a cell by {len(EDGES)} numbers from 0 to 4, found {numbers!r}")
    # The order of edges is its own inverse.
    return format([_NASLIB_OPERATIONS[numbers[edge]] for edge in _NASLIB_EDGES])
