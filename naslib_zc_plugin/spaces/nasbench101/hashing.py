"""The benchmark's hash of a cell of NAS-Bench-101."""

from __future__ import annotations

import hashlib

from naslib_zc_plugin.spaces.nasbench101.cells import Cell, prune, sources_of


def hash_of(cell: Cell) -> str:
    """The benchmark's name of a cell, 32 hexadecimal digits, by which its tables know it.

    Vertices start as their degrees and operation, and take in their neighbours' names as often as there are vertices.
    Isomorphic cells have the same name; different ones have different names (checked over the whole benchmark).

    Source: google-research/nasbench, ``lib/graph_util.py``.

    Raises:
        ValueError: as for :func:`.cells.prune`.
    """
    cell = prune(cell)
    count, labels = cell.vertices, [-1, *cell.labels, -2]
    into = [sources_of(cell.bits, target) for target in range(count)]
    onto = [[target for target in range(count) if source in into[target]] for source in range(count)]
    names = [_md5(str((len(onto[v]), len(into[v]), labels[v]))) for v in range(count)]
    for _ in range(count):
        names = [f"{_joined(names, into[v])}|{_joined(names, onto[v])}|{names[v]}" for v in range(count)]
        names = list(map(_md5, names))
    return _md5(str(sorted(names)))


def _joined(names: list[str], vertices: list[int]) -> str:
    return "".join(sorted(names[vertex] for vertex in vertices))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
