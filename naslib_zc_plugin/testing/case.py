"""A network with the batch to score it on."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

import torch
from torch import Tensor, nn

from naslib_zc_plugin import ProxyRequest, Score, score


@dataclass(frozen=True, eq=False)
class Case:
    """A network, a batch (x, y) for it, and which of its outputs are the logits.

    Attributes:
        net: the network.
        batch: at most 8 samples, with labels.
        logits: as for :func:`naslib_zc_plugin.score`.
        loss: likewise.
    """

    net: nn.Module
    batch: tuple[Any, Any]
    logits: Any = None
    loss: Callable[[Any, Any], Tensor] | None = None

    def score(self, proxies: str | ProxyRequest | Iterable[str | ProxyRequest], **options: Any) -> dict[str, Score]:
        """Score the network on the batch; ``options`` as for :func:`naslib_zc_plugin.score`, ``batch`` included."""
        own = {"batch": self.batch, "logits": self.logits, "loss": self.loss}
        return score(self.net, proxies=proxies, **{**own, **options})


Maker = Callable[[], Case]


def seeded(make: Maker) -> Maker:
    """``make`` with a fixed seed: the same case at each call, torch's random state untouched."""

    @functools.wraps(make)
    def seeded_make() -> Case:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(20)
            return make()

    return seeded_make


def images(samples: int = 8, size: int = 8, channels: int = 3, classes: int = 4) -> tuple[Any, Any]:
    """Normal images, (samples, channels, size, size), and labels that have each class equally often."""
    return torch.randn(samples, channels, size, size), torch.arange(samples) % classes


def classifier(*layers: nn.Module, width: int, classes: int = 4) -> nn.Sequential:
    """``layers`` for images, global average pooling and a linear classifier, in train mode."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class BrokenLoss(Exception):
    """What a loss raises that is meant to."""


def broken_loss(output: Any, labels: Any) -> Tensor:
    """A loss that cannot be computed."""
    raise BrokenLoss("no loss today")


def outcome(score: Score) -> tuple[Any, ...]:
    """All of a score that is not time."""
    return repr(score.value), score.status, score.reason, score.spread, score.name, score.version
