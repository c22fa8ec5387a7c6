"""NAS-Bench-101 (Ying et al., ICML 2019): an unbiased sample of 20,001 of its 423,624 cells.

Keys are the benchmark's hashes of cells. Validation accuracies are of one run each; there are no test accuracies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from naslib_zc_plugin.benchmarks._benchmark import Measure
from naslib_zc_plugin.benchmarks._table import Table, parquet
from naslib_zc_plugin.files import readable

if TYPE_CHECKING:
    import pyarrow


LENGTHS = (4, 12, 36, 108)
"""Epochs of the trainings."""

Cell = tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]
"""Adjacency matrix, row → column, and operations from ``input`` to ``output``."""


def cells(path: Path) -> dict[str, Cell]:
    """The cells in a table that was read and checked, by hash.

    Args:
        path: of the table, see :class:`~naslib_zc_plugin.benchmarks.Benchmark`.

    Raises:
        DataError: no cells.
        ImportError: pyarrow is not installed.
    """
    with readable(path, "the cells of NAS-Bench-101"):
        table = parquet().read_table(path, columns=["hash", "n_vertices", "adj_upper_rowmajor", "ops"])
        return {name: _cell(*cell) for name, *cell in zip(*(column.to_pylist() for column in table.columns))}


def _cell(count: int, upper: str, operations: str) -> Cell:
    bits = iter(upper)
    matrix = tuple(tuple(int(next(bits)) if to > at else 0 for to in range(count)) for at in range(count))
    return matrix, ("input", *operations.split(","), "output") if operations else ("input", "output")


def _measures() -> dict[str, Measure]:
    found = {
        f"val_acc_{epochs}": Measure(
            f"validation accuracy after {epochs} epochs, one run", "fraction", True, cost=("train_time_s", epochs / 108)
        )
        for epochs in LENGTHS
    }
    return {
        **found,
        "params": Measure("weights of the network", "", None),
        "train_time_s": Measure("training of 108 epochs", "s", False),
    }


def _check_keys(keys: Sequence[str], table: pyarrow.Table) -> None:
    wrong = next((key for key in keys if not re.fullmatch("[0-9a-f]{32}", key)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r}, which is no hash of 32 digits")
    if len(set(keys)) < len(keys):
        raise ValueError(f"{len(keys) - len(set(keys))} hashes more than once")


TABLE = Table(
    name="nasbench101",
    file="nasbench101/accuracies_20001.parquet",
    rows=20_001,
    key="hash",
    measures=_measures(),
    others=("n_vertices", "n_edges", "adj_upper_rowmajor", "ops"),
    check_keys=_check_keys,
    best={"val_acc_108": (15_646, 0.949)},
)
