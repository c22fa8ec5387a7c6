"""Graphs of NAS-Bench-201, images and accuracies for tests of predictors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import space201

SPECS = {
    "mixed": (2, 0, 2, 3, 1, 4),
    "convolutions": (2, 3, 2, 2, 3, 2),
    "pooling": (4, 3, 4, 0, 1, 2),
    "few ReLUs": (0, 0, 4, 0, 4, 0),
    "dead": (1, 1, 1, 1, 1, 1),
}
"""Different architectures: the fourth has no ReLU in its cells, the last no path to its output."""
IMAGES = {"source": "synthetic:normal", "n": 12, "size": 8}


def graph(name: str = "mixed", seed: int = 0) -> Any:
    """A parsed graph whose weights are drawn by the layers."""
    graphs = needs("naslib_zc_plugin.hosts.naslib.graphs")
    return graphs.build(space201(), graphs.key_from(SPECS[name], "nasbench201"), seed=seed)


def batch(samples: int = 12, size: int = 8, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and classes, several of each."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(samples, 3, size, size, generator=draw), torch.arange(samples) % 4


def loader(samples: int = 12, **options: Any) -> Any:
    """A loader of twice as many images."""
    return DataLoader(TensorDataset(*batch(2 * samples)), samples, **options)


class Passes:
    """Counts how often a graph is run."""

    def __init__(self, net: Any) -> None:
        self.count = 0
        self._handle = net.register_forward_hook(self._seen)

    def _seen(self, *_: Any) -> None:
        self.count += 1

    def __call__(self) -> int:
        """How often since it was asked last."""
        count, self.count = self.count, 0
        return count


class Accuracies(Mapping[str, Any]):
    """NASLib's data of NAS-Bench-201, made up, without gaps."""

    def __getitem__(self, key: str) -> Any:
        """What training gave."""
        accuracy = [40 + SPACE.index(key) * 7919 % 1000 / 20]
        results = {"train_acc1es": accuracy, "eval_acc1es": accuracy, "cost_info": {"train_time": 1.0}}
        return {"cifar10-valid": results}

    def __iter__(self) -> Iterator[str]:
        """The architectures."""
        return map(SPACE.key, range(SPACE.size))

    def __len__(self) -> int:
        """How many."""
        return int(SPACE.size)
