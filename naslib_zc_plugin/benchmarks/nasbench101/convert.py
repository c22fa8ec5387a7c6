"""NAS-Bench-101's official files, ``nasbench_only108.tfrecord`` and ``nasbench_full.tfrecord``, as columns.

They are TensorFlow's files of records, read here without TensorFlow. A record is its length (8 bytes), a checksum of
the length (4), the content, and a checksum of the content (4), all little-endian. The checksums are CRC-32C, rotated
right by 15 bits and added to a constant.

The content is one training: the JSON list of the cell's hash, the epochs of the training, the adjacency matrix row by
row, the operations, and the measurements: base64 of the protocol buffer ``ModelMetrics`` of google-research/nasbench
(``lib/model_metrics.proto``). That holds an evaluation before, halfway through and after the training, of which the
last is taken, and the number of parameters. There are three runs of each training.
"""

from __future__ import annotations

import base64
import json
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import isqrt, nan
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Union

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.benchmarks._table import Progress, Table
from naslib_zc_plugin.benchmarks.nasbench101 import PARTS, RUNS, TRAININGS
from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of

_MEASURED = 1 + len(PARTS)  # numbers of a run
_LIMITS = Limits(rows=20_000_000)
_LARGEST = 10  # vertices of a matrix; the benchmark's have at most 7


class _Cells:
    """The trainings of each cell so far: in plain numbers, since there are 20 million in the larger file."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.cells: list[keys.Cell] = []
        self.parameters = array("q")
        self.runs = array("B")
        self.numbers = array("d")

    def add(self, run: RecordedTraining) -> bool:
        """Add a run; return whether it is the first one of its cell.

        Raises:
            ValueError: the hash is not the cell's, runs of it disagree, or there are too many.
        """
        row, known = self.rows.get(run.name, len(self.cells)), run.name in self.rows
        if not (known and run.cell == self.cells[row]) and hash_of(run.cell) != run.name:
            raise ValueError(f"the hash {run.name} for the cell {keys.format(run.cell)}")
        if not known:
            self.rows[run.name] = row
            self.cells.append(run.cell)
            self.parameters.append(run.parameters)
            self.runs.extend([0] * len(TRAININGS))
            self.numbers.extend([nan] * len(TRAININGS) * RUNS * _MEASURED)
        if self.parameters[row] != run.parameters:
            raise ValueError(f"{run.parameters} parameters of {run.name}, which had {self.parameters[row]}")
        training = row * len(TRAININGS) + TRAININGS.index(run.epochs)
        if self.runs[training] == RUNS:
            raise ValueError(f"more than {RUNS} runs of {run.epochs} epochs of {run.name}")
        start = (training * RUNS + self.runs[training]) * _MEASURED
        self.numbers[start : start + _MEASURED] = array("d", run.measured)
        self.runs[training] += 1
        return not known


def columns(table: Table, source: Path, partial: bool, progress: Progress) -> dict[str, Any]:
    """Return the columns of the table, rows in the benchmark's order.

    Args:
        table: the benchmark's.
        source: the file.
        partial: whether any number of runs will do.
        progress: called with the number of each new cell.

    Raises:
        DataError: damaged, records that are not of the official form or of no cell of the benchmark, or, unless
            ``partial``, other than three runs of a training.
    """
    found, meter = _Cells(), Meter(existing(source, _EXPECTED), _LIMITS)
    for number, record in enumerate(records(source)):
        if number % _BATCH == 0:
            meter.check_time()
        meter.allow("rows", number)
        try:
            if found.add(training_of(record)):
                progress(len(found.cells) - 1)
        except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
            raise DataError(source, "records of NAS-Bench-101's form", f"in record {number}: {error}") from error
    runs = np.frombuffer(found.runs, dtype=np.uint8).reshape(-1, len(TRAININGS))
    if not partial and not set(np.unique(runs).tolist()) <= {0, RUNS}:
        raise DataError(source, f"{RUNS} runs of each training, unless a partial table is asked for", "fewer of some")
    return dict(_columns(found))


def _columns(found: _Cells) -> Iterator[tuple[str, Any]]:
    """Yield the name and the values of each column, with rows in the benchmark's order."""
    hashes = list(found.rows)
    order = np.array(sorted(range(len(hashes)), key=lambda row: enumeration.first(found.cells[row])), dtype=np.intp)
    every = [found.cells[row] for row in order.tolist()]
    yield "hash", [hashes[row] for row in order.tolist()]
    yield "n_vertices", [cell.vertices for cell in every]
    yield "n_edges", [bin(cell.bits).count("1") for cell in every]
    yield "adj_upper_rowmajor", [_upper(cell) for cell in every]
    yield "ops", [",".join(keys.OPERATIONS[label] for label in cell.labels) for cell in every]
    yield "params", np.frombuffer(found.parameters, dtype=np.int64)[order].astype(float)
    numbers = np.frombuffer(found.numbers).reshape(-1, len(TRAININGS), RUNS, _MEASURED)[order]
    for place, epochs in enumerate(TRAININGS):
        trained = numbers[:, place]
        if np.isnan(trained).all():
            continue
        yield "train_time_s" if epochs == max(TRAININGS) else f"train_time_{epochs}_s", _mean(trained[..., 0])
        for part, name in enumerate(PARTS, start=1):
            yield f"{name}_acc_{epochs}", _mean(trained[..., part])
            yield from ((f"{name}_acc_{epochs}_run{run}", trained[:, run, part]) for run in range(RUNS))


def _upper(cell: keys.Cell) -> str:
    """Write the adjacency matrix above its diagonal, row by row."""
    pairs = combinations(range(cell.vertices), 2)
    return "".join(str(cell.bits >> keys.place(source, target) & 1) for source, target in pairs)


def _mean(runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means over the runs that exist; NaN where there is none."""
    there = ~np.isnan(runs)
    with np.errstate(invalid="ignore"):
        return np.where(there, runs, 0).sum(axis=1) / there.sum(axis=1)  # type: ignore[no-any-return]


# Fields of the messages: of a training, and of an evaluation seconds and the accuracies in the order of PARTS.
_EVALUATIONS, _PARAMETERS = 1, 2
_FIELDS = {2: "time of training", 3: "training accuracy", 4: "validation accuracy", 5: "test accuracy"}
_AFTER = 2


class RecordedTraining(NamedTuple):
    """The content of a record.

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


def training_of(record: bytes) -> RecordedTraining:
    """Return the training in a record.

    Raises:
        ValueError, RecursionError: it has another form.
    """
    content = json.loads(record)
    if not isinstance(content, list) or list(map(type, content)) != [str, int, str, str, str]:
        raise ValueError("no list of hash, epochs, matrix, operations and measurements")
    name, epochs, matrix, operations, packed = content
    if epochs not in TRAININGS:
        raise ValueError(f"a training of {epochs} epochs, not of {TRAININGS}")
    size = isqrt(len(matrix))
    if size > _LARGEST or set(matrix) - {"0", "1"} or size * size != len(matrix):
        raise ValueError(f"the matrix {matrix!r:.100}")
    rows = [[int(edge) for edge in matrix[size * row : size * (row + 1)]] for row in range(size)]
    cell = keys.pruned(keys.pack(rows, operations.split(",")))
    message = message_fields(base64.b64decode(packed, validate=True))
    evaluations = message.get(_EVALUATIONS, [])
    if len(evaluations) <= _AFTER:
        raise ValueError(f"{len(evaluations)} evaluations, not {1 + _AFTER}")
    last = message_fields(_text(evaluations[_AFTER]))
    measured = [_double(_only(last, number, what)) for number, what in _FIELDS.items()]
    return RecordedTraining(name, epochs, cell, _integer(_only(message, _PARAMETERS, "number of parameters")), measured)


def _only(message: Mapping[int, Sequence[Value]], number: int, what: str) -> Value:
    """Return the last value of a field, which is the valid one in protocol buffers."""
    if number not in message:
        raise ValueError(f"no {what}")
    return message[number][-1]


Value = Union[int, bytes]
"""A variable-length integer, or the bytes of a fixed-length number or of a message or text."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10  # bytes


def message_fields(message: bytes) -> dict[int, list[Value]]:
    """Return the values of the fields of a protocol buffer by their numbers, in order.

    Raises:
        ValueError: no such message.
    """
    found: dict[int, list[Value]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        value: Value
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind == _LENGTH or kind in _SIZES:
            size, at = _varint(message, at) if kind == _LENGTH else (_SIZES[kind], at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"a field of the unknown kind {kind} in a protocol buffer")
        if at > len(message) or number == 0:
            raise ValueError("a protocol buffer that is cut short")
        found.setdefault(number, []).append(value)
    return found


def _double(value: Value) -> float:
    """Return the double in a field; raise ``ValueError`` if it holds something else."""
    if not isinstance(value, bytes) or len(value) != _SIZES[_FIXED64]:
        raise ValueError("a field of a protocol buffer that is no double")
    return float(struct.unpack("<d", value)[0])


def _integer(value: Value) -> int:
    """Return the integer of at least 0 in a field; raise ``ValueError`` if it holds something else."""
    if not isinstance(value, int) or value >> 63:
        raise ValueError("a field of a protocol buffer that is no integer of at least 0")
    return value


def _text(value: Value) -> bytes:
    """Return the message or text in a field; raise ``ValueError`` if it holds something else."""
    if not isinstance(value, bytes):
        raise ValueError("a field of a protocol buffer that is no message")
    return value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Read an integer of seven bits a byte, the last byte below 128; return it and the place after it."""
    found = 0
    for place, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        found |= (byte & 127) << 7 * place
        if byte < 128:
            return found, at + place + 1
    raise ValueError("an integer of a protocol buffer that does not end")


_EXPECTED = "a TFRecord file"
_LONGEST = 1 << 20  # bytes; a length beyond it is no length
_BATCH = 1024  # records whose checksums are computed at once
_BLOCK = 1 << 26  # bytes of them, were all as long as the longest
_POLYNOMIAL, _MASK = 0x82F63B78, 0xA282EAD8
_WORD = 4

Framed = tuple[bytes, bytes, bytes, bytes]
"""Length, its checksum, content and its checksum."""


def records(path: Path) -> Iterator[bytes]:
    """Yield the contents of a file's records, in order; each is checked before it is yielded.

    Raises:
        DataError: there is no such file or no record in it, or one is cut short, of more than 1 MiB, or fails its
            checksums.
    """
    existing(path, _EXPECTED)
    with readable(path, _EXPECTED), path.open("rb") as file:
        first = 0
        for batch in _batches(_framed(path, file)):
            for part, name in ((0, "length"), (2, "content")):
                wanted = np.array([struct.unpack("<I", record[part + 1])[0] for record in batch], dtype=np.uint32)
                sums = checksums([record[part] for record in batch])
                masked = (sums >> np.uint32(15) | sums << np.uint32(17)) + np.uint32(_MASK)
                wrong = np.flatnonzero(masked != wanted)
                if wrong.size:
                    found = f"another one in record {first + int(wrong[0])}"
                    raise DataError(path, f"the checksum of each record's {name}", found)
            yield from (record[2] for record in batch)
            first += len(batch)


def _batches(framed: Iterator[Framed]) -> Iterator[list[Framed]]:
    """Yield the records in groups whose checksums are computed together in bounded memory."""
    batch: list[Framed] = []
    longest = 0
    for record in framed:
        longest = max(longest, len(record[2]))
        if batch and (len(batch) == _BATCH or (len(batch) + 1) * longest > _BLOCK):
            yield batch
            batch, longest = [], len(record[2])
        batch.append(record)
    yield batch


def _framed(path: Path, file: BinaryIO) -> Iterator[Framed]:
    """Yield the records with their checksums, unchecked."""
    number = 0
    while head := file.read(12):
        size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
        if not _WORD <= size <= _LONGEST:
            raise DataError(path, _EXPECTED, f"no length of a record where record {number} should begin")
        content = file.read(size)
        tail = file.read(_WORD)
        if len(content) < size or len(tail) < _WORD:
            raise DataError(path, "whole records", f"record {number} cut short")
        yield head[:8], head[8:], content, tail
        number += 1
    if not number:
        raise DataError(path, _EXPECTED, "an empty file")


def checksums(contents: Sequence[bytes]) -> NDArray[np.uint32]:
    """Compute CRC-32C (Castagnoli) of each of some byte strings of at least four bytes."""
    # The checksum starts with ones, which is the same as starting with zeros and inverting the first four bytes. Zeros
    # before them then change nothing: all strings are shifted to one end and go byte by byte together.
    width = max(map(len, contents))
    block = np.zeros((len(contents), width), dtype=np.uint8)
    for row, content in zip(block, contents):
        row[width - len(content) :] = np.frombuffer(content, dtype=np.uint8)
        row[width - len(content) : width - len(content) + _WORD] ^= 255
    state = np.zeros(len(contents), dtype=np.uint32)
    for column in np.ascontiguousarray(block.T):
        state = _TABLE[(state ^ column) & np.uint32(255)] ^ state >> np.uint32(8)
    return ~state


def _table() -> NDArray[np.uint32]:
    state = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        state = np.where(state & np.uint32(1), state >> np.uint32(1) ^ np.uint32(_POLYNOMIAL), state >> np.uint32(1))
    return state.astype(np.uint32)


_TABLE = _table()
