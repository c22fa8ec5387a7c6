"""Small files in the form of NASLib's ``nb201_<dataset>_full_training.pickle``."""

from __future__ import annotations

import pickle
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks import nats

FILES = {"cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "ImageNet16"}
"""Data set → how its file is called."""
NUMBERS = (3, 700, 6111)


def results(number: int, dataset: str, epochs: int = 200) -> dict[str, Any]:
    """An architecture's."""
    rng = random.Random(repr((number, dataset)))
    curves = {
        name: [rng.uniform(0, 100) for _ in range(epochs)]
        for name in ("train_acc1es", "eval_acc1es", "train_losses", "eval_losses")
    }
    costs = {name: rng.uniform(0, 20) for name in ("flops", "params", "latency", "train_time")}
    return {**curves, "cost_info": costs}


def content(dataset: str = "cifar10-valid", numbers: tuple[int, ...] = NUMBERS) -> dict[str, Any]:
    """Architecture string → data set → results."""
    return {nats.ORDER[number]: {dataset: results(number, dataset)} for number in numbers}


def write(folder: Path, found: Mapping[str, Any], dataset: str = "cifar10-valid", protocol: int = 4) -> Path:
    """A pickle of it, under NASLib's name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"nb201_{FILES[dataset]}_full_training.pickle"
    path.write_bytes(pickle.dumps(found, protocol))
    return path
