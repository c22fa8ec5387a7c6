"""NNI's samples and our keys: the text by which strategies, seeds and records know an architecture.

NAS-Bench-201 and recurrent cells have the keys of our own spaces; any other space a JSON mapping from labels to
choices, in the order of the labels and without entries that mean nothing. Equal architectures have equal keys, in every
process. Nothing here needs NNI.

- NAS-Bench-201: ``cell/<from>_<to>`` is an operation; NNI's convolutions lack the prefix ``nor_`` of the benchmark's
  strings. In benchmarks without a network the labels are bare, ``<from>_<to>``.
- NAS-Bench-101: ``cell/num_nodes`` (with input and output), ``cell/op<i>`` for each node between them and
  ``cell/input<i>``, the list of node i's predecessors. NNI's samples carry entries for seven nodes, also where there
  are fewer; those beyond the last mean nothing. ``cell/final``, which NNI adds, is the cell without dead ends.
- DARTS, ENAS, PNAS, NASNet and AmoebaNet: ``<cell>/op_<node>_<k>`` and ``<cell>/input_<node>_<k>`` (a list of one
  place) for the cells ``normal`` and ``reduce``, the nodes from 2 on and k of 0 and 1, and ``width`` and ``depth``
  where the space leaves them open. Places 0 and 1 are the outputs of the two cells before, 2 is this one's first node.
- NAS-Bench-NLP: ``recurrent_cell`` is the key of the cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101 import keys as keys101
from naslib_zc_plugin.spaces.nasbench101.keys import INPUT, OUTPUT, Matrix
from naslib_zc_plugin.spaces.nasbench201 import EDGES
from naslib_zc_plugin.spaces.nasbench201 import keys as keys201
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES
from naslib_zc_plugin.spaces.nasbench_nlp import SPACE as RECURRENT_CELLS
from naslib_zc_plugin.spaces.nds.keys import CELLS, Edges, Genotype

Sample = Mapping[str, Any]
PREFIX = "cell/"
RECURRENT_CELL = "recurrent_cell"
"""The label of NAS-Bench-NLP's only choice."""
OPERATIONS_201 = {name: name.replace("nor_", "") for name in keys201.OPERATIONS}
"""Operation in NAS-Bench-201's strings → in NNI."""
_OURS_201 = {theirs: ours for ours, theirs in OPERATIONS_201.items()}
_LABELS_201 = [f"{source}_{target}" for source, target in EDGES]
_PART_101 = re.compile(r"num_nodes|op\d+|input\d+|final")


def key_of(sample: Sample) -> str:
    """Return the key of a sample.

    >>> key_of({"width": 3, "act": "relu"})
    '{"act":"relu","width":3}'

    Raises:
        ValueError: a choice has no JSON, or the sample of a space that is known misses an entry.
    """
    space = space_of(sample)
    if space == "nasbench201":
        return _key201(sample)
    if space == "nasbench_nlp":
        return recurrent_key(sample)
    labels = _labels101(sample) if space == "nasbench101" else sample
    return json_text({label: sample[label] for label in labels})


def space_of(labels: Collection[str]) -> str:
    """Return the name of the benchmark that a sample's space belongs to, given the sample or its labels; else ""."""
    if prefix201(labels) is not None:
        return "nasbench201"
    head = _head101(labels)
    if {f"{head}num_nodes", f"{head}input1"} <= set(labels):
        return "nasbench101" if all(_PART_101.fullmatch(label.removeprefix(head)) for label in labels) else ""
    return "nasbench_nlp" if set(labels) == {RECURRENT_CELL} else ""


def json_text(value: Any) -> str:
    """Return the JSON of a choice, or of a mapping of choices: equal for equal values.

    Raises:
        ValueError: it is none of JSON's values.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"choices must be numbers, texts, lists or mappings of such: {error}") from error


def prefix201(labels: Collection[str]) -> str | None:
    """Return what stands before the edges in the labels of a cell of NAS-Bench-201; None for any other labels."""
    head, slash, _ = next(iter(labels), "").rpartition("/")
    prefix = head + slash
    return prefix if set(labels) == {prefix + label for label in _LABELS_201} else None


def sample201(key: str, prefix: str = PREFIX) -> dict[str, str]:
    """Return the sample of an architecture string of NAS-Bench-201; the inverse of :func:`key_of`.

    Raises:
        ValueError: the string is no architecture.
    """
    return {prefix + label: OPERATIONS_201[name] for label, name in zip(_LABELS_201, keys201.parse(key))}


def cell101(sample: Sample) -> tuple[Matrix, tuple[str, ...]]:
    """Return the adjacency matrix and the operations of a sample of NAS-Bench-101, dead ends included.

    Raises:
        ValueError: an entry is missing.
    """
    head = _head101(sample)
    _labels101(sample)
    nodes = sample[f"{head}num_nodes"]
    into = [(), *(tuple(sample[f"{head}input{i}"]) for i in range(1, nodes))]
    matrix = tuple(tuple(int(source in into[target]) for target in range(nodes)) for source in range(nodes))
    return matrix, (INPUT, *(sample[f"{head}op{i}"] for i in range(1, nodes - 1)), OUTPUT)


def sample101(matrix: Sequence[Sequence[int]], operations: Sequence[str], prefix: str = PREFIX) -> dict[str, Any]:
    """Return the sample of a cell of NAS-Bench-101; the inverse of :func:`cell101` on the labels that mean something.

    Raises:
        ValueError: matrix and operations do not fit each other, or are no cell of the benchmark.
    """
    keys.pack(matrix, operations)
    nodes = len(operations)
    found: dict[str, Any] = {f"{prefix}num_nodes": nodes}
    found.update({f"{prefix}op{i}": operations[i] for i in range(1, nodes - 1)})
    for target in range(1, nodes):
        found[f"{prefix}input{target}"] = [source for source in range(target) if matrix[source][target]]
    return found


def key101(sample: Sample) -> str:
    """Return the key of a sample in our own NAS-Bench-101, by which tables know the cell: equal for isomorphic cells.

    Raises:
        ValueError: an entry is missing, or the sample is no cell of the benchmark.
    """
    return keys101.format(enumeration.first(keys.pack(*cell101(sample))))


def genotype_of(sample: Sample) -> Genotype:
    """Return the genotype of a sample of DARTS, ENAS, PNAS, NASNet or AmoebaNet.

    Raises:
        ValueError: an entry is missing, or an input does not come before its node.
    """
    try:
        both = {cell: _edges(sample, cell) for cell in CELLS}
    except KeyError as error:
        raise ValueError(f"the sample has no {error}") from error
    return Genotype(**both, width=sample.get("width"), depth=sample.get("depth"))


def sample_of(genotype: Genotype) -> dict[str, Any]:
    """Return the sample of a genotype; the inverse of :func:`genotype_of`."""
    found: dict[str, Any] = {}
    for cell in CELLS:
        for number, (operation, place) in enumerate(genotype.edges(cell)):
            end = f"{2 + number // 2}_{number % 2}"
            found[f"{cell}/op_{end}"], found[f"{cell}/input_{end}"] = operation, [place]
    sizes = {"width": genotype.width, "depth": genotype.depth}
    return {**found, **{name: value for name, value in sizes.items() if value is not None}}


def recurrent_key(sample: Sample) -> str:
    """Return the key of a recurrent cell: equal for all that build the same network.

    Raises:
        ValueError: the sample holds no cell.
    """
    key = sample[RECURRENT_CELL]
    if not isinstance(key, str):
        raise ValueError(f"{RECURRENT_CELL} is the key of a cell, such as {EXAMPLES['rnn']!r}, found {key!r}")
    return RECURRENT_CELLS.canonical(key)


def _key201(sample: Sample) -> str:
    prefix = prefix201(sample)
    for label in _LABELS_201:
        found = sample[f"{prefix}{label}"]
        if found not in _OURS_201:
            raise ValueError(f"no operation of NAS-Bench-201 on edge {prefix}{label}, found {found!r}")
    return keys201.format([_OURS_201[sample[f"{prefix}{label}"]] for label in _LABELS_201])


def _head101(labels: Collection[str]) -> str:
    """Return what stands before ``num_nodes``."""
    return next((label[: -len("num_nodes")] for label in labels if label.endswith("num_nodes")), "")


def _labels101(sample: Sample) -> list[str]:
    """List the labels that mean something: those up to the last node."""
    head = _head101(sample)
    nodes = sample.get(f"{head}num_nodes", 0)
    if type(nodes) is not int:
        raise ValueError(f"{head}num_nodes is {nodes!r}, expected a number of nodes")
    labels = [f"{head}num_nodes", *(f"{head}op{i}" for i in range(1, nodes - 1))]
    labels += [f"{head}input{i}" for i in range(1, nodes)]
    missing = [label for label in labels if label not in sample]
    if missing:
        raise ValueError(f"the sample has no {', '.join(missing)}")
    return labels


def _edges(sample: Sample, cell: str) -> Edges:
    nodes = sum(1 for label in sample if re.fullmatch(rf"{cell}/op_\d+_0", label))
    ends = [f"{node}_{k}" for node in range(2, 2 + nodes) for k in (0, 1)]
    return tuple((sample[f"{cell}/op_{end}"], sample[f"{cell}/input_{end}"][0]) for end in ends)
