"""TransNAS-Bench-101's cells in NASLib: six numbers from 0 to 3, one for each edge.

What a number means depends on how NASLib makes the network. With ``create_graph=True`` its edges are (0→1) (0→2) (0→3)
(1→2) (1→3) (2→3), and the numbers stand for :data:`GRAPH`. With ``create_graph=False``, and whenever it queries the
benchmark, they are the digits of the benchmark's own text in turn, whose edges are (0→1) (0→2) (1→2) (0→3) (1→3)
(2→3), and stand for the operations of our own search space, ``transnasbench101_micro``. So a graph and what NASLib's
query says of it are different architectures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from naslib_zc_plugin.spaces import transnasbench101_micro

GRAPH = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1")
"""Operations by number, in NASLib's graphs."""
_EDGES = 6
_GRAPH_TO_TEXT = (0, 1, 3, 2, 4, 5)  # the order of edges; its own inverse


def check(spec: Any) -> None:
    """Nothing, for a spec.

    Raises:
        ValueError: not six numbers from 0 to 3.
    """
    if not isinstance(spec, tuple) or len(spec) != _EDGES or not all(number in range(4) for number in spec):
        raise ValueError(f"a spec of TransNAS-Bench-101 (micro) is {_EDGES} numbers from 0 to 3, found {spec!r}")


def neighbours(spec: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The 18 specs with another number on one edge, by edge and number."""
    return [
        (*spec[:edge], other, *spec[edge + 1 :])
        for edge, number in enumerate(spec)
        for other in range(4)
        if other != number
    ]


def to_text(spec: Sequence[int], create_graph: bool = False) -> str:
    """The benchmark's name of the network that NASLib makes of a spec, such as ``64-41414-1_02_333``.

    Args:
        create_graph: as in NASLib's search space. False: also the name under which NASLib queries the spec.
    """
    if create_graph:
        spec = [transnasbench101_micro.OPERATIONS.index(GRAPH[spec[edge]]) for edge in _GRAPH_TO_TEXT]
    return transnasbench101_micro.format(spec)


def from_text(text: str, create_graph: bool = False) -> tuple[int, ...]:
    """The spec of a name; inverse of :func:`to_text`.

    Raises:
        ValueError: it is none of this space.
    """
    digits = transnasbench101_micro.parse(text)
    return tuple(GRAPH.index(transnasbench101_micro.OPERATIONS[digits[edge]]) for edge in _GRAPH_TO_TEXT) if create_graph else digits
