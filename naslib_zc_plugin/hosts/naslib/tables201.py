"""NAS-Bench-201's table in the form of NASLib's ``nb201_<dataset>_full_training.pickle``.

``{architecture string: {dataset: {"eval_acc1es": …, "cost_info": {…}}}}``, with NASLib's names. What a table does not
have raises ``KeyError``; of our own these are losses, latency and epochs in between.

- ``eval_acc1es``, which NASLib gives for ``VAL_ACCURACY`` and ``TEST_ACCURACY`` alike, are for CIFAR-10 the test
  accuracies of networks trained on the first half, the very numbers of NASLib's file (those 20 that its tests hold are
  the same). For CIFAR-100 and ImageNet16-120 they are the test accuracies on the benchmark's test half.
- ``train_time`` is in seconds per epoch, as in NASLib's file.
- ``train_acc1es`` is NaN: ``Trainer`` reports it of every architecture, and no search of NASLib's uses it.
- ``params`` and ``flops`` are in millions; FLOPs are counted otherwise than in NASLib's file, and for CIFAR-10 only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from naslib_zc_plugin.benchmarks import Benchmark
from naslib_zc_plugin.benchmarks.nasbench201 import NaslibColumns

_COSTS = ("flops", "latency", "params", "train_time")
_REPORTED = "train_acc1es"
_BY_EPOCH = {"flop": "flops", "params": "params"}  # asked for as if they were


class Architectures(Mapping[str, "Datasets"]):
    """Architecture string → its data sets, in the benchmark's order. Numbers are looked up when they are asked for.

    Args:
        table: the benchmark's.
        wanted: where it has what NASLib asks for.
        epochs: of the training.
    """

    def __init__(self, table: Benchmark, wanted: NaslibColumns, epochs: int = 200) -> None:
        self._table, self._epochs = table, epochs
        self._wanted = {
            dataset: {name: column for name, column in columns.items() if column[0] in table.columns}
            for dataset, columns in wanted.items()
        }
        self._keys = dict.fromkeys(table.keys)
        self._columns: dict[str, dict[str, float]] = {}

    def __getitem__(self, key: str) -> Datasets:
        if key not in self._keys:
            raise KeyError(f"{self._table.path} has no architecture {key!r}")
        return Datasets(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def datasets(self) -> list[str]:
        """NASLib's names of the data sets that the table has something of."""
        return [dataset for dataset, columns in self._wanted.items() if columns]

    def names(self, dataset: str) -> list[str]:
        """NASLib's names of what the table has of a data set."""
        return list(self._wanted[dataset])

    def number(self, key: str, dataset: str, name: str) -> float:
        """One of NASLib's numbers of an architecture, the last one where there is one for each epoch.

        Raises:
            KeyError: the table does not have it.
        """
        if name == _REPORTED and name not in self._wanted[dataset]:
            return math.nan
        if name not in self._wanted[dataset]:
            raise KeyError(f"{self._table.path} has {', '.join(self.names(dataset))} on {dataset}, no {name}")
        column, scale = self._wanted[dataset][name]
        if column not in self._columns:
            self._columns[column] = self._table.column(column)
        if key not in self._columns[column]:
            raise KeyError(f"{self._table.path} has no {column} of {key}")
        return scale * self._columns[column][key]

    def curve(self, key: str, dataset: str, name: str) -> Curve:
        """A number of an architecture in the place of one for each epoch.

        Raises:
            KeyError: the table does not have it.
        """
        return Curve(self.number(key, dataset, name), self._epochs, f"{name} of {key} on {dataset}")


class Datasets(Mapping[str, "Results"]):
    """NASLib's name of a data set → an architecture's results on it."""

    def __init__(self, table: Architectures, key: str) -> None:
        self._table, self._key = table, key

    def __getitem__(self, dataset: str) -> Results:
        there = self._table.datasets()
        if dataset not in there:
            raise KeyError(f"the table of NAS-Bench-201 has the data sets {', '.join(there)}, not {dataset!r}")
        return Results(self._table, self._key, dataset)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.datasets())

    def __len__(self) -> int:
        return len(self._table.datasets())


class Results(Mapping[str, Any]):
    """NASLib's name of a measurement → what an architecture has of it, and ``cost_info``."""

    def __init__(self, table: Architectures, key: str, dataset: str) -> None:
        self._table, self._key, self._dataset = table, key, dataset

    def __getitem__(self, name: str) -> Any:
        if name == "cost_info":
            there = [each for each in _COSTS if each in self._table.names(self._dataset)]
            return {each: self._table.number(self._key, self._dataset, each) for each in there}
        return self._table.curve(self._key, self._dataset, _BY_EPOCH.get(name, name))

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._table.names(self._dataset) if name not in _COSTS)
        yield "cost_info"

    def __len__(self) -> int:
        return len(list(iter(self)))


class Curve(Sequence[float]):
    """A number after the last epoch, in the place of one for each epoch: the others are not there.

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
        # KeyError, since an IndexError would end a loop over the epochs without a word.
        if isinstance(epoch, slice) or epoch not in (-1, self._epochs - 1):
            raise KeyError(
                f"the table has {self._what} after the last of {self._epochs} epochs only (epoch=-1 or "
                f"{self._epochs - 1}), not at {epoch}; for trainings of 12 epochs: dataset_api(epochs=12)"
            )
        return self._value

    def __repr__(self) -> str:
        return f"{self._what}: {self._value} after {self._epochs} epochs"
