"""NAS-Bench-BERT (Serianni & Kalita, 2023): 500 FlexiBERT-like encoders, pretrained and fine-tuned on GLUE.

Training ran once for each row. Nine pairs of rows are one architecture trained twice, which shows how far a training is
repeatable (0.2 to 2.0 of GLUE); a key's numbers are the means over its rows, ``trainings`` counts them, and
:func:`rows` gives them one by one. Row 47's fine-tuning on RTE failed (0), so it has neither ``rte`` nor ``glue``.

The trained networks follow the keys only in part: the makers' training code ran plain attention for every operation,
and its first feed-forward layer is four times the hidden size wide. Treat the operations as noise here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from naslib_zc_plugin.benchmarks._table import Benchmark, ColumnInfo, NestedTable, real_number, whole_number
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.flexibert import SPACE, keys

TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst", "sts")
ROWS = 500
FAILED = (47, "rte")
"""Row and task of the fine-tuning that failed."""

_COST = ("time_to_train_s", 1.0)


@dataclass(frozen=True)
class TrainedEncoder:
    """A training: its number in the benchmark, the architecture's key, percent per task and ``glue``, seconds."""

    number: int
    key: str
    scores: Mapping[str, float]
    seconds: float


class NasBenchBertTable(NestedTable):
    """A table of trainings of the architectures that the space draws from seed 0."""

    def checked(self, path: Path, rows: Sequence[Any]) -> list[TrainedEncoder]:
        """Return rows of JSON as trainings; raise :class:`DataError` unless they are the benchmark's."""
        if len(rows) != ROWS:
            raise DataError(path, f"{ROWS} rows", f"{len(rows)}")
        draw, checked = Random(0), []
        for number, row in enumerate(rows):
            try:
                key = SPACE.of_layers(row["hidden_size"], row["layers"])
                scores = {name: real_number(row["scores"][name]) for name in (*TASKS, "glue")}
                one = TrainedEncoder(whole_number(row["id"]), key, scores, real_number(row["time_to_train_s"]))
            except (LookupError, TypeError, ValueError) as error:
                expected = f"row {number} with an architecture, scores and seconds"
                raise DataError(path, expected, f"{type(error).__name__}: {error}") from error
            if (one.number, key) != (number, SPACE.sample(draw)):
                found = f"id {one.number}, {key} at {number}"
                raise DataError(path, "the benchmark's architectures in its order", found)
            mean = sum(scores[task] for task in TASKS) / len(TASKS)
            in_range = all((-100 if task == "cola" else 0) <= scores[task] <= 100 for task in TASKS)
            if not 0 < one.seconds < math.inf:
                raise DataError(path, f"row {number} with seconds of training", f"{one.seconds}")
            if not in_range or not abs(scores["glue"] - mean) < 1e-3:
                raise DataError(path, f"row {number} with percents of which glue is the mean", f"{scores}")
            checked.append(one)
        return checked

    def summary(self, path: Path, rows: Sequence[TrainedEncoder]) -> Benchmark:
        """Return means over the trainings of each key."""
        of_key: dict[str, list[TrainedEncoder]] = {}
        for row in rows:
            of_key.setdefault(row.key, []).append(row)
        values = {name: np.array([_value(name, of_key[key]) for key in of_key]) for name in self.columns}
        return Benchmark(self.name, path, tuple(of_key), self.columns, False, values)


def _value(name: str, of_key: Sequence[TrainedEncoder]) -> float:
    """Return a column's number for the rows of one key."""
    architecture = keys.parse(of_key[0].key)
    known = {
        "trainings": len(of_key),
        "hidden_size": architecture.hidden,
        "depth": len(architecture.layers),
        "hidden_times_depth": architecture.hidden * len(architecture.layers),
    }
    if name in known:
        return known[name]
    values = [row.seconds if name == "time_to_train_s" else row.scores[name] for row in of_key]
    failed = name in (FAILED[1], "glue") and any(row.number == FAILED[0] for row in of_key)
    return float("nan") if failed else sum(values) / len(values)


TABLE = NasBenchBertTable(
    name="flexibert",
    file="flexibert/architectures.jsonl.gz",
    columns={
        "glue": ColumnInfo("mean of the eight tasks", "%", True, gaps=True, cost=_COST),
        **{
            task: ColumnInfo(f"GLUE, {task.upper()}, development set", "%", True, task == FAILED[1], _COST)
            for task in TASKS
            if task != "cola"
        },
        "cola": ColumnInfo("GLUE, COLA, Matthews correlation × 100", "", True, cost=_COST, minimum=-100),
        "time_to_train_s": ColumnInfo("pretraining, 100,000 steps", "s", False),
        "trainings": ColumnInfo("rows of the architecture"),
        "hidden_size": ColumnInfo("hidden size"),
        "depth": ColumnInfo("encoder layers"),
        "hidden_times_depth": ColumnInfo("hidden size × encoder layers, a baseline"),
    },
    converter=f"{__name__}.convert:rows",
)


def rows(path: Path) -> list[TrainedEncoder]:
    """Return all trainings in the table's file, those of equal architectures and the failed one too.

    Raises:
        DataError: there is no such file, it is damaged, or its rows are not the benchmark's.
    """
    return TABLE.trainings(path)
