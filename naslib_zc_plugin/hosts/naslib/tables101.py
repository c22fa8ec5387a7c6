"""NAS-Bench-101's table in the place of the benchmark's own object, which NASLib's queries ask.

Where the table is a sample of the benchmark, that sample is then the search space: any other cell counts as none of the
benchmark, so that NASLib draws and mutates within it. What the table has no column for, such as the sample's test and
training accuracies, which ``Trainer`` reports of every architecture, is NaN. NASLib multiplies everything but times by
100, parameters included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench101 import TRAININGS, hashes
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of


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
        try:
            return bool(model_spec.valid_spec and _key(model_spec))
        except ValueError:
            return False


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
        self._keys = hashes(table.path)
        self._there = set(table.keys)
        self._columns = {name: table.column(name) for name in table.columns}

    def is_valid(self, model_spec: Any) -> bool:
        """Whether the table has a cell."""
        return super().is_valid(model_spec) and _key(model_spec) in self._there

    def query(self, model_spec: Any, epochs: int = 108) -> Mapping[str, Any]:
        """The numbers of a cell, by the benchmark's names, fractions for accuracies.

        Raises:
            KeyError: the table does not have the cell, or a training of that many epochs.
        """
        key = _key(model_spec)
        if key not in self._there or epochs not in self._lengths:
            known = f"it has {self._lengths}"
            raise KeyError(f"{self._path} has no cell {hash_of(keys.parse(key))} after {epochs} epochs; {known}")
        return self._results(key, epochs)

    def hash_iterator(self) -> Iterator[str]:
        """The hashes of all cells, which ``set_spec`` takes."""
        return iter(self._keys)

    def get_metrics_from_hash(self, module_hash: str) -> tuple[dict[str, Any], dict[int, Mapping[str, Any]]]:
        """A cell and its numbers by epochs; means over runs, not the runs.

        Raises:
            KeyError: the table does not have the cell.
        """
        if module_hash not in self._keys:
            raise KeyError(f"{self._path} has no cell {module_hash}")
        key = self._keys[module_hash]
        return self._fixed(key), {epochs: self._results(key, epochs) for epochs in self._lengths}

    @property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(epochs for epochs in TRAININGS if f"val_acc_{epochs}" in self._columns)

    def _fixed(self, key: str) -> dict[str, Any]:
        matrix, operations = keys.unpack(keys.parse(key))
        return {
            "module_adjacency": np.array(matrix, dtype=np.int8),
            "module_operations": list(operations),
            "trainable_parameters": int(self._columns["params"][key]),
        }

    def _results(self, key: str, epochs: int) -> Mapping[str, Any]:
        own, whole = self._number(f"train_time_{epochs}_s", key), self._columns["train_time_s"][key]
        return _Results(
            self._fixed(key),
            train_accuracy=self._number(f"train_acc_{epochs}", key),
            test_accuracy=self._number(f"test_acc_{epochs}", key),
            validation_accuracy=self._number(f"val_acc_{epochs}", key),
            training_time=whole * epochs / max(TRAININGS) if math.isnan(own) else own,
        )

    def _number(self, column: str, key: str) -> float:
        return self._columns.get(column, {}).get(key, math.nan)


class _Results(dict[str, Any]):
    """Says what is missing."""

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"the table of NAS-Bench-101 has no {name}; it has {', '.join(self)}")


def _key(model_spec: Any) -> str:
    return keys.format(enumeration.first(keys.pack(model_spec.matrix.tolist(), model_spec.ops)))
