"""Files in the form of NASLib's ``zc_<space>.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTENT: dict[str, Any] = {
    "cifar10": {
        "(2, 1, 0, 3, 4, 2)": {
            "nwot": {"score": 700.5, "time": 0.25},
            "zen": {"score": -100000000.0, "time": 1.5},
            "val_accuracy": 91.25,
        },
        "(0, 0, 0, 0, 0, 0)": {
            "nwot": {"score": float("nan"), "time": 0.5},
            "zen": {"score": 3, "time": 2},
            "val_accuracy": 10,
        },
    },
    "ImageNet16-120": {"(4, 4, 2, 4, 1, 1)": {"synflow": {"score": 20.0, "time": 0.125}, "val_accuracy": 40.0}},
}


def write(folder: Path, content: Any = CONTENT, name: str = "zc_nasbench201.json") -> Path:
    """Such a file."""
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
