"""Small searches in NASLib's Trainer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib.needs import needs

IMAGES = {"source": "synthetic:normal", "n": 16, "size": 8}
"""Enough for scores that differ."""
SMALL = {"population": 4, "sample": 2}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "RandomSearch": ("random_search", {"distinct": True}),
    "AgingEvolution": ("aging_evolution", {**SMALL, "mutation": "node"}),
    "Area": ("area", {**SMALL, "pool": 6}),
    "WarmUp": ("warm_up", {"pool": 6, "evaluate": 5, "around": {"name": "aging_evolution", **SMALL}}),
    "Move": ("move", {**SMALL, "kind": "children", "children": 2}),
}
"""Optimizer → strategy, and options with which it soon shows what it is."""


def worth(key: str) -> float | None:
    """A number per key; of some none, of some NaN."""
    number = sum(map(ord, key)) * 7919 % 1000 - 500
    return None if number % 5 == 0 else math.nan if number % 7 == 0 else float(number)


class Table(Mapping[str, Any]):
    """NASLib's data of NAS-Bench-201, made up: :func:`worth` is the accuracy; where there is none, nothing is there."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        number = worth(key)
        if number is None:
            raise KeyError(key)
        place = SPACE.index(key)
        results = {"train_acc1es": [place], "eval_acc1es": [number / 2, number], "cost_info": {"train_time": 2 * place}}
        return {"cifar10-valid": results}

    def __iter__(self) -> Iterator[str]:
        return map(SPACE.key, range(SPACE.size))

    def __len__(self) -> int:
        return int(SPACE.size)


def config(folder: Path, epochs: int, **search: Any) -> Any:
    """NASLib's configuration, with its folders made."""
    (folder / "search").mkdir(parents=True, exist_ok=True)
    given = {"epochs": epochs, "checkpoint_freq": epochs, "seed": 3, **search}
    return needs("fvcore.common.config").CfgNode({"dataset": "cifar10", "save": str(folder), "search": given})


def hosted(name: str, given: Any, **more: Any) -> Any:
    """An optimizer of ours with its small options, in NASLib's NAS-Bench-201."""
    options = dict(WAYS[name][1])
    scored = name not in ("RandomSearch", "AgingEvolution")
    data = {"proxy": "naswot", "data": {"dataset": IMAGES}} if scored else {}
    return adapted(getattr(needs("naslib_zc_plugin.hosts.naslib"), name)(given, **{**data, **options, **more}))


def adapted(optimizer: Any, dataset_api: Any = None) -> Any:
    """The optimizer, with the space and the data."""
    optimizer.adapt_search_space(space201(), dataset_api=dataset_api or {"nb201_data": Table()})
    return optimizer


@cache
def space201() -> Any:
    """NASLib's NAS-Bench-201, which nobody changes."""
    return needs("naslib.search_spaces").NasBench201SearchSpace()


def trainer(optimizer: Any, given: Any = None) -> Any:
    """NASLib's Trainer of an optimizer."""
    return needs("naslib.defaults.trainer").Trainer(optimizer, given or optimizer.config)
