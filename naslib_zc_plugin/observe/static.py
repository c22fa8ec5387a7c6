"""What can be told without running the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from naslib_zc_plugin.observe.batch import Batch
from naslib_zc_plugin.observe.clock import Stopwatch
from naslib_zc_plugin.observe.network import Layer, Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting


@dataclass(frozen=True)
class Still(Setting):
    """No run at all."""

    runs: ClassVar[bool] = False

    def run(
        self, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> dict[Observation, Outcome]:
        """Read each observation from the network."""
        clock = Stopwatch(network.device)
        return {
            seen: Outcome(seen.read(network), None, clock.lap())
            for seen in observations
            if isinstance(seen, StillObservation)
        }


@dataclass(frozen=True)
class StillObservation(Observation):
    """An observation of the network at rest."""

    @property
    def data(self) -> bool:
        """No."""
        return False

    @property
    def under(self) -> Still:
        """No run."""
        return Still()

    def read(self, network: Network) -> Any:
        """The observation's value."""
        raise NotImplementedError


@dataclass(frozen=True)
class Weights(StillObservation):
    """The convolution and linear layers, whether used or not: list of :class:`Layer`, gradients zero."""

    def read(self, network: Network) -> list[Layer]:
        """The layers."""
        weights = ((name, network.parameters[name]) for name in network.layers)
        return [Layer(name, weight, torch.zeros_like(weight)) for name, weight in weights]


@dataclass(frozen=True)
class Sizes(StillObservation):
    """Number of values of each distinct parameter, trainable or not: list of int."""

    def read(self, network: Network) -> list[int]:
        """The sizes."""
        return [value.numel() for value in network.parameters.values()]
