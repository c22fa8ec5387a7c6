"""Gradients of each sample's own loss, batch norm's statistics its own too; folded into small things chunk by chunk."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.nn import functional as F

from naslib_zc_plugin.observe.batch import Batch, tree_map
from naslib_zc_plugin.observe.capture import Watch, own_statistics
from naslib_zc_plugin.observe.clock import Stopwatch
from naslib_zc_plugin.observe.network import Network
from naslib_zc_plugin.observe.observation import Observation, Outcome, Setting, Undefined
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
        seed_everything(seed, self)
        gradients = SampleGradients(network, batch)
        try:
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


class SampleGradients:
    """Gradients of single samples' losses by the layers' weights.

    By ``vmap`` of ``grad``, which equals the loop over single samples; a network that vmap cannot run (control flow
    on values, its own state) gets the loop.
    """

    def __init__(self, network: Network, batch: Batch) -> None:
        self._network, self._batch = network, batch
        self._weights = {name: network.parameters[name] for name in network.layers}
        self._rest = {name: value for name, value in network.parameters.items() if name not in self._weights}
        self._objective = batch.objective()
        self._loop = False

    def __call__(self, indices: Tensor) -> list[Tensor]:
        """Per layer (len(indices), weights).

        Raises:
            Undefined: a sample's loss is not finite, or there is no layer.
        """
        if not self._weights:
            raise Undefined("the network has no convolution or linear layer")
        part = self._batch.take(indices)
        with Watch(replacements={F.batch_norm: own_statistics}):
            gradients, losses = self._looped(part) if self._loop else self._vectorised(part)
        if not bool(torch.isfinite(losses).all()):
            raise Undefined("the loss of a sample is not finite")
        return [gradients[name].flatten(1) for name in self._weights]

    def _loss(self, weights: dict[str, Tensor], inputs: Any, labels: Any) -> Tensor:
        buffers = {name: value.clone() for name, value in self._network.buffers.items()}
        output = self._network(
            {**weights, **self._rest, **buffers}, tree_map(lambda tensor: tensor[None].clone(), inputs)
        )
        return self._objective(output, tree_map(lambda tensor: tensor[None], labels))

    def _vectorised(self, part: Batch) -> Any:
        try:
            function = vmap(grad_and_value(self._loss), in_dims=(None, 0, 0), randomness="different")
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="There is a performance drop")
                return function(self._weights, part.inputs, part.labels)
        except Undefined:
            raise
        except Exception:
            self._loop = True
            return self._looped(part)

    def _looped(self, part: Batch) -> Any:
        gradients: dict[str, list[Tensor]] = {name: [] for name in self._weights}
        losses = []
        for index in range(part.size):
            inputs, labels = (tree_map(lambda tensor: tensor[index], tree) for tree in (part.inputs, part.labels))  # noqa: B023
            weights = {name: value.clone().requires_grad_() for name, value in self._weights.items()}
            loss = self._loss(weights, inputs, labels)
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
            losses.append(loss.detach())
            for (name, weight), gradient in zip(weights.items(), found):
                gradients[name].append(torch.zeros_like(weight) if gradient is None else gradient)
        return {name: torch.stack(values) for name, values in gradients.items()}, torch.stack(losses)
