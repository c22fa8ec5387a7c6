"""Whole tables of made-up numbers in which the known facts hold; they are made once in a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as parquet

from naslib_zc_plugin.benchmarks import Table, nasbench101, nasbench201
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.spaces.nasbench101 import SPACE, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of
from tests.benchmarks import nats


def nasbench201_columns() -> dict[str, Any]:
    """15,625 rows, which the caller may change."""
    return _own(_nasbench201_columns())


@cache
def _nasbench201_columns() -> dict[str, Any]:
    columns: dict[str, Any] = {"index": list(range(len(nats.ORDER))), "arch_str": list(nats.ORDER)}
    columns["unique_str"] = [class_text(key) for key in nats.ORDER]
    return {**columns, **_numbers(nasbench201.TABLE)}


def nasbench101_columns(number: int = 400) -> dict[str, Any]:
    """Rows of cells in the benchmark's order, evenly chosen, which the caller may change."""
    return _own(_nasbench101_columns(number))


@cache
def _nasbench101_columns(number: int) -> dict[str, Any]:
    chosen = [SPACE.key(row) for row in range(0, SPACE.size, SPACE.size // number)][:number]
    found = [keys.unpack(keys.parse(key)) for key in chosen]
    return {
        "hash": [hash_of(keys.parse(key)) for key in chosen],
        "n_vertices": [len(matrix) for matrix, _ in found],
        "adj_upper_rowmajor": ["".join(str(e) for at, row in enumerate(m) for e in row[at + 1 :]) for m, _ in found],
        "ops": [",".join(operations[1:-1]) for _, operations in found],
        **_numbers(nasbench101.TABLE, number),
    }


def _own(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: values.copy() for name, values in columns.items()}


def _numbers(table: Table, rows: int | None = None) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for name, info in table.columns.items():
        columns[name] = rng.uniform(0.1, 0.9 if info.unit == "fraction" else 40, rows or table.rows or 1)
        if info.gaps:
            columns[name][5::7] = np.nan
    for name, (row, value) in table.best.items():
        columns[name][row] = value
    return columns


def written(folder: Path, columns: dict[str, Any], table: Table = nasbench201.TABLE) -> Path:
    """The table in the data directory ``folder``."""
    return table.write(folder, columns, Path("made"), partial=len(columns[table.key]) != table.rows)


def unchecked(folder: Path, columns: dict[str, Any], table: Table = nasbench201.TABLE, **metadata: str) -> Path:
    """These columns, whatever they are, in the table's place."""
    path = folder / table.file
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), path)
    return path
