"""NAS-Bench-NLP's logs as its makers wrote them, with made numbers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from naslib_zc_plugin.benchmarks.nasbench_nlp import WORDS, parameters
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE, to_recipe


def log(number: int, key: str, run: int = 0, text: str = "ptb", status: str = "OK", epochs: int = 3) -> dict[str, Any]:
    """A training's log; the losses tell the cell's number, the run, and the epoch."""
    losses = [9.0 - epoch / 10 + number / 1000 + run / 10_000 for epoch in range(epochs)]
    if status != "OK":
        losses[-1] = float("nan")
    return {
        "data": f"data/{text}",
        "recepie_id": 1_000_000 + 10 * number + run,
        "recepie": json.dumps(to_recipe(key)),
        "num_params": parameters(key, WORDS[text]),
        "wall_times": [100.5] * epochs,
        "train_losses": losses,
        "val_losses": [loss - 0.5 for loss in losses],
        "test_losses": losses,
        "status": status,
    }


def logs(drawn: int = 4) -> list[dict[str, Any]]:
    """The three hand-made cells and some drawn ones, two runs each, one of which diverges; one run on WikiText-2."""
    draw = Random(0)
    keys = [*EXAMPLES.values(), *(SPACE.sample(draw) for _ in range(drawn))]
    found = [log(number, key, run) for number, key in enumerate(keys) for run in range(2)]
    found[1] = log(0, keys[0], 1, status="loss is nan!", epochs=1)
    return [*found, log(1, keys[1], text="wikitext-2")]


def write(folder: Path, content: Sequence[Mapping[str, Any]], prefix: str = "") -> Path:
    """The archive in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "logs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for each in content:
            name = f"log_stats_model_{each['recepie_id']}_{Path(each['data']).name}.json"
            archive.writestr(prefix + name, json.dumps(each))
    return folder / "logs.zip"
