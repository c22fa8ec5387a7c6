"""NAS-Bench-101: NNI's samples and the benchmark's cells, an adjacency matrix and operations.

A sample holds ``cell/num_nodes`` (with input and output), ``cell/op<i>`` for each node between them and
``cell/input<i>``, the list of node i's predecessors. NNI's samples carry entries for seven nodes, also where there are
fewer; those beyond the last are without meaning. ``cell/final``, which NNI adds, is the cell without dead ends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import INPUT, OUTPUT, Matrix

PREFIX = "cell/"

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
        ValueError: one of them is missing, or the number of nodes is none.
    """
    head = prefix_of(sample)
    nodes = sample.get(f"{head}num_nodes", 0)
    if type(nodes) is not int:
        raise ValueError(f"{head}num_nodes is {nodes!r}, expected a number of nodes")
    labels = [f"{head}num_nodes", *(f"{head}op{i}" for i in range(1, nodes - 1))]
    labels += [f"{head}input{i}" for i in range(1, nodes)]
    missing = [label for label in labels if label not in sample]
    if missing:
        raise ValueError(f"the sample has no {', '.join(missing)}")
    return labels


def to_cell(sample: Mapping[str, Any]) -> tuple[Matrix, tuple[str, ...]]:
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
        ValueError: they do not fit each other, or are no cell of the benchmark.
    """
    keys.pack(matrix, operations)
    nodes = len(operations)
    found: dict[str, Any] = {f"{prefix}num_nodes": nodes}
    found.update({f"{prefix}op{i}": operations[i] for i in range(1, nodes - 1)})
    for target in range(1, nodes):
        found[f"{prefix}input{target}"] = [source for source in range(target) if matrix[source][target]]
    return found


def own_key(sample: Mapping[str, Any]) -> str:
    """The key of a sample in our own search space, by which tables know the cell: the same for isomorphic cells.

    Raises:
        ValueError: an entry is missing, or it is no cell of the benchmark.
    """
    return keys.format(enumeration.first(keys.pack(*to_cell(sample))))
