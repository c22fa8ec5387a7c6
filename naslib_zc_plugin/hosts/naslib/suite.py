"""Scores and trained accuracies as NASLib's ``zc_api``, the content of its ``zc_<space>.json`` for one data set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.campaign.naslib_json import ACCURACY, NAMES, PREFIX, accuracies_of, below, naslib_number
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.spaces.nasbench201 import keys
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

_PENDING, _OK = STATUSES.index("pending"), STATUSES.index("ok")
_NUMPY = re.compile(r"np\.\w+\((-?\d+)\)")


def zc_api(
    scores: str | Path | ScoreTable,
    data: str | Path | None = None,
    *,
    accuracies: Mapping[str, float] | None = None,
    proxies: Sequence[str] | None = None,
) -> ZcApi:
    """Return the ``zc_api`` for ``Bananas``, ``Npenas``, ``ZeroCostPredictorEvaluator`` and ``ZCEnsembleEvaluator``.

    Args:
        scores: a campaign's store, its Parquet export, an import of NASLib's own file, or a table.
        data: the data directory, for the accuracies; that of the environment variable ``NAS_ZC_DATA`` unless given.
        accuracies: by our keys, instead of those of the data directory or of the table's own.
        proxies: labels of the table; all of them unless given.

    Raises:
        ValueError: a label is unknown, accuracies are missing, or not one architecture has all of them.
        StoreError, DataError: the table cannot be read.

    >>> from naslib_zc_plugin.hosts.naslib import zc_api  # doctest: +SKIP
    >>> zc_api("scores.db", "data")["(4, 0, 3, 1, 4, 3)"]["val_accuracy"]  # doctest: +SKIP
    """
    table = scores if isinstance(scores, ScoreTable) else read_table(scores)
    own = table.columns.get(PREFIX + ACCURACY)
    if accuracies is None and own is not None:
        accuracies = {key: value for key, value in zip(table.keys, own.values.tolist()) if value == value}
    if accuracies is None:
        accuracies = accuracies_of(table.facts, data)
    labels = [label for label in table.columns if label != PREFIX + ACCURACY] if proxies is None else proxies
    return ZcApi(table, {label: table[label] for label in labels}, accuracies)


class ZcApi(Mapping[str, "Mapping[str, Any]"]):
    """Text of a spec → proxy → ``{"score": …, "time": …}``, and ``"val_accuracy"``.

    It holds the architectures that every proxy was tried on and that have an accuracy: NASLib's code looks all of them
    up without asking. Scores are numbers as NASLib takes them
    (:func:`naslib_zc_plugin.campaign.naslib_json.naslib_number`);
    one that is undefined or failed ranks last (:func:`naslib_zc_plugin.campaign.naslib_json.below`). Numpy's
    numbers in a spec's text are taken for plain ones.

    Args:
        table: of the scores.
        columns: those of its columns that are looked up, by label. Labels of imported scores and those that NASLib
            calls otherwise are there under NASLib's names as well.
        accuracies: by the table's keys.

    Raises:
        ValueError: no column, or no such architecture.
    """

    def __init__(self, table: ScoreTable, columns: Mapping[str, Column], accuracies: Mapping[str, float]) -> None:
        if not columns:
            raise ValueError(f"no proxy to look up: {table.name} has {', '.join(table.columns)}")
        numbers = {label: _numbers(column) for label, column in columns.items()}
        self._numbers = {
            name: (numbers[label], column.seconds) for label, column in columns.items() for name in _names(label)
        }
        tried = np.all([column.status != _PENDING for column in columns.values()], axis=0)
        spec = keys.to_naslib if table.facts.get("space") == "nasbench201" else str
        self._rows = {
            str(spec(key)): (row, float(accuracies[key]))
            for row, key in enumerate(table.keys)
            if tried[row] and key in accuracies
        }
        if not self._rows:
            raise ValueError(f"{table.name} has no architecture with an accuracy and scores of {', '.join(columns)}")

    def __getitem__(self, spec: str) -> Mapping[str, Any]:
        row, accuracy = self._rows[self._plain(spec)]
        found: dict[str, Any] = {
            name: {"score": float(numbers[row]), "time": float(seconds[row])}
            for name, (numbers, seconds) in self._numbers.items()
        }
        return {**found, ACCURACY: accuracy}

    def __contains__(self, spec: object) -> bool:
        return isinstance(spec, str) and self._plain(spec) in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _plain(self, spec: str) -> str:
        return spec if spec in self._rows else _NUMPY.sub(r"\1", spec)


def _names(label: str) -> dict[str, None]:
    """Return a label and NASLib's names for it."""
    plain = label[len(PREFIX) :] if label.startswith(PREFIX) else label
    return dict.fromkeys((label, plain, NAMES.get(plain, plain)))


def _numbers(column: Column) -> NDArray[np.float64]:
    """Return the number that NASLib gets for each entry of a column."""
    ok = column.status == _OK
    found = np.full(len(ok), np.nan)
    found[ok] = [
        naslib_number(column.proxy, column.version, column.higher_is_better, value)
        for value in column.values[ok].tolist()
    ]
    found[~ok] = below(found[ok].min(), found[ok].max()) if ok.any() else below(0.0, 0.0)
    return found
