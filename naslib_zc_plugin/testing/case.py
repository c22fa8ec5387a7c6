"""A network with the batch to score it on, and the parts of such cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

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

    >>> import torch
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
    """The error of :func:`broken_loss`."""


def broken_loss(output: Any, labels: Any) -> Tensor:
    """Raise :class:`BrokenLoss`: a loss that cannot be computed."""
    raise BrokenLoss("no loss today")


def outcome(score: Score) -> tuple[Any, ...]:
    """Return all of a score that is not time."""
    return repr(score.value), score.status, score.reason, score.spread, score.name, score.version
