"""NAS-Bench-101's table in the place of the benchmark's own object, which NASLib's queries ask.

The table is a sample of the benchmark, and that sample is then the search space: any other cell counts as none of the
benchmark, so that NASLib draws and mutates within it. There are validation accuracies, of one run each, after 4, 12, 36
and 108 epochs, parameters and times; test and training accuracies, which ``Trainer`` reports of every architecture, are
NaN. NASLib multiplies everything but times by 100, parameters included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench101 import LENGTHS, cells
from naslib_zc_plugin.hosts.naslib.spaces.nasbench101 import is_valid, spec_hash, to_spec


def api101(data: str | Path | None = None) -> dict[str, Any]:
    """NASLib's ``dataset_api`` of NAS-Bench-101, by our table.

    Raises:
        ValueError: no data directory.
        DataError: the table is not there or damaged.
    """
    from naslib.utils import nb101_api

    return {"api": nb101_api, "nb101_data": Cells(data)}


def rules101() -> dict[str, Any]:
    """NASLib's ``dataset_api`` of NAS-Bench-101 without numbers: it tells which cells belong to the benchmark."""
    from naslib.utils import nb101_api

    return {"api": nb101_api, "nb101_data": Rules()}


class Rules:
    """What NASLib needs to draw cells of NAS-Bench-101."""

    def is_valid(self, model_spec: Any) -> bool:
        """Whether a cell, NASLib's ``ModelSpec``, is one of the benchmark's 423,624."""
        return bool(model_spec.valid_spec) and is_valid(model_spec.matrix.tolist(), model_spec.ops)


class Cells(Rules):
    """What NASLib asks the benchmark's own object.

    Args:
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given.

    Raises:
        ValueError: no data directory.
        DataError: the table is not there or damaged.
    """

    def __init__(self, data: str | Path | None = None) -> None:
        table = benchmark("nasbench101", data)
        self._path = table.path
        self._cells = cells(table.path)
        self._columns = {name: table.column(name) for name in table.columns}

    def is_valid(self, model_spec: Any) -> bool:
        """Whether the table has a cell."""
        return super().is_valid(model_spec) and _hash(model_spec) in self._cells

    def query(self, model_spec: Any, epochs: int = 108) -> Mapping[str, Any]:
        """The numbers of a cell, by the benchmark's names, fractions for accuracies.

        Raises:
            KeyError: the table does not have the cell, or a training of that many epochs.
        """
        name = _hash(model_spec)
        if name not in self._cells or epochs not in LENGTHS:
            raise KeyError(f"{self._path} has no cell {name} after {epochs} epochs; it has {LENGTHS}")
        return self._results(name, epochs)

    def hash_iterator(self) -> Iterator[str]:
        """The hashes of all cells, which ``set_spec`` takes."""
        return iter(self._cells)

    def get_metrics_from_hash(self, module_hash: str) -> tuple[dict[str, Any], dict[int, Mapping[str, Any]]]:
        """A cell and its numbers by epochs; of one run, not of three.

        Raises:
            KeyError: the table does not have the cell.
        """
        if module_hash not in self._cells:
            raise KeyError(f"{self._path} has no cell {module_hash}")
        return dict(self._fixed(module_hash)), {each: self._results(module_hash, each) for each in LENGTHS}

    def _fixed(self, name: str) -> dict[str, Any]:
        matrix, operations = self._cells[name]
        return {
            "module_adjacency": np.array(matrix, dtype=np.int8),
            "module_operations": list(operations),
            "trainable_parameters": int(self._columns["params"][name]),
        }

    def _results(self, name: str, epochs: int) -> Mapping[str, Any]:
        return _Results(
            self._fixed(name),
            train_accuracy=math.nan,
            test_accuracy=math.nan,
            validation_accuracy=self._columns[f"val_acc_{epochs}"][name],
            training_time=self._columns["train_time_s"][name] * epochs / max(LENGTHS),
        )


class _Results(dict[str, Any]):
    """Says what is missing."""

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"the table of NAS-Bench-101 has no {name}; it has {', '.join(self)}")


def _hash(model_spec: Any) -> str:
    # It is pruned: the benchmark's name depends on the vertices that have a part in the cell.
    return spec_hash(to_spec(model_spec.matrix.tolist(), model_spec.ops))
