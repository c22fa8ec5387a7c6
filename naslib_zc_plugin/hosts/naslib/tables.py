"""Our tables of trained networks as the ``dataset_api`` of NASLib's queries.

NAS-Bench-201's has the form of NASLib's ``nb201_<dataset>_full_training.pickle``, ``{architecture string: {dataset:
{"eval_acc1es": …, "cost_info": {…}}}}``, with NASLib's names. A number that a table does not have raises ``KeyError``;
of our own these are losses, latency and epochs in between.

- ``eval_acc1es``, which NASLib gives for ``VAL_ACCURACY`` and ``TEST_ACCURACY`` alike, are for CIFAR-10 the test
  accuracies of networks trained on the first half, the very numbers of NASLib's file (those 20 that its tests hold are
  the same). For CIFAR-100 and ImageNet16-120 they are the test accuracies on the benchmark's test half.
- ``train_time`` is in seconds per epoch, as in NASLib's file.
- ``train_acc1es`` is NaN: ``Trainer`` reports it of every architecture, and no search of NASLib's uses it.
- ``params`` and ``flops`` are in millions; FLOPs are counted otherwise than in NASLib's file, and for CIFAR-10 only.

NAS-Bench-101's stands in for the benchmark's own object, which NASLib's queries ask. Where the table is a sample of the
benchmark, that sample is the search space: any other cell counts as none of the benchmark, so that NASLib draws and
mutates within it. Numbers without a column, such as the sample's test and training accuracies, which ``Trainer``
reports of every architecture, are NaN. NASLib multiplies everything but times by 100, parameters included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Callable, overload

import numpy as np

from naslib_zc_plugin.benchmarks import Benchmark, benchmark
from naslib_zc_plugin.benchmarks.nasbench101 import TRAININGS, hashes
from naslib_zc_plugin.benchmarks.nasbench201 import NaslibColumns, naslib_columns, naslib_pickles
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of

_COSTS = ("flops", "latency", "params", "train_time")
_REPORTED = "train_acc1es"
_BY_EPOCH = {"flop": "flops", "params": "params"}  # asked for as if they were


def dataset_api(
    name: str = "nasbench201", data: str | Path | None = None, *, accuracy: str = "test", epochs: int = 200
) -> dict[str, Any]:
    """Return a benchmark's table as NASLib's queries take it, instead of NASLib's pickles.

    Numbers are looked up when they are asked for; one that the table does not have raises ``KeyError``, except for
    accuracies that NASLib's ``Trainer`` reports of every architecture: they are NaN, and searches go on.

    Args:
        name: ``"nasbench201"``; ``"nasbench201_naslib"``, the numbers of NASLib's own pickles, imported; or
            ``"nasbench101"``.
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given. ``nasbench201`` is in
            the package and needs none.
        accuracy: of NAS-Bench-201: NASLib's ``VAL_ACCURACY`` and ``TEST_ACCURACY``, which are one number: ``"test"``,
            as in NASLib's file, or ``"val"``.
        epochs: of NAS-Bench-201: length of the training, 200 as in NASLib's file, or 12.

    Raises:
        ValueError: the benchmark, accuracy or length is unknown, or no data directory is known where one is needed.
        DataError: the table is missing or damaged.

    >>> from naslib_zc_plugin.hosts.naslib import dataset_api  # doctest: +SKIP
    >>> graph.query(Metric.VAL_ACCURACY, "cifar10", dataset_api=dataset_api())  # doctest: +SKIP
    """
    if name == "nasbench201":
        return {"nb201_data": _architectures(benchmark(name, data), naslib_columns(accuracy, epochs), epochs)}
    if name == "nasbench201_naslib":
        return {"nb201_data": _architectures(benchmark(name, data), naslib_pickles.pickle_columns())}
    if name == "nasbench101":
        from naslib.utils import nb101_api

        return {"api": nb101_api, "nb101_data": CellTable(data)}
    raise ValueError(f"no table of {name!r} for NASLib; there are nasbench101, nasbench201, nasbench201_naslib")


def rules101() -> dict[str, Any]:
    """Return NASLib's ``dataset_api`` of NAS-Bench-101 without numbers, for the membership of cells alone."""
    from naslib.utils import nb101_api

    return {"api": nb101_api, "nb101_data": CellRules()}


class _Lookup(Mapping[str, Any]):
    """Names, and values that are looked up when they are asked for."""

    def __init__(self, names: Iterable[str], look_up: Callable[[str], Any]) -> None:
        self._names, self._look_up = names, look_up

    def __getitem__(self, name: str) -> Any:
        return self._look_up(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return sum(1 for _ in self._names)


def _architectures(table: Benchmark, wanted: NaslibColumns, epochs: int = 200) -> _Lookup:
    """Return architecture string → data set → measurement, by NASLib's names."""
    keys201 = dict.fromkeys(table.keys)
    read: dict[str, dict[str, float]] = {}
    there = {
        dataset: {name: column for name, column in columns.items() if column[0] in table.columns}
        for dataset, columns in wanted.items()
    }
    there = {dataset: columns for dataset, columns in there.items() if columns}

    def number(key: str, dataset: str, name: str) -> float:
        if name not in there[dataset]:
            if name == _REPORTED:
                return math.nan
            raise KeyError(f"{table.path} has {', '.join(there[dataset])} on {dataset}, no {name}")
        column, scale = there[dataset][name]
        if column not in read:
            read[column] = table.column(column)
        if key not in read[column]:
            raise KeyError(f"{table.path} has no {column} of {key}")
        return scale * read[column][key]

    def result(key: str, dataset: str, name: str) -> Any:
        if name == "cost_info":
            return {each: number(key, dataset, each) for each in _COSTS if each in there[dataset]}
        value = number(key, dataset, _BY_EPOCH.get(name, name))
        return Curve(value, epochs, f"{_BY_EPOCH.get(name, name)} of {key} on {dataset}")

    def results(key: str, dataset: str) -> _Lookup:
        if dataset not in there:
            raise KeyError(f"the table of NAS-Bench-201 has the data sets {', '.join(there)}, not {dataset!r}")
        names = [*(name for name in there[dataset] if name not in _COSTS), "cost_info"]
        return _Lookup(names, partial(result, key, dataset))

    def datasets(key: str) -> _Lookup:
        if key not in keys201:
            raise KeyError(f"{table.path} has no architecture {key!r}")
        return _Lookup(there, partial(results, key))

    return _Lookup(keys201, datasets)


class Curve(Sequence[float]):
    """A number after the last epoch, where NASLib has one for each epoch: the others do not exist.

    Args:
        value: after the last epoch.
        epochs: length of the training.
        what: for messages.
    """

    def __init__(self, value: float, epochs: int, what: str) -> None:
        self._value, self._epochs, self._what = value, epochs, what

    def __len__(self) -> int:
        return self._epochs

    @overload
    def __getitem__(self, epoch: int) -> float: ...
    @overload
    def __getitem__(self, epoch: slice) -> Sequence[float]: ...
    def __getitem__(self, epoch: int | slice) -> float | Sequence[float]:
        # KeyError, since an IndexError would end a loop over the epochs silently.
        if isinstance(epoch, slice) or epoch not in (-1, self._epochs - 1):
            raise KeyError(
                f"the table has {self._what} after the last of {self._epochs} epochs only (epoch=-1 or "
                f"{self._epochs - 1}), not at {epoch}; for trainings of 12 epochs: dataset_api(epochs=12)"
            )
        return self._value

    def __repr__(self) -> str:
        return f"{self._what}: {self._value} after {self._epochs} epochs"


class CellRules:
    """The object that NASLib needs to draw cells of NAS-Bench-101."""

    def is_valid(self, model_spec: Any) -> bool:
        """Return whether a cell, NASLib's ``ModelSpec``, is one of the benchmark's 423,624."""
        try:
            return bool(model_spec.valid_spec and _key101(model_spec))
        except ValueError:
            return False


class CellTable(CellRules):
    """The object that NASLib's queries ask, by our table of NAS-Bench-101.

    Args:
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given.

    Raises:
        ValueError: no data directory is known.
        DataError: the table is missing or damaged.
    """

    def __init__(self, data: str | Path | None = None) -> None:
        table = benchmark("nasbench101", data)
        self._path, self._keys, self._there = table.path, hashes(table.path), set(table.keys)
        self._columns = {name: table.column(name) for name in table.columns}
        self._lengths = tuple(epochs for epochs in TRAININGS if f"val_acc_{epochs}" in self._columns)

    def is_valid(self, model_spec: Any) -> bool:
        """Return whether the table has a cell."""
        return super().is_valid(model_spec) and _key101(model_spec) in self._there

    def query(self, model_spec: Any, epochs: int = 108) -> Mapping[str, Any]:
        """Return the numbers of a cell, by the benchmark's names, fractions for accuracies.

        Raises:
            KeyError: the table does not have the cell, or a training of that many epochs.
        """
        key = _key101(model_spec)
        if key not in self._there or epochs not in self._lengths:
            known = f"it has {self._lengths}"
            raise KeyError(f"{self._path} has no cell {hash_of(keys.parse(key))} after {epochs} epochs; {known}")
        return self._results(key, epochs)

    def hash_iterator(self) -> Iterator[str]:
        """Return an iterator over the hashes of all cells, which ``set_spec`` takes."""
        return iter(self._keys)

    def get_metrics_from_hash(self, module_hash: str) -> tuple[dict[str, Any], dict[int, Mapping[str, Any]]]:
        """Return a cell and its numbers by epochs; means over runs, not the runs.

        Raises:
            KeyError: the table does not have the cell.
        """
        if module_hash not in self._keys:
            raise KeyError(f"{self._path} has no cell {module_hash}")
        key = self._keys[module_hash]
        return self._cell(key), {epochs: self._results(key, epochs) for epochs in self._lengths}

    def _cell(self, key: str) -> dict[str, Any]:
        matrix, operations = keys.unpack(keys.parse(key))
        return {
            "module_adjacency": np.array(matrix, dtype=np.int8),
            "module_operations": list(operations),
            "trainable_parameters": int(self._columns["params"][key]),
        }

    def _results(self, key: str, epochs: int) -> Mapping[str, Any]:
        found = _Results(self._cell(key))
        for name, column in (("train", "train"), ("test", "test"), ("validation", "val")):
            found[f"{name}_accuracy"] = self._columns.get(f"{column}_acc_{epochs}", {}).get(key, math.nan)
        own = self._columns.get(f"train_time_{epochs}_s", {}).get(key, math.nan)
        whole = self._columns["train_time_s"][key] * epochs / max(TRAININGS)
        found["training_time"] = whole if math.isnan(own) else own
        return found


class _Results(dict[str, Any]):
    """A mapping whose error names a missing number."""

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"the table of NAS-Bench-101 has no {name}; it has {', '.join(self)}")


def _key101(model_spec: Any) -> str:
    return keys.format(enumeration.first(keys.pack(model_spec.matrix.tolist(), model_spec.ops)))
