"""Genotypes of two cells, with width and depth: keys, DARTS' notation, dead cells, parameters; without torch.

A cell has two incoming edges per node: an operation, and the place that it takes its input from. Places 0 and 1 are
the outputs of the two cells before, 2 the first node of this one. A key is, in one line, such as::

    C16 L20 normal |sep_conv_3x3~0|skip_connect~1|+|none~2|max_pool_3x3~2| reduce |...|

the channels, the number of cells, and for each cell the edges (operation~place), of which two make a node.

>>> found = parse("C16 L3 normal |sep_conv_3x3~0|none~1| reduce |skip_connect~0|none~0|")
>>> found.normal, found.joined("normal", loose=True)
((('sep_conv_3x3', 0), ('none', 1)), (2,))
>>> cell_kinds(found.depth)
['normal', 'reduce', 'reduce']
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

Edges = tuple[tuple[str, int], ...]
CELLS = ("normal", "reduce")
SHALLOWEST = 3
"""Fewest cells: a network has three stages, each of which but the first begins with a cell that halves the image."""

BUILDER = 2
"""Version of the code that draws the initial weights of these spaces and of NAS-Bench-301; NNI drew those of 1."""

_KEY = re.compile(r"C([1-9]\d{0,5}) L([1-9]\d{0,5}) normal (\S+) reduce (\S+)", re.ASCII)
_EDGE = re.compile(r"([a-z0-9_]+)~(0|[1-9]\d{0,2})", re.ASCII)


@dataclass(frozen=True)
class Genotype:
    """Two cells, of two incoming edges per node, in the notation of DARTS.

    Attributes:
        normal: (operation, place of the input), the edges of the first node first.
        reduce: the same of the cell that halves the image.
        width: channels; None where a space fixes them.
        depth: cells; None where a space fixes them.

    Raises:
        ValueError: an odd number of edges, or an input that does not come before its node.
    """

    normal: Edges
    reduce: Edges
    width: int | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        for cell in CELLS:
            edges = self.edges(cell)
            if not edges or len(edges) % 2:
                raise ValueError(f"{cell} has {len(edges)} edges: two for each node, at least one node")
            late = [place for number, (_, place) in enumerate(edges) if not 0 <= place < 2 + number // 2]
            if late:
                raise ValueError(f"{cell}: an edge comes from place {late[0]}, which is not before its node")

    def edges(self, cell: str) -> Edges:
        """Return the edges of a cell, ``"normal"`` or ``"reduce"``."""
        return self.normal if cell == "normal" else self.reduce

    def joined(self, cell: str, loose: bool) -> tuple[int, ...]:
        """Return the places of the nodes whose concatenation is the output of a cell.

        Args:
            cell: ``"normal"`` or ``"reduce"``.
            loose: those that no node uses, as in NASNet, AmoebaNet and ENAS; else all.
        """
        edges = self.edges(cell)
        used = {place for _, place in edges} if loose else set()
        return tuple(place for place in range(2, 2 + len(edges) // 2) if place not in used)


@lru_cache(maxsize=1 << 14)  # searches read the same keys again and again
def parse(key: str) -> Genotype:
    """Return the genotype of a key.

    Raises:
        ValueError: the text is no key; the message names the first fault.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError(f"{key!r}: expected 'C<channels> L<cells> normal |<operation>~<place>|...| reduce |...|'")
    width, depth, normal, reduce = found.groups()
    if int(depth) < SHALLOWEST:
        raise ValueError(f"{key!r}: expected at least {SHALLOWEST} cells, found {depth}")
    try:
        return Genotype(_cell(normal), _cell(reduce), int(width), int(depth))
    except ValueError as error:
        raise ValueError(f"{key!r}: {error}") from error


def format(genotype: Genotype) -> str:
    """Return the key of a genotype; inverse of :func:`parse`.

    Raises:
        ValueError: it has no width or no depth.
    """
    if genotype.width is None or genotype.depth is None:
        raise ValueError("a key needs the genotype's width and depth")
    cells = (f"{cell} {_text(genotype.edges(cell))}" for cell in CELLS)
    return f"C{genotype.width} L{genotype.depth} {' '.join(cells)}"


def _cell(text: str) -> Edges:
    edges: list[tuple[str, int]] = []
    for node in text.split("+"):
        parts = node.split("|")
        if len(parts) != 4 or parts[0] or parts[-1]:
            raise ValueError(f"expected a node '|<operation>~<place>|<operation>~<place>|', found {node!r}")
        for part in parts[1:-1]:
            edge = _EDGE.fullmatch(part)
            if edge is None:
                raise ValueError(f"expected an edge '<operation>~<place>', found {part!r}")
            edges.append((edge[1], int(edge[2])))
    return tuple(edges)


def _text(edges: Sequence[tuple[str, int]]) -> str:
    ends = [f"{operation}~{place}" for operation, place in edges]
    return "+".join(f"|{first}|{second}|" for first, second in zip(ends[::2], ends[1::2]))


# DARTS' notation.

Cells = dict[str, Edges]
Concatenated = dict[str, tuple[int, ...]]

_NAMES = ", ".join(f"{cell}, {cell}_concat" for cell in CELLS)
_LARGEST = 1_000  # place that a range may reach
_LONGEST = 10_000  # characters; those of ten nodes are a tenth of it


def read_genotype(given: str | Mapping[str, Any]) -> tuple[Cells, Concatenated]:
    """Read DARTS' notation: return the edges of each cell, and the places that are concatenated.

    It is ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=..., reduce_concat=...)``.

    Args:
        given: the text, in which a list of places may be a ``range``; or, as in JSON, a mapping of the four fields.

    Raises:
        ValueError: it is no genotype; the message names the first fault.
    """
    try:
        fields = _fields(given) if isinstance(given, str) else given
        cells = {cell: tuple(_edge(*edge) for edge in fields[cell]) for cell in CELLS}
        return cells, {cell: tuple(_place(place) for place in fields[f"{cell}_concat"]) for cell in CELLS}
    except (SyntaxError, LookupError, TypeError, ValueError, MemoryError, RecursionError) as error:
        found = f"{type(error).__name__}: {error}"
        raise ValueError(f"expected a genotype with {_NAMES} ({found}): {str(given)[:200]}") from error


def write_genotype(cells: Mapping[str, Edges], concatenated: Mapping[str, Sequence[int]]) -> str:
    """Return the text of a genotype in DARTS' notation; inverse of :func:`read_genotype`."""
    fields = (f"{cell}={list(cells[cell])}, {cell}_concat={list(concatenated[cell])}" for cell in CELLS)
    return f"Genotype({', '.join(fields)})"


def _fields(text: str) -> dict[str, Any]:
    """Parse the text of a genotype, without running it, into its fields."""
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters")
    call = ast.parse(text.strip(), mode="eval").body
    if not isinstance(call, ast.Call):
        raise ValueError("no call of Genotype")
    names = [str(each.arg) for each in call.keywords]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]} twice")
    return {name: _value(each.value) for name, each in zip(names, call.keywords)}


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = [_place(ast.literal_eval(each)) for each in node.args]
        if max(map(abs, bounds)) > _LARGEST:
            raise ValueError(f"places up to {max(map(abs, bounds))}")
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


# Dead cells.


class CellUse(NamedTuple):
    """The part that a cell has in its network.

    Attributes:
        matters: whether the network's output depends on it.
        inputs: whether an edge takes the output of the last cell but one, and that of the last cell.
    """

    matters: bool
    inputs: tuple[bool, bool]


def cell_kinds(depth: int) -> list[str]:
    """Return the kind of each cell: those at a third and at two thirds halve the image."""
    return ["reduce" if place in (depth // 3, 2 * depth // 3) else "normal" for place in range(depth)]


def cell_uses(genotype: Genotype) -> list[CellUse]:
    """Find dead cells: return the use of each cell of a genotype with a depth, from the stem on.

    All nodes of a cell matter, for each is used or concatenated; so an input does if an edge takes it.
    """
    cells = cell_kinds(genotype.depth or 0)
    taken = {kind: [any(place == each for _, place in genotype.edges(kind)) for each in (0, 1)] for kind in cells}
    matters = [*[False] * (len(cells) - 1), True]
    for place in range(len(cells) - 1, -1, -1):
        for back, used in zip((2, 1), taken[cells[place]]):
            if matters[place] and used and place >= back:
                matters[place - back] = True
    return [CellUse(each, (taken[kind][0], taken[kind][1])) for kind, each in zip(cells, matters)]


# Parameters.

STEM = 3
"""Times the width: the stem's channels."""
_CONVOLUTION = {"conv_1x1": 1, "conv_3x3": 9, "conv_3x1_1x3": 6, "conv_7x1_1x7": 14}
"""Weights per pair of channels."""
_SEPARABLE = re.compile(r"(sep|dil|dil_sep)_conv_(\d)x\d")


def count_parameters(
    genotype: Genotype, concatenated: dict[str, int], classes: int = 10, auxiliary: bool = False
) -> int:
    """Count the parameters of a network, those included that its output does not depend on.

    Convolutions have no bias, norms two parameters per channel.

    Args:
        genotype: with width and depth.
        concatenated: for each kind of cell, the number of nodes whose concatenation is its output.
        classes: of the classifier.
        auxiliary: with the auxiliary head, on the first cell of the third stage, that DARTS' code trains with.
    """
    channels, depth = genotype.width or 0, genotype.depth or 0
    before = last = STEM * channels
    total = 27 * last + 2 * last
    for place, kind in enumerate(cell_kinds(depth)):
        channels *= 2 if kind == "reduce" else 1
        total += (before + last) * channels + 4 * channels
        for name, source in genotype.edges(kind):
            total += _operation_parameters(name, channels, kind == "reduce" and source < 2)
        before, last = last, concatenated[kind] * channels
        if auxiliary and place == 2 * depth // 3:
            # 1×1 convolution to 128 channels, 2×2 convolution to 768, each with a norm, and a classifier.
            total += last * 128 + 256 + 4 * 128 * 768 + 1536 + (768 + 1) * classes
    return total + (last + 1) * classes


def _operation_parameters(name: str, channels: int, halves: bool) -> int:
    """Count the parameters of an operation, of stride 2 if it halves the image."""
    square = channels * channels
    if name == "skip_connect":
        return square + 2 * channels if halves else 0
    if name in _CONVOLUTION:
        return _CONVOLUTION[name] * square + 2 * channels
    found = _SEPARABLE.fullmatch(name)
    if found is None:
        return 0
    once = int(found[2]) ** 2 * channels + square + 2 * channels
    return once if found[1] == "dil" else 2 * once
