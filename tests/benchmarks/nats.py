"""Small files in the official form of NATS-Bench's topology space, as its makers' script collects and packs them."""

from __future__ import annotations

import bz2
import functools
import pickle
import random
import tarfile
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from naslib_zc_plugin.spaces import space

SPACE: Any = space("nasbench201")
ORDER = [SPACE.key(number) for number in range(SPACE.size)]
# Data set → its sets of images with their number.
IMAGES = {
    "cifar10-valid": {"x-valid": 25_000, "ori-test": 10_000},
    "cifar10": {"ori-test": 10_000},
    "cifar100": {"x-valid": 5_000, "x-test": 5_000, "ori-test": 10_000},
    "ImageNet16-120": {"x-valid": 3_000, "x-test": 3_000, "ori-test": 6_000},
}
NUMBERS = (3, 700, 6111, 13_714)


def run(number: int, dataset: str, seed: int, epochs: int, old: bool = False) -> dict[str, Any]:
    """One training; an ``old`` one was evaluated after its last epoch only, on all but the set used while training."""
    rng = random.Random(repr((number, dataset, seed, epochs)))
    accuracies, names = {}, list(IMAGES[dataset])
    for name in names:
        evaluated = range(epochs) if not old or name == names[-1] else [epochs - 1]
        for epoch in evaluated:
            n = IMAGES[dataset][name]
            accuracies[f"{name}@{epoch}"] = rng.randrange(n) * 100 / n
    seconds = rng.uniform(5, 20)
    counts = rng.uniform(0.07, 1.5), rng.uniform(8, 220)
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": {epoch: rng.uniform(0, 100) for epoch in range(epochs)},
        "train_acc5es": None,
        "train_losses": {epoch: rng.uniform(0, 3) for epoch in range(epochs)},
        "train_times": OrderedDict((epoch, seconds) for epoch in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": ORDER[number], "class_num": 10},
        "params": np.float64(counts[0]) if old else counts[0],
        "flop": counts[1],
        "seed": str(seed),
        "epochs": epochs,
        "latency": [0.01, 0.02],
        "eval_names": names,
        "eval_acc1es": accuracies,
        "eval_times": {f"{name}@{epoch}": 0.5 for name in names for epoch in range(epochs)},
        "eval_losses": {name: rng.uniform(0, 3) for name in accuracies},
    }


def training(number: int, seeds: Iterable[int], epochs: int) -> dict[str, Any]:
    """All runs of an architecture with one number of epochs; counts agree but for the first seed of number 700."""
    seeds = list(seeds)
    found = {
        (dataset, seed): run(number, dataset, seed, epochs, old=seed == 999) for dataset in IMAGES for seed in seeds
    }
    for dataset in IMAGES:
        for seed in seeds[0 if number != 700 else 1 :]:
            for count in ("params", "flop"):
                found[dataset, seed][count] = found[dataset, seeds[-1]][count]
    return {
        "arch_index": number,
        "arch_str": ORDER[number],
        "all_results": found,
        "dataset_seed": dict.fromkeys(IMAGES, seeds),
        "clear_net_done": True,
    }


def results(number: int, epochs: int = 200) -> OrderedDict[str, Any]:
    """An architecture's results, with two or three long runs and a short one."""
    seeds = (777, 888, 999) if number % 2 else (777, 888)
    return OrderedDict({"12": training(number, [777], 12), "200": training(number, seeds, epochs)})


def meta(infos: Any = None) -> dict[str, Any]:
    """What the one big file holds, and the small ones' meta file without ``infos``."""
    return {"meta_archs": ORDER, "total_archs": len(ORDER), "arch2infos": infos, "evaluated_indexes": set(infos or ())}


def pack(path: Path, value: Any, protocol: int = 4) -> Path:
    """``value`` as the authors pack it."""
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol=protocol)))
    return path


def one_file(path: Path, infos: dict[int, Any], protocol: int = 4) -> Path:
    """The big file."""
    return pack(path, meta(infos), protocol)


@functools.cache
def _packed_meta() -> bytes:
    return bz2.compress(pickle.dumps(meta(), protocol=4))


def folder(path: Path, infos: dict[int, Any], protocol: int = 4) -> Path:
    """The folder with a file for each architecture."""
    path.mkdir()
    (path / "meta.pickle.pbz2").write_bytes(_packed_meta())
    for number, info in infos.items():
        pack(path / f"{number:06d}.pickle.pbz2", info, protocol)
    return path


def tar(path: Path, unpacked: Path, prefix: str = "") -> Path:
    """The folder's archive; ``prefix`` stands before the names of its members."""
    with tarfile.open(path, "w") as archive:
        for file in sorted(unpacked.iterdir()):
            info = archive.gettarinfo(file)
            info.name = f"{prefix}{unpacked.name}/{file.name}"  # as it is: add() would make it harmless
            with file.open("rb") as content:
                archive.addfile(info, content)
    return path


def older(infos: dict[int, Any]) -> dict[int, Any]:
    """The results under the names of NAS-Bench-201."""
    names = {"12": "less", "200": "full"}
    return {number: {names[length]: runs for length, runs in info.items()} for number, info in infos.items()}
