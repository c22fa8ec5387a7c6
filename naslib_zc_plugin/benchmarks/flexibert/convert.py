"""The makers' ``BERT_benchmark.json`` (aaronserianni/training-free-nas) as rows of the neutral table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks._table import NestedTable, Progress
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.files.limits import Meter
from naslib_zc_plugin.files.texts import read_json

_EXPECTED = "BERT_benchmark.json, a list of objects with 'id', 'scores', 'time_to_train' and 'hparams'"


def rows(table: NestedTable, source: Path, partial: bool, progress: Progress) -> list[dict[str, Any]]:
    """Return the rows of the makers' file, checked. One file holds all of them, so nothing can be ``partial``.

    Raises:
        DataError: the source is no such file, or not the benchmark's rows.
    """
    given = read_json(source, _EXPECTED, Meter(source))
    if not isinstance(given, list):
        raise DataError(source, _EXPECTED, f"a JSON {type(given).__name__}")
    try:
        found = [_neutral(row) for row in given]
    except (LookupError, TypeError) as error:
        raise DataError(source, _EXPECTED, f"{type(error).__name__}: {error}") from error
    for row in table.checked(source, found):
        progress(row.number)
    return found


def _neutral(row: Mapping[str, Any]) -> dict[str, Any]:
    size = row["hparams"]["model_hparam_overrides"]
    architecture = {"hidden_size": size["hidden_size"], "layers": size["nas_config"]["encoder_layers"]}
    return {"id": row["id"], **architecture, "scores": row["scores"], "time_to_train_s": row["time_to_train"]}
