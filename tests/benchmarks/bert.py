"""NAS-Bench-BERT as its makers wrote it, with made numbers."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from naslib_zc_plugin.benchmarks.flexibert import ROWS, TASKS
from naslib_zc_plugin.spaces.flexibert import SPACE, keys


def content() -> list[dict[str, Any]]:
    """All rows, each task's percents its own."""
    draw, rows = Random(0), []
    for number in range(ROWS):
        architecture = keys.parse(SPACE.sample(draw))
        layers = [
            {
                "operation_type": layer.operation[0],
                "operation_parameter": int(layer.operation[1]) if layer.operation[0] == "DSC" else layer.operation[1],
                "num_operation_heads": layer.heads,
                "feed_forward_dimension": layer.width,
                "num_feed_forward": layer.count,
            }
            for layer in architecture.layers
        ]
        scores = {task: 10.0 * place + number / 100 for place, task in enumerate(TASKS)}
        scores["glue"] = sum(scores.values()) / len(TASKS)
        overrides = {"hidden_size": architecture.hidden, "nas_config": {"encoder_layers": layers}}
        hparams = {"model_hparam_overrides": overrides}
        rows.append({"id": number, "scores": scores, "time_to_train": 1000.0 + number, "hparams": hparams})
    return rows


def write(folder: Path, rows: Any) -> Path:
    """The file in ``folder``."""
    path = folder / "BERT_benchmark.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path
