"""Specs of NAS-Bench-301 as NASLib has them, and their text, which is the key.

A spec is two cells, one normal and one that halves the image, each of eight pairs (place of the input, number of the
operation), two for each node. Places 0 and 1 are the outputs of the two cells before, 2 the first node of this one.
Swapping the two pairs of a node gives another spec of the same network.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from naslib_zc_plugin.spaces._nds import keys_genotype
from naslib_zc_plugin.spaces._nds.keys import CELLS

OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
"""In NASLib's order."""
_EDGES = 8
_CONCATENATED = (2, 3, 4, 5)

Spec = tuple[tuple[tuple[int, int], ...], ...]


def check(spec: Any) -> None:
    """Nothing, for a spec.

    Raises:
        ValueError: not two cells of eight pairs, an input that does not come before its node or comes twice, or an
            unknown operation.
    """
    if not _is_tuple(spec, 2) or not all(_is_tuple(cell, _EDGES) for cell in spec):
        raise ValueError(f"a spec of NAS-Bench-301 is two cells of {_EDGES} pairs (input, operation)")
    for name, cell in zip(CELLS, spec):
        for number, pair in enumerate(cell):
            node = 2 + number // 2
            if not _is_tuple(pair, 2) or pair[0] not in range(node) or pair[1] not in range(len(OPERATIONS)):
                raise ValueError(
                    f"{name}: pair {number} is {pair!r}, expected an input below {node} and an operation below "
                    f"{len(OPERATIONS)}"
                )
            if number % 2 and pair[0] == cell[number - 1][0]:
                raise ValueError(f"{name}: both inputs of node {node} are {pair[0]}")


def neighbours(spec: Spec) -> list[Spec]:
    """The specs with another operation or another input in one pair, by cell, pair and number."""
    found = []
    for c, cell in enumerate(spec):
        for number, (source, operation) in enumerate(cell):
            taken = {source, cell[number ^ 1][0]}
            pairs = [(source, other) for other in range(len(OPERATIONS)) if other != operation]
            pairs += [(other, operation) for other in range(2 + number // 2) if other not in taken]
            for pair in pairs:
                changed = (*cell[:number], pair, *cell[number + 1 :])
                found.append((*spec[:c], changed, *spec[c + 1 :]))
    return found


def parse(key: str) -> Spec:
    """The spec of a key.

    Raises:
        ValueError: the text is none, or is written otherwise than :func:`format` does.
    """
    try:
        found = ast.literal_eval(key)
        check(found)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a key of nasbench301: {key[:200]!r} ({error})") from error
    # Of what equals a number, a number alone is written.
    spec: Spec = tuple(tuple((int(place), int(number)) for place, number in cell) for cell in found)
    if str(spec) != key:
        raise ValueError(f"not a key of nasbench301, as it is written: {key[:200]!r}; it would be {str(spec)!r}")
    return spec


def canonical(spec: Spec) -> Spec:
    """The spec with the two pairs of each node in order, the earlier place first."""
    return tuple(tuple(pair for node in range(0, _EDGES, 2) for pair in sorted(cell[node : node + 2])) for cell in spec)


def named(spec: Spec) -> dict[str, tuple[tuple[str, int], ...]]:
    """The edges of each cell, (operation, place of the input)."""
    return {name: tuple((OPERATIONS[number], place) for place, number in cell) for name, cell in zip(CELLS, spec)}


def to_genotype(spec: Spec) -> str:
    """The text of a genotype, as DARTS writes it."""
    return keys_genotype.write(named(spec), dict.fromkeys(CELLS, _CONCATENATED))


def from_genotype(text: str) -> Spec:
    """The spec of a genotype's text, as DARTS' code or log has it; inverse of :func:`to_genotype`.

    Raises:
        ValueError: no genotype, or one that is not of this space.
    """
    cells, ends = keys_genotype.read(text)
    if set(ends.values()) != {_CONCATENATED}:
        raise ValueError(f"a cell of NAS-Bench-301 concatenates {_CONCATENATED}, found {ends}")
    spec = tuple(tuple((place, _number(name)) for name, place in cells[cell]) for cell in CELLS)
    check(spec)
    return spec


def _number(operation: str) -> int:
    if operation not in OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}; known: {', '.join(OPERATIONS)}")
    return OPERATIONS.index(operation)


def _is_tuple(value: Any, length: int) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == length
