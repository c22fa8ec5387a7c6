"""NAS-Bench-101 (Ying et al., ICML 2019): what training gave for its 423,624 cells.

The whole table holds means over the benchmark's three runs, and the runs. While it is not there, an unbiased sample of
20,001 cells is read in its place: its validation accuracies are of one run each, and there are no other accuracies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import numpy as np

from naslib_zc_plugin.benchmarks._benchmark import Measure
from naslib_zc_plugin.benchmarks._nasbench101 import columns
from naslib_zc_plugin.benchmarks._run101 import LENGTHS, PARTS, RUNS
from naslib_zc_plugin.benchmarks._table import Sample, Table, parquet
from naslib_zc_plugin.files import readable
from naslib_zc_plugin.spaces.nasbench101 import SPACE, enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of

if TYPE_CHECKING:
    import pyarrow

TRAININGS = LENGTHS
"""Epochs of the trainings."""
KEY, CELL = "hash", ("n_vertices", "adj_upper_rowmajor", "ops")
"""Columns of the benchmark's hash, and of the cell: vertices, the matrix above its diagonal row by row, operations."""

_TITLES = {"val": "validation", "test": "test", "train": "training"}
_CHECKED = 64  # rows whose hash is computed; all of them would take a minute


def hashes(path: Path) -> dict[str, str]:
    """The benchmark's hash of each cell → its key, of a table that was read and checked.

    Args:
        path: of the table, see :class:`~naslib_zc_plugin.benchmarks.Benchmark`.

    Raises:
        DataError: no cells.
        ImportError: pyarrow is not installed.
    """
    with readable(path, "the cells of NAS-Bench-101"):
        table = parquet().read_table(path, columns=[KEY, *CELL])
        return dict(zip(table.column(KEY).to_pylist(), _keys(table)))


def _keys(table: pyarrow.Table) -> Iterator[str]:
    missing = [name for name in CELL if name not in table.column_names]
    if missing:
        raise ValueError(f"no column {missing[0]!r}")
    for count, upper, operations in zip(*(table.column(name).to_pylist() for name in CELL)):
        cell = keys.Cell(count, _bits(count, upper), _labels(operations))
        if len(cell.labels) != count - 2:
            raise ValueError(f"a cell of {count} vertices with the operations {operations!r}")
        yield keys.format(enumeration.first(cell))


@lru_cache(maxsize=1 << 12)
def _bits(count: int, upper: str) -> int:
    pairs = [(source, target) for source in range(count) for target in range(source + 1, count)]
    if len(pairs) != len(upper) or set(upper) - {"0", "1"}:
        raise ValueError(f"{upper!r} as the matrix of {count} vertices")
    return sum(1 << keys.place(*pair) for pair, edge in zip(pairs, upper) if edge == "1")


@lru_cache(maxsize=1 << 12)
def _labels(operations: str) -> tuple[int, ...]:
    names = operations.split(",") if operations else []
    unknown = [name for name in names if name not in keys.OPERATIONS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} as an operation")
    return tuple(map(keys.OPERATIONS.index, names))


def _space_keys(names: Sequence[str], table: pyarrow.Table) -> list[str]:
    """The cells' keys, of which some are hashed, to see that rows are whole."""
    found = list(_keys(table))
    for row in np.linspace(0, len(found) - 1, min(_CHECKED, len(found))).astype(int).tolist():
        if hash_of(keys.parse(found[row])) != names[row]:
            raise ValueError(f"the hash {names[row]} in row {row} of the cell {found[row]}")
    if len(set(found)) < len(found):
        raise ValueError("a cell twice")
    return found


def _check_keys(names: Sequence[str], table: pyarrow.Table) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"{len(names) - len(set(names))} hashes more than once")


def _measures() -> dict[str, Measure]:
    found = {}
    for epochs in LENGTHS:
        cost = ("train_time_s", epochs / max(LENGTHS))
        for part in PARTS:
            name, text = f"{part}_acc_{epochs}", f"{_TITLES[part]} accuracy after {epochs} epochs"
            # The sample has validation accuracies, and the smaller of the benchmark's files one length.
            gaps = (part, epochs) != ("val", max(LENGTHS))
            said = f"{text}, mean of the runs{' (the sample of 20,001 cells: one run)' if part == 'val' else ''}"
            found[name] = Measure(said, "fraction", True, gaps=gaps, cost=cost)
            for run in range(RUNS):
                found[f"{name}_run{run}"] = Measure(f"{text}, run {run}", "fraction", True, gaps=True, cost=cost)
    found["params"] = Measure("weights of the network", "", None)
    found["train_time_s"] = Measure(f"training of {max(LENGTHS)} epochs, mean of the runs", "s", False)
    for epochs in LENGTHS[:-1]:
        found[f"train_time_{epochs}_s"] = Measure(
            f"training of {epochs} epochs, mean of the runs", "s", False, gaps=True
        )
    return found


TABLE = Table(
    name="nasbench101",
    file="nasbench101/accuracies.parquet",
    rows=SPACE.size,
    key=KEY,
    measures=_measures(),
    others=("n_edges", *CELL),
    check_keys=_check_keys,
    best={},
    sample=Sample("nasbench101/accuracies_20001.parquet", 20_001, {"val_acc_108": (15_646, 0.949)}),
    space_keys=_space_keys,
)


def convert(source: Path, data: Path, partial: bool, progress: Callable[[int], None]) -> Path:
    """Write the whole table from one of the benchmark's official files (:mod:`._nasbench101`)."""
    return TABLE.write(data, columns(source, partial, progress), source, partial)
