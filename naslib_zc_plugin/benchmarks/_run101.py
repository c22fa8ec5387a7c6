"""A record of NAS-Bench-101's official files: one training.

It is the JSON list of the cell's hash, the epochs of the training, the adjacency matrix row by row, the operations, and
the measurements: base64 of the message ``ModelMetrics`` of google-research/nasbench (``lib/model_metrics.proto``). That
holds an evaluation before, halfway through and after the training, of which the last is taken, and the number of
parameters. There are three runs of each training.
"""

from __future__ import annotations

import base64
import json
from math import isqrt
from typing import NamedTuple

from naslib_zc_plugin.benchmarks import _protobuf as protobuf
from naslib_zc_plugin.spaces.nasbench101 import cells

LENGTHS, RUNS = (4, 12, 36, 108), 3
PARTS = ("train", "val", "test")
"""Of the images."""

# Fields of the messages: of a training, and of an evaluation seconds and the accuracies in the order of PARTS.
_EVALUATIONS, _PARAMETERS, _MEASURED = 1, 2, (2, 3, 4, 5)
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
    cell: cells.Cell
    parameters: int
    measured: list[float]


def run_of(record: bytes) -> Run:
    """The training in a record.

    Raises:
        ValueError, LookupError, RecursionError: it has another form.
    """
    content = json.loads(record)
    if not isinstance(content, list) or list(map(type, content)) != [str, int, str, str, str]:
        raise ValueError("no list of hash, epochs, matrix, operations and measurements")
    name, epochs, matrix, operations, packed = content
    if epochs not in LENGTHS:
        raise ValueError(f"a training of {epochs} epochs, not of {LENGTHS}")
    size = isqrt(len(matrix))
    if set(matrix) - {"0", "1"} or size * size != len(matrix):
        raise ValueError(f"the matrix {matrix!r}")
    rows = [[int(edge) for edge in matrix[size * row : size * (row + 1)]] for row in range(size)]
    cell = cells.prune(cells.pack(rows, operations.split(",")))
    message = protobuf.fields(base64.b64decode(packed, validate=True))
    evaluations = message.get(_EVALUATIONS, [])
    last = protobuf.fields(protobuf.text(evaluations[_AFTER])) if len(evaluations) > _AFTER else {}
    measured = [protobuf.double(last[number][-1]) for number in _MEASURED]
    return Run(name, epochs, cell, protobuf.integer(message[_PARAMETERS][-1]), measured)
