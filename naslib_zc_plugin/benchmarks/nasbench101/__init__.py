"""NAS-Bench-101 (Ying et al., ICML 2019): results of training its 423,624 cells.

The whole table holds the benchmark's three runs and their means. Where it does not exist, an unbiased sample of 20,001
cells is read instead: its validation accuracies are of one run each, and it has no other accuracies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np

from naslib_zc_plugin.benchmarks._formats import Columns, read_parquet
from naslib_zc_plugin.benchmarks._table import ColumnInfo, Sample, Table, Truth
from naslib_zc_plugin.files import readable
from naslib_zc_plugin.spaces.nasbench101 import SPACE, enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of

TRAININGS, RUNS = (4, 12, 36, 108), 3
"""Epochs of the trainings, and runs of each."""
PARTS = {"train": "training", "val": "validation", "test": "test"}
"""Parts of the images, and their names in words."""
KEY, CELL = "hash", ("n_vertices", "adj_upper_rowmajor", "ops")
"""Columns of the benchmark's hash, and of the cell: vertices, the matrix above its diagonal row by row, operations."""

_CHECKED = 64  # rows whose hash is computed; all of them would take a minute


def hashes(path: Path) -> dict[str, str]:
    """Return the key of each cell by the benchmark's hash, of a table that was read and checked.

    Args:
        path: of the table, see :class:`~naslib_zc_plugin.benchmarks.Benchmark`.

    Raises:
        DataError: no cells.
        ImportError: pyarrow is not installed.
    """
    with readable(path, "the cells of NAS-Bench-101"):
        columns, _ = read_parquet(path, [KEY, *CELL])
        return dict(zip(columns[KEY], _keys(columns)))


def _keys(columns: Columns) -> Iterator[str]:
    """Yield the canonical key of each row's cell."""
    missing = [name for name in CELL if name not in columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r}")
    for count, upper, operations in zip(*(columns[name] for name in CELL)):
        cell = keys.Cell(count, _bits(count, upper), _labels(operations))
        if len(cell.labels) != count - 2:
            raise ValueError(f"a cell of {count} vertices with the operations {operations!r}")
        yield keys.format(enumeration.first(cell))


@lru_cache(maxsize=1 << 12)
def _bits(count: int, upper: str) -> int:
    """Return the edges of the matrix above its diagonal, row by row, as the bits of a cell."""
    pairs = list(combinations(range(count), 2))
    if len(pairs) != len(upper) or set(upper) - {"0", "1"}:
        raise ValueError(f"{upper!r} as the matrix of {count} vertices")
    return sum(1 << keys.place(*pair) for pair, edge in zip(pairs, upper) if edge == "1")


@lru_cache(maxsize=1 << 12)
def _labels(operations: str) -> tuple[int, ...]:
    """Return the numbers of operations that are joined by commas."""
    names = operations.split(",") if operations else []
    unknown = [name for name in names if name not in keys.OPERATIONS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} as an operation")
    return tuple(map(keys.OPERATIONS.index, names))


def _space_keys(names: Sequence[str], columns: Columns) -> list[str]:
    """Return the cells' keys, of which some are hashed to see that rows are whole."""
    if len(set(names)) < len(names):
        raise ValueError(f"{len(names) - len(set(names))} hashes more than once")
    found = list(_keys(columns))
    for row in np.linspace(0, len(found) - 1, min(_CHECKED, len(found))).astype(int).tolist():
        if hash_of(keys.parse(found[row])) != names[row]:
            raise ValueError(f"the hash {names[row]} in row {row} of the cell {found[row]}")
    return found


def _columns() -> dict[str, ColumnInfo]:
    found = {}
    for epochs in TRAININGS:
        cost = ("train_time_s", epochs / max(TRAININGS))
        for part in PARTS:
            name, text = f"{part}_acc_{epochs}", f"{PARTS[part]} accuracy after {epochs} epochs"
            # The sample has validation accuracies, and the smaller of the benchmark's files one length.
            gaps = (part, epochs) != ("val", max(TRAININGS))
            described = f"{text}, mean of the runs{' (the sample of 20,001 cells: one run)' if part == 'val' else ''}"
            found[name] = ColumnInfo(described, "fraction", True, gaps=gaps, cost=cost)
            for run in range(RUNS):
                found[f"{name}_run{run}"] = ColumnInfo(f"{text}, run {run}", "fraction", True, gaps=True, cost=cost)
    found["params"] = ColumnInfo("weights of the network", "", None)
    found["train_time_s"] = ColumnInfo(f"training of {max(TRAININGS)} epochs, mean of the runs", "s", False)
    for epochs in TRAININGS[:-1]:
        text = f"training of {epochs} epochs, mean of the runs"
        found[f"train_time_{epochs}_s"] = ColumnInfo(text, "s", False, gaps=True)
    return found


TABLE = Table(
    name="nasbench101",
    file="nasbench101/accuracies.parquet",
    rows=SPACE.size,
    key=KEY,
    columns=_columns(),
    others=("n_edges", *CELL),
    sample=Sample("nasbench101/accuracies_20001.parquet", 20_001, {"val_acc_108": (15_646, 0.949)}),
    space_keys=_space_keys,
    title="NAS-Bench-101",
    truths={"cifar10": Truth("val_acc_108", "CIFAR-10")},
    converter=f"{__name__}.convert:columns",
)
