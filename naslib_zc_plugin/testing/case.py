"""A network with the batch to score it on, and what such cases are made of."""

from __future__ import annotations

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

    >>> Case(nn.Linear(3, 2), (torch.randn(4, 3), None)).score("params")["params"].value
    8.0
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


def image_batch(samples: int = 8, size: int = 8, channels: int = 3, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Return normal images, (samples, channels, size, size), and labels that have each class equally often."""
    return torch.randn(samples, channels, size, size), torch.arange(samples) % classes


def classifier(*layers: nn.Module, width: int, classes: int = 4) -> nn.Sequential:
    """Return ``layers`` for images, global average pooling and a linear classifier, in train mode."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class Wired(nn.Module):
    """Modules by name, and how they are called.

    Args:
        wiring: function (network, input) → output.
        modules: its modules and parameters.
    """

    def __init__(self, wiring: Callable[[Any, Tensor], Any], **modules: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.wiring = wiring
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x: Tensor) -> Any:
        """Return the output."""
        return self.wiring(self, x)


class BrokenLoss(Exception):
    """What :func:`broken_loss` raises."""


def broken_loss(output: Any, labels: Any) -> Tensor:
    """Raise :class:`BrokenLoss`: a loss that cannot be computed."""
    raise BrokenLoss("no loss today")


def outcome(score: Score) -> tuple[Any, ...]:
    """Return all of a score that is not time."""
    return repr(score.value), score.status, score.reason, score.spread, score.name, score.version
