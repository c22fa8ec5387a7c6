"""NAS-Bench-101's official files, ``nasbench_only108.tfrecord`` and ``nasbench_full.tfrecord``, as columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.benchmarks._run101 import LENGTHS, PARTS, RUNS, Run, run_of
from naslib_zc_plugin.benchmarks._tfrecord import records
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of

_MEASURED = 1 + len(PARTS)  # numbers of a run


class _Cells:
    """What is known of each cell so far: in plain numbers, since there are 20 million in the larger file."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.cells: list[keys.Cell] = []
        self.parameters = array("q")
        self.runs = array("B")
        self.numbers = array("d")

    def add(self, run: Run) -> bool:
        """Take a run in; whether it is the first one of its cell.

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
            self.runs.extend([0] * len(LENGTHS))
            self.numbers.extend([nan] * len(LENGTHS) * RUNS * _MEASURED)
        if self.parameters[row] != run.parameters:
            raise ValueError(f"{run.parameters} parameters of {run.name}, which had {self.parameters[row]}")
        training = row * len(LENGTHS) + LENGTHS.index(run.epochs)
        if self.runs[training] == RUNS:
            raise ValueError(f"more than {RUNS} runs of {run.epochs} epochs of {run.name}")
        start = (training * RUNS + self.runs[training]) * _MEASURED
        self.numbers[start : start + _MEASURED] = array("d", run.measured)
        self.runs[training] += 1
        return not known


def columns(source: Path, partial: bool, progress: Callable[[int], None]) -> dict[str, Any]:
    """The columns of the neutral table, rows in the benchmark's order.

    Args:
        source: the file.
        partial: whether any number of runs will do.
        progress: called with the number of each new cell.

    Raises:
        DataError: damaged, records that are not of the official form or of no cell of the benchmark, or, unless
            ``partial``, other than three runs of a training.
    """
    found = _Cells()
    for number, record in enumerate(records(source)):
        try:
            if found.add(run_of(record)):
                progress(len(found.cells) - 1)
        except (ValueError, RecursionError) as error:
            raise DataError(source, "records of NAS-Bench-101's form", f"in record {number}: {error}") from error
    runs = np.frombuffer(found.runs, dtype=np.uint8).reshape(-1, len(LENGTHS))
    if not partial and not set(np.unique(runs).tolist()) <= {0, RUNS}:
        raise DataError(source, f"{RUNS} runs of each training, unless a partial table is asked for", "fewer of some")
    return dict(_columns(found))


def _columns(found: _Cells) -> Iterator[tuple[str, Any]]:
    hashes = list(found.rows)
    order = np.array(sorted(range(len(hashes)), key=lambda row: enumeration.first(found.cells[row])), dtype=np.intp)
    every = [found.cells[row] for row in order.tolist()]
    yield "hash", [hashes[row] for row in order.tolist()]
    yield "n_vertices", [cell.vertices for cell in every]
    yield "n_edges", [bin(cell.bits).count("1") for cell in every]
    # Matrices one after another, not all at once: they would be half of the memory.
    texts = [(_upper(matrix), ",".join(operations[1:-1])) for matrix, operations in map(keys.unpack, every)]
    yield "adj_upper_rowmajor", [upper for upper, _ in texts]
    yield "ops", [operations for _, operations in texts]
    yield "params", np.frombuffer(found.parameters, dtype=np.int64)[order].astype(float)
    numbers = np.frombuffer(found.numbers).reshape(-1, len(LENGTHS), RUNS, _MEASURED)[order]
    for place, epochs in enumerate(LENGTHS):
        trained = numbers[:, place]
        if np.isnan(trained).all():
            continue
        yield "train_time_s" if epochs == max(LENGTHS) else f"train_time_{epochs}_s", _mean(trained[..., 0])
        for part, name in enumerate(PARTS, start=1):
            yield f"{name}_acc_{epochs}", _mean(trained[..., part])
            yield from ((f"{name}_acc_{epochs}_run{run}", trained[:, run, part]) for run in range(RUNS))


def _upper(matrix: keys.Matrix) -> str:
    return "".join(str(edge) for at, row in enumerate(matrix) for edge in row[at + 1 :])


def _mean(runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the runs that there are; NaN where there is none."""
    there = ~np.isnan(runs)
    total: NDArray[np.float64] = np.where(there, runs, 0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = total / there.sum(axis=1)
    return mean
