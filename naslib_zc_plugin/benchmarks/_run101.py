"""A record of NAS-Bench-101's official files: one training.

It is the JSON list of the cell's hash, the epochs of the training, the adjacency matrix row by row, the operations, and
the measurements: base64 of the message ``ModelMetrics`` of google-research/nasbench (``lib/model_metrics.proto``). That
holds an evaluation before, halfway through and after the training, of which the last is taken, and the number of
parameters. There are three runs of each training.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from math import isqrt
from typing import NamedTuple

from naslib_zc_plugin.benchmarks import _protobuf as protobuf
from naslib_zc_plugin.spaces.nasbench101 import keys

LENGTHS, RUNS = (4, 12, 36, 108), 3
PARTS = ("train", "val", "test")
"""Of the images."""

# Fields of the messages: of a training, and of an evaluation seconds and the accuracies in the order of PARTS.
_EVALUATIONS, _PARAMETERS = 1, 2
_MEASURED = {2: "time of training", 3: "training accuracy", 4: "validation accuracy", 5: "test accuracy"}
_AFTER = 2


class Run(NamedTuple):
    """What a record says.

    Attributes:
        name: the cell's hash, as it is written.
        epochs: length of the training.
        cell: without dead ends.
        parameters: of the network.
        measured: seconds of training, and accuracies in the order of :data:`PARTS`.
    """

    name: str
    epochs: int
    cell: keys.Cell
    parameters: int
    measured: list[float]


def run_of(record: bytes) -> Run:
    """The training in a record.

    Raises:
        ValueError, RecursionError: it has another form.
    """
    content = json.loads(record)
    if not isinstance(content, list) or list(map(type, content)) != [str, int, str, str, str]:
        raise ValueError("no list of hash, epochs, matrix, operations and measurements")
    name, epochs, matrix, operations, packed = content
    if epochs not in LENGTHS:
        raise ValueError(f"a training of {epochs} epochs, not of {LENGTHS}")
    size = isqrt(len(matrix))
    if set(matrix) - {"0", "1"} or size * size != len(matrix):
        raise ValueError(f"the matrix {matrix!r:.100}")
    rows = [[int(edge) for edge in matrix[size * row : size * (row + 1)]] for row in range(size)]
    cell = keys.prune(keys.pack(rows, operations.split(",")))
    message = protobuf.fields(base64.b64decode(packed, validate=True))
    evaluations = message.get(_EVALUATIONS, [])
    if len(evaluations) <= _AFTER:
        raise ValueError(f"{len(evaluations)} evaluations, not {1 + _AFTER}")
    last = protobuf.fields(protobuf.text(evaluations[_AFTER]))
    measured = [protobuf.double(_only(last, number, what)) for number, what in _MEASURED.items()]
    return Run(name, epochs, cell, protobuf.integer(_only(message, _PARAMETERS, "number of parameters")), measured)


def _only(message: Mapping[int, Sequence[protobuf.Value]], number: int, what: str) -> protobuf.Value:
    """The last value of a field, as protocol buffers have it."""
    if number not in message:
        raise ValueError(f"no {what}")
    return message[number][-1]
