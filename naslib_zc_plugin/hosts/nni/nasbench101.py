"""NAS-Bench-101: NNI's samples and the benchmark's cells, an adjacency matrix and operations.

A sample holds ``cell/num_nodes`` (with input and output), ``cell/op<i>`` for each node between them and
``cell/input<i>``, the list of node i's predecessors. NNI's samples carry entries for seven nodes, also where there are
fewer; those beyond the last are without meaning. ``cell/final``, which NNI adds, is the cell without dead ends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from naslib_zc_plugin.hosts.nni.extras import sqlite_database

PREFIX = "cell/"
INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""NNI calls them as the benchmark does."""

Cell = tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]
"""Adjacency matrix, row → column, and operations from :data:`INPUT` to :data:`OUTPUT`."""

_PART = re.compile(r"num_nodes|op\d+|input\d+|final")


def recognises(labels: Collection[str]) -> bool:
    """Whether these are labels of a cell of NAS-Bench-101, and no others."""
    head = prefix_of(labels)
    needed = {f"{head}num_nodes", f"{head}input1"} <= set(labels)
    return needed and all(_PART.fullmatch(label.removeprefix(head)) for label in labels)


def prefix_of(labels: Collection[str]) -> str:
    """What stands before ``num_nodes``."""
    return next((label[: -len("num_nodes")] for label in labels if label.endswith("num_nodes")), "")


def active(sample: Mapping[str, Any]) -> list[str]:
    """The labels that mean something: those of nodes that there are.

    Raises:
        ValueError: one of them is missing.
    """
    head = prefix_of(sample)
    nodes = sample.get(f"{head}num_nodes", 0)
    labels = [f"{head}num_nodes", *(f"{head}op{i}" for i in range(1, nodes - 1))]
    labels += [f"{head}input{i}" for i in range(1, nodes)]
    missing = [label for label in labels if label not in sample]
    if missing:
        raise ValueError(f"the sample has no {', '.join(missing)}")
    return labels


def to_cell(sample: Mapping[str, Any]) -> Cell:
    """The matrix and the operations of a sample, dead ends included.

    Raises:
        ValueError: an entry is missing.
    """
    head = prefix_of(sample)
    active(sample)
    nodes = sample[f"{head}num_nodes"]
    into = [(), *(tuple(sample[f"{head}input{i}"]) for i in range(1, nodes))]
    matrix = tuple(tuple(int(source in into[target]) for target in range(nodes)) for source in range(nodes))
    return matrix, (INPUT, *(sample[f"{head}op{i}"] for i in range(1, nodes - 1)), OUTPUT)


def to_sample(matrix: Sequence[Sequence[int]], operations: Sequence[str], prefix: str = PREFIX) -> dict[str, Any]:
    """The sample of a cell; inverse of :func:`to_cell` on the labels that mean something.

    Raises:
        ValueError: no square matrix above its diagonal, or operations that do not fit it.
    """
    nodes = len(operations)
    if len(matrix) != nodes or any(len(row) != nodes for row in matrix) or nodes < 2:
        raise ValueError(f"{nodes} operations need a matrix of {nodes} × {nodes}, at least 2 × 2")
    if any(matrix[source][target] for source in range(nodes) for target in range(source + 1)):
        raise ValueError("edges must lead to later nodes: the matrix must be zero on its diagonal and below")
    unknown = [name for name in operations[1:-1] if name not in OPERATIONS]
    if unknown:
        raise ValueError(f"unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
    found: dict[str, Any] = {f"{prefix}num_nodes": nodes}
    found.update({f"{prefix}op{i}": operations[i] for i in range(1, nodes - 1)})
    for target in range(1, nodes):
        found[f"{prefix}input{target}"] = [source for source in range(target) if matrix[source][target]]
    return found


def hash_of(sample: Mapping[str, Any]) -> str:
    """The benchmark's hash of a cell, by which its tables know it; the same for cells that are the same graph.

    Args:
        sample: of a frozen model, which has ``final``.

    Raises:
        ValueError: it has not.
        ImportError: Peewee of before 4.0 is not installed.
    """
    sqlite_database()
    from nni.nas.benchmark.nasbench101.graph_util import hash_module, infer_num_vertices

    cell = sample.get(f"{prefix_of(sample)}final")
    if cell is None:
        raise ValueError("the sample was not checked: freeze a model with it first")
    return str(hash_module(cell, infer_num_vertices(cell)))
