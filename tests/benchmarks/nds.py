"""Files in the form of NDS' own, of networks that were never trained."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from naslib_zc_plugin.benchmarks.nds import NdsTable
from naslib_zc_plugin.spaces.nds.keys import CELLS

EPOCHS = 5


def job(table: NdsTable, rng: Random, auxiliary: bool = False) -> dict[str, Any]:
    """A network of the table's space with all that the official files tell."""
    space = table.space
    key = space.sample(rng)
    found = space.genotype(key)
    cells = {cell: [list(edge) for edge in found.edges(cell)] for cell in CELLS}
    ends = {f"{cell}_concat": list(found.joined(cell, space.loose)) for cell in CELLS}
    errors = [round(rng.uniform(5, 90), 2) for _ in range(EPOCHS)]
    return {
        "job_id": f"job{rng.randrange(1000)}",
        "rng_seed": 1,
        "params": space.parameters(key, auxiliary=auxiliary),
        "flops": rng.randrange(10**6, 10**9),
        "net": {
            "genotype": {**cells, **ends},
            "width": found.width,
            "depth": found.depth,
            "aux": auxiliary,
            "drop_prob": 0.0,
        },
        "optim": {"base_lr": 0.1, "wd": 0.0005, "max_ep": EPOCHS},
        "train_ep_loss": [2.5, float("nan"), 1.0, 0.5, 0.2],
        "train_ep_top1": [error - 1 for error in errors],
        "test_ep_top1": errors,
        "min_test_top1": min(errors),
        "prec_time": {"train_fw_bw": 0.1},
    }


def jobs(table: NdsTable, number: int = 6) -> list[dict[str, Any]]:
    """So many networks, the last of which has an auxiliary head."""
    rng = Random(0)
    return [job(table, rng, auxiliary=place == number - 1) for place in range(number)]


def write(folder: Path, content: Any, name: str = "Amoeba") -> Path:
    """The file, as Python's json writes it."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
