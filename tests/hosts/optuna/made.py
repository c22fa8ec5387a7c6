"""A small conditional space, networks of it, and studies."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.hosts.optuna.needs import needs

optuna = needs("optuna")
CHANNELS = [2, 4, 8]
BATCH = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 4
CALLS: list[str] = []
"""Networks that :func:`size` saw."""


def build(trial: Any) -> nn.Module:
    """A network of one to three blocks; each block that is there has a kernel of its own."""
    width, depth = trial.suggest_categorical("width", CHANNELS), trial.suggest_int("depth", 1, 3)
    layers: list[nn.Module] = [nn.Conv2d(3, width, 1)]
    for place in range(depth):
        kernel = trial.suggest_categorical(f"kernel{place}", [1, 3])
        layers += [nn.Conv2d(width, width, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4))


def parameters(net: nn.Module) -> int:
    return sum(each.numel() for each in net.parameters())


def size(net: nn.Module) -> float:
    """A proxy: the number of parameters."""
    CALLS.append(str(net))
    return float(parameters(net))


def smallness(net: nn.Module) -> float:
    """The contrary."""
    return -size(net)


def nothing(net: nn.Module) -> float:
    return math.nan


def objective(trial: Any) -> float:
    """What larger networks have more of, and a learning rate of .01."""
    net = build(trial)
    return math.log(parameters(net)) - abs(math.log10(trial.suggest_float("lr", 1e-4, 1e-1, log=True)) + 2) / 10


def study(sampler: Any = None, **more: Any) -> Any:
    return optuna.create_study(**{"direction": "maximize", "sampler": sampler, **more})


def key(params: dict[str, Any]) -> dict[str, Any]:
    """What of a trial's parameters ``build`` asks."""
    return {name: value for name, value in params.items() if name != "lr"}


@contextmanager
def storage(kind: str, folder: Path) -> Iterator[Any]:
    """A storage of Optuna's."""
    from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if kind == "memory":
        yield InMemoryStorage()
    elif kind == "journal":
        yield JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    else:
        yield RDBStorage(f"sqlite:///{folder / 'a.db'}")


@contextmanager
def logged() -> Iterator[list[str]]:
    """What the host tells, also where Optuna's lines go to its own handler alone."""
    told: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    handler, log = Handler(), logging.getLogger("optuna.zero_cost")
    log.addHandler(handler)
    try:
        yield told
    finally:
        log.removeHandler(handler)
