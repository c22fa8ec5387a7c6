"""Gradients of each sample's own loss, batch norm's statistics its own too; folded into small things chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from naslib_zc_plugin.observe.batch import Batch
from naslib_zc_plugin.observe.clock import Stopwatch
from naslib_zc_plugin.observe.network import Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting
from naslib_zc_plugin.observe.samplegrad import SampleGradients
from naslib_zc_plugin.observe.seeding import seed_everything


@dataclass(frozen=True)
class Chunk:
    """Some samples' gradients.

    Attributes:
        gradients: per convolution and linear layer, (n, weights).
        classes: (n,) class indices, or None where labels are none. All samples of a class are in one chunk.
    """

    gradients: list[Tensor]
    classes: Tensor | None


@dataclass(frozen=True)
class PerSample(Setting):
    """Each sample a batch of one, in train mode; in chunks of whole classes, a quarter of the batch where they allow.

    Small chunks keep the memory below that of one ordinary forward and backward run. The chunks depend on the labels
    alone.
    """

    def run(
        self, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> dict[Observation, Outcome]:
        """One pass over the samples for all observations."""
        folds = {
            observation: _Fold(observation)
            for observation in observations
            if isinstance(observation, SampleObservation)
        }
        clock, shared = Stopwatch(network.device), 0.0
        for module in network.module.modules():
            module.training = True
        try:
            gradients = SampleGradients(network, batch)
            seed_everything(seed, self)
            for indices in chunks(batch):
                classes = batch.classes
                chunk = Chunk(gradients(indices), None if classes is None else classes[indices])
                shared += clock.lap()
                for fold in folds.values():
                    fold.add(chunk, clock)
        except Exception as error:
            return {observation: Outcome(None, error, shared + clock.lap()) for observation in folds}
        return {observation: fold.outcome(shared, clock) for observation, fold in folds.items()}


@dataclass(frozen=True)
class SampleObservation(Observation):
    """An observation folded from the samples' gradients."""

    labels: ClassVar[bool] = True
    order: ClassVar[int] = 1

    @property
    def under(self) -> PerSample:
        """Per sample."""
        return PerSample()

    def fold(self, state: Any, chunk: Chunk) -> Any:
        """``state`` (None at first) with a chunk folded in."""
        raise NotImplementedError

    def read(self, state: Any) -> Any:
        """The observation's value, from the state after the last chunk."""
        raise NotImplementedError


class _Fold:
    """An observation being folded: its state, error and seconds."""

    def __init__(self, observation: SampleObservation) -> None:
        self._observation = observation
        self._state: Any = None
        self._error: Exception | None = None
        self._seconds = 0.0

    def add(self, chunk: Chunk, clock: Stopwatch) -> None:
        """Fold a chunk in, unless one failed before."""
        if self._error is None:
            try:
                self._state = self._observation.fold(self._state, chunk)
            except Exception as error:
                self._error = error
        self._seconds += clock.lap()

    def outcome(self, shared: float, clock: Stopwatch) -> Outcome:
        """The value read from the last state, or the error."""
        value = None
        if self._error is None:
            try:
                value = self._observation.read(self._state)
            except Exception as error:
                self._error = error
        return Outcome(value, self._error, shared + self._seconds + clock.lap())


def chunks(batch: Batch) -> Iterator[Tensor]:
    """Indices of the batch in chunks: whole classes together while they make up no more than a quarter of the batch."""
    limit = max(1, batch.size // 4)
    if batch.classes is None:
        yield from torch.arange(batch.size).split(limit)
        return
    pending: list[Tensor] = []
    for label in batch.classes.unique(sorted=True):
        members = torch.nonzero(batch.classes == label).flatten()
        if pending and sum(map(len, pending)) + len(members) > limit:
            yield torch.cat(pending)
            pending = []
        pending.append(members)
    yield torch.cat(pending)
