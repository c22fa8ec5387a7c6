"""The rows of NAS-Bench-BERT, checked: every training of an encoder, one after another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from naslib_zc_plugin.benchmarks._json import packed_lines, real_number, whole_number
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.flexibert import SPACE

TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst", "sts")
ROWS = 500
FAILED = (47, "rte")
"""Row and task of the fine-tuning that failed."""


@dataclass(frozen=True)
class Row:
    """A training: its number in the benchmark, the architecture's key, percent per task and ``glue``, seconds."""

    number: int
    key: str
    scores: Mapping[str, float]
    seconds: float


def rows(path: Path) -> list[Row]:
    """All trainings in the neutral table, those of equal architectures and the failed one too.

    Raises:
        DataError: no such file, damaged, or not the benchmark's rows.
    """
    return checked_rows(path, packed_lines(path, "the table of NAS-Bench-BERT: one JSON object a line, packed by gzip"))


def checked_rows(path: Path, found: Sequence[Any]) -> list[Row]:
    """The rows, which are the benchmark's: its architectures are those that the space draws from seed 0."""
    if len(found) != ROWS:
        raise DataError(path, f"{ROWS} rows", f"{len(found)}")
    draw, checked = Random(0), []
    for number, row in enumerate(found):
        try:
            key = SPACE.of_layers(row["hidden_size"], row["layers"])
            scores = {name: real_number(row["scores"][name]) for name in (*TASKS, "glue")}
            made = Row(whole_number(row["id"]), key, scores, real_number(row["time_to_train_s"]))
        except (LookupError, TypeError, ValueError) as error:
            expected = f"row {number} with an architecture, scores and seconds"
            raise DataError(path, expected, f"{type(error).__name__}: {error}") from error
        if (made.number, key) != (number, SPACE.sample(draw)):
            raise DataError(path, "the benchmark's architectures in its order", f"id {made.number}, {key} at {number}")
        mean = sum(scores[task] for task in TASKS) / len(TASKS)
        in_range = all((-100 if task == "cola" else 0) <= scores[task] <= 100 for task in TASKS)
        if not 0 < made.seconds < math.inf:
            raise DataError(path, f"row {number} with seconds of training", f"{made.seconds}")
        if not in_range or not abs(scores["glue"] - mean) < 1e-3:
            raise DataError(path, f"row {number} with percents of which glue is the mean", f"{scores}")
        checked.append(made)
    return checked
