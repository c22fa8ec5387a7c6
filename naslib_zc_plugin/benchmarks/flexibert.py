"""NAS-Bench-BERT (Serianni & Kalita, 2023): 500 FlexiBERT-like encoders, pretrained and fine-tuned on GLUE.

Training ran once for each row. Nine pairs of rows are one architecture trained twice, which tell how far a training is
repeatable (0.2 to 2.0 of GLUE); a key's numbers are the means over its rows, ``trainings`` counts them, and
:func:`._bert.rows` gives them one by one. Row 47's fine-tuning on RTE failed (0), so it has neither ``rte`` nor
``glue``.

What trained follows the keys only in part: the makers' training code ran plain attention whatever operation the key
names, and its first feed-forward layer is four times the hidden size wide. Treat the operations as noise here.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np

from naslib_zc_plugin.benchmarks._benchmark import Benchmark, Measure
from naslib_zc_plugin.benchmarks._bert import FAILED, TASKS, Row, checked_rows, rows
from naslib_zc_plugin.files import DataError, existing, readable, replacing
from naslib_zc_plugin.spaces.flexibert import keys

COLUMNS: Mapping[str, Measure] = {
    "glue": Measure("mean of the eight tasks", "%", True, gaps=True, cost=("time_to_train_s", 1.0)),
    **{
        task: Measure(f"GLUE, {task.upper()}, development set", "%", True, task == FAILED[1], ("time_to_train_s", 1.0))
        for task in TASKS
        if task != "cola"
    },
    "cola": Measure("GLUE, COLA, Matthews correlation × 100", "", True, cost=("time_to_train_s", 1.0)),
    "time_to_train_s": Measure("pretraining, 100,000 steps", "s", False),
    "trainings": Measure("rows of the architecture", "", None),
    "hidden_size": Measure("hidden size", "", None),
    "depth": Measure("encoder layers", "", None),
    "hidden_times_depth": Measure("hidden size × encoder layers, a baseline", "", None),
}


class NasBenchBert:
    """The neutral table, ``flexibert/architectures.jsonl.gz``: one JSON object a row."""

    name = "flexibert"
    file = "flexibert/architectures.jsonl.gz"

    def read(self, folder: Path) -> Benchmark:
        """The table in the data directory ``folder``, checked.

        Raises:
            DataError: not there, damaged, or not the benchmark's rows.
        """
        path = folder / self.file
        of_key: dict[str, list[Row]] = {}
        for row in rows(path):
            of_key.setdefault(row.key, []).append(row)
        values = {name: np.array([_value(name, of_key[key]) for key in of_key]) for name in COLUMNS}
        return Benchmark(self.name, path, tuple(of_key), COLUMNS, False, values)


TABLE = NasBenchBert()


def convert(source: Path, data: Path, partial: bool, progress: Callable[[int], None]) -> Path:
    """Convert the makers' ``BERT_benchmark.json`` (aaronserianni/training-free-nas) to the neutral table.

    One file holds all rows, so nothing can be ``partial``.

    Raises:
        DataError: the source is no such file, or not the benchmark's rows.
    """
    expected = "BERT_benchmark.json, a list of objects with 'id', 'scores', 'time_to_train' and 'hparams'"
    existing(source, expected)
    with readable(source, expected):
        given = json.loads(source.read_text(encoding="utf-8"))
    if not isinstance(given, list):
        raise DataError(source, expected, f"a JSON {type(given).__name__}")
    try:
        found = [_neutral(row) for row in given]
    except (LookupError, TypeError) as error:
        raise DataError(source, expected, f"{type(error).__name__}: {error}") from error
    for row in checked_rows(source, found):
        progress(row.number)
    with replacing(data / TABLE.file) as draft:
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in found)
        draft.write_bytes(gzip.compress(text.encode(), mtime=0))
    return data / TABLE.file


def _neutral(row: Mapping[str, Any]) -> dict[str, Any]:
    size = row["hparams"]["model_hparam_overrides"]
    architecture = {"hidden_size": size["hidden_size"], "layers": size["nas_config"]["encoder_layers"]}
    return {"id": row["id"], **architecture, "scores": row["scores"], "time_to_train_s": row["time_to_train"]}


def _value(name: str, of_key: Sequence[Row]) -> float:
    """A column's number for the rows of one key."""
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
