"""Genotypes in DARTS' notation: ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], ...)``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from naslib_zc_plugin.spaces._nds.keys import CELLS, Edges

Cells = dict[str, Edges]
Concatenated = dict[str, tuple[int, ...]]

_FIELDS = ", ".join(f"{cell}, {cell}_concat" for cell in CELLS)
_LARGEST = 1_000  # place that a range may reach
_LONGEST = 10_000  # characters; those of ten nodes are a tenth of it


def read(given: str | Mapping[str, Any]) -> tuple[Cells, Concatenated]:
    """The edges of each cell, and the places that are concatenated.

    Args:
        given: the text, in which a list of places may be a ``range``; or, as in JSON, a mapping of the four fields.

    Raises:
        ValueError: it is no genotype; the message names the first fault.
    """
    try:
        fields = _parsed(given) if isinstance(given, str) else given
        cells = {cell: tuple(_edge(*edge) for edge in fields[cell]) for cell in CELLS}
        return cells, {cell: tuple(_place(place) for place in fields[f"{cell}_concat"]) for cell in CELLS}
    except (SyntaxError, LookupError, TypeError, ValueError, MemoryError, RecursionError) as error:
        found = f"{type(error).__name__}: {error}"
        raise ValueError(f"expected a genotype with {_FIELDS} ({found}): {str(given)[:200]}") from error


def write(cells: Mapping[str, Edges], concatenated: Mapping[str, Sequence[int]]) -> str:
    """The text of a genotype; inverse of :func:`read`."""
    fields = (f"{cell}={list(cells[cell])}, {cell}_concat={list(concatenated[cell])}" for cell in CELLS)
    return f"Genotype({', '.join(fields)})"


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters")
    call = ast.parse(text.strip(), mode="eval").body
    if not isinstance(call, ast.Call):
        raise ValueError("no call of Genotype")
    names = [str(each.arg) for each in call.keywords]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} twice")
    return {name: _value(each.value) for name, each in zip(names, call.keywords)}


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = [_place(ast.literal_eval(each)) for each in node.args]
        farthest = max(map(abs, bounds))
        if farthest > _LARGEST:
            raise ValueError(f"places up to {farthest}")
        return list(range(*bounds))
    return ast.literal_eval(node)


def _edge(operation: Any, place: Any) -> tuple[str, int]:
    if not isinstance(operation, str):
        raise TypeError(f"an operation is {operation!r}")
    return operation, _place(place)


def _place(place: Any) -> int:
    if type(place) is not int:
        raise TypeError(f"a place is {place!r}")
    return place
