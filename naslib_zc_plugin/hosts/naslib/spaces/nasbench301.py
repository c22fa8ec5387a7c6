"""NAS-Bench-301 in NASLib: the cells of DARTS, one normal and one that halves the image.

A spec is two cells, each of eight pairs (place of the input, number of the operation), two for each node. Places 0 and
1 are the outputs of the two cells before, 2 the first node of this one. Swapping the two pairs of a node gives another
spec of the same network; NASLib keeps them as they were drawn, and so do keys.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
"""In NASLib's order."""
CELLS = ("normal", "reduce")
_EDGES = 8
_CONCATENATED = ("[2, 3, 4, 5]", "range(2, 6)")

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


def to_genotype(spec: Spec) -> str:
    """The text of a genotype, as DARTS writes it."""
    parts = []
    for name, cell in zip(CELLS, spec):
        edges = [(OPERATIONS[operation], source) for source, operation in cell]
        parts.append(f"{name}={edges}, {name}_concat={_CONCATENATED[0]}")
    return f"Genotype({', '.join(parts)})"


def from_genotype(text: str) -> Spec:
    """The spec of a genotype's text, as DARTS' code or log has it; inverse of :func:`to_genotype`.

    Raises:
        ValueError: no genotype, or one that is not of this space.
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
        assert isinstance(call, ast.Call), "no call of Genotype"
        parts = {str(each.arg): each.value for each in call.keywords}
        cells = [ast.literal_eval(parts[name]) for name in CELLS]
        ends = [ast.unparse(parts[f"{name}_concat"]) for name in CELLS]
        spec = tuple(tuple((int(place), _number(name)) for name, place in cell) for cell in cells)
    except (AssertionError, SyntaxError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"no genotype of DARTS ({type(error).__name__}: {error}): {text[:200]!r}") from error
    if not set(ends) <= set(_CONCATENATED):
        raise ValueError(f"a cell of NAS-Bench-301 concatenates {_CONCATENATED[0]}, found {ends}")
    check(spec)
    return spec


def _number(operation: str) -> int:
    if operation not in OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}; known: {', '.join(OPERATIONS)}")
    return OPERATIONS.index(operation)


def _is_tuple(value: Any, length: int) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == length
