"""NAS-Bench-201's table in the form of NASLib's ``nb201_<dataset>_full_training.pickle``.

``{architecture string: {dataset: {"eval_acc1es": …, "cost_info": {…}}}}``, with NASLib's names of the data sets. What
the table does not have is not there: accuracies and losses on the images trained on, losses, latency, epochs in
between, and CIFAR-10's FLOPs are counted in another way.

- ``eval_acc1es``, which NASLib gives for ``VAL_ACCURACY`` and ``TEST_ACCURACY`` alike: for CIFAR-10 the test accuracy
  of networks trained on the first half, the very numbers of NASLib's file (those 20 that its tests have are the same);
  for CIFAR-100 and ImageNet16-120 the test accuracy, of the benchmark's test half. Or the validation accuracies.
- ``train_time`` is in seconds per epoch, as in NASLib's file.
- ``params`` and ``flops`` are in millions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from naslib_zc_plugin.benchmarks import Benchmark
from naslib_zc_plugin.benchmarks.nasbench201 import NASLIB

LENGTHS = (12, 200)


class Architectures(Mapping[str, "Datasets"]):
    """Architecture string → its data sets, in the benchmark's order.

    Raises:
        ValueError: an accuracy other than ``"test"`` and ``"val"``, or another length of training than 12 and 200.
    """

    def __init__(self, table: Benchmark, accuracy: str = "test", epochs: int = 200) -> None:
        known = next(iter(NASLIB.values()))
        if accuracy not in known or epochs not in LENGTHS:
            raise ValueError(
                f"NAS-Bench-201 has the accuracies {', '.join(known)} after {' or '.join(map(str, LENGTHS))} epochs, "
                f"not {accuracy!r} after {epochs!r}"
            )
        self._table, self._accuracy, self._epochs = table, accuracy, epochs
        self._places = dict.fromkeys(table.keys)
        self._columns: dict[str, dict[str, float]] = {}

    def __getitem__(self, key: str) -> Datasets:
        if key not in self._places:
            raise KeyError(f"no architecture of {self._table.path}: {key!r}")
        return Datasets(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def number(self, key: str, dataset: str, name: str) -> float:
        """One of NASLib's numbers of an architecture.

        Args:
            dataset: NASLib's name of it.
            name: ``accuracy``, ``train_time``, ``params`` or ``flops``.

        Raises:
            KeyError: the table does not have it.
        """
        columns = NASLIB[dataset]
        if name == "accuracy":
            column, scale = columns[self._accuracy].format(epochs=self._epochs), 1.0
        else:
            column, scale = columns[name], 1 / 200 if name == "train_time" else 1.0
        values = self._column(column)
        if key not in values:
            raise KeyError(f"{self._table.path} has no {column} of {key}")
        return scale * values[key]

    def curve(self, key: str, dataset: str, name: str) -> Curve:
        """A number of an architecture as what NASLib has for each epoch."""
        return Curve(self.number(key, dataset, name), self._epochs, f"{name} of {key} on {dataset}")

    def _column(self, name: str) -> dict[str, float]:
        if name not in self._columns:
            there = name in self._table.columns
            self._columns[name] = self._table.column(name) if there else {}
        return self._columns[name]


class Datasets(Mapping[str, "Results"]):
    """NASLib's name of a data set → an architecture's results on it."""

    def __init__(self, table: Architectures, key: str) -> None:
        self._table, self._key = table, key

    def __getitem__(self, dataset: str) -> Results:
        if dataset not in NASLIB:
            raise KeyError(f"the table of NAS-Bench-201 has {', '.join(NASLIB)}, not {dataset!r}")
        return Results(self._table, self._key, dataset)

    def __iter__(self) -> Iterator[str]:
        return iter(NASLIB)

    def __len__(self) -> int:
        return len(NASLIB)


class Results(Mapping[str, Any]):
    """NASLib's name of a measurement → what an architecture has of it."""

    _CURVES = {"eval_acc1es": "accuracy", "params": "params", "flop": "flops"}
    _COSTS = ("params", "flops", "train_time")

    def __init__(self, table: Architectures, key: str, dataset: str) -> None:
        self._table, self._key, self._dataset = table, key, dataset

    def __getitem__(self, name: str) -> Any:
        if name == "cost_info":
            return {each: self._table.number(self._key, self._dataset, each) for each in self._costs()}
        if name in self._CURVES and self._CURVES[name] in (*self._costs(), "accuracy"):
            return self._table.curve(self._key, self._dataset, self._CURVES[name])
        raise KeyError(f"the table of NAS-Bench-201 has {', '.join(self)} on {self._dataset}, no {name!r}")

    def __iter__(self) -> Iterator[str]:
        yield from (name for name, kind in self._CURVES.items() if kind == "accuracy" or kind in self._costs())
        yield "cost_info"

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _costs(self) -> list[str]:
        return [each for each in self._COSTS if each in NASLIB[self._dataset]]


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
                f"the table of NAS-Bench-201 has {self._what} after the last of {self._epochs} epochs only (epoch=-1 "
                f"or {self._epochs - 1}), not at {epoch}; dataset_api(..., epochs=12) has trainings of 12 epochs"
            )
        return self._value

    def __repr__(self) -> str:
        return f"{self._what}: {self._value} after {self._epochs} epochs"
