"""NAS-Bench-BERT (Serianni & Kalita, 2023): 500 FlexiBERT-like encoders, pretrained and fine-tuned on GLUE.

Training ran once for each row. Nine pairs of rows are one architecture trained twice, which shows how far a training is
repeatable (0.2 to 2.0 of GLUE); a key's numbers are the means over its rows, ``trainings`` counts them, and
``TABLE.trainings`` returns them one by one. Row 47's fine-tuning on RTE failed (0): it has neither ``rte`` nor
``glue``.

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

from naslib_zc_plugin.benchmarks._table import ColumnInfo, NestedTable, Truth
from naslib_zc_plugin.files import DataError, real_number, whole_number
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

    row_form = "an architecture, scores and seconds"

    def row(self, row: Any) -> TrainedEncoder:
        """Return a row of JSON as a training."""
        key = SPACE.of_layers(row["hidden_size"], row["layers"])
        scores = {name: real_number(row["scores"][name]) for name in (*TASKS, "glue")}
        return TrainedEncoder(whole_number(row["id"]), key, scores, real_number(row["time_to_train_s"]))

    def checked(self, path: Path, rows: Sequence[Any]) -> list[TrainedEncoder]:
        """Return rows of JSON as trainings; raise :class:`DataError` unless they are the benchmark's."""
        if len(rows) != ROWS:
            raise DataError(path, f"{ROWS} rows", f"{len(rows)}")
        draw, checked = Random(0), super().checked(path, rows)
        for number, row in enumerate(checked):
            if (row.number, row.key) != (number, SPACE.sample(draw)):
                found = f"id {row.number}, {row.key} at {number}"
                raise DataError(path, "the benchmark's architectures in its order", found)
            mean = sum(row.scores[task] for task in TASKS) / len(TASKS)
            in_range = all((-100 if task == "cola" else 0) <= row.scores[task] <= 100 for task in TASKS)
            if not 0 < row.seconds < math.inf:
                raise DataError(path, f"row {number} with seconds of training", f"{row.seconds}")
            if not in_range or not abs(row.scores["glue"] - mean) < 1e-3:
                raise DataError(path, f"row {number} with percents of which glue is the mean", f"{row.scores}")
        return checked

    def numbers(self, of_key: Sequence[TrainedEncoder]) -> dict[str, float]:
        """Return means over the trainings of one key, and the facts of its architecture."""
        architecture, count = keys.parse(of_key[0].key), len(of_key)
        means = {name: sum(row.scores[name] for row in of_key) / count for name in (*TASKS, "glue")}
        if any(row.number == FAILED[0] for row in of_key):
            means.update({FAILED[1]: math.nan, "glue": math.nan})
        return {
            **means,
            "time_to_train_s": sum(row.seconds for row in of_key) / count,
            "trainings": count,
            "hidden_size": architecture.hidden,
            "depth": len(architecture.layers),
            "hidden_times_depth": architecture.hidden * len(architecture.layers),
        }


TABLE = NasBenchBertTable(
    name="flexibert",
    file="flexibert/architectures.jsonl.gz",
    rows=ROWS,
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
    title="NAS-Bench-BERT",
    truths={"glue": Truth("glue", "GLUE")},
    converter=f"{__name__}.convert:rows",
)
