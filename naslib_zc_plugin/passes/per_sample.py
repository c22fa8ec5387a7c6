"""Gradients of each sample's own loss, with batch norm's statistics its own too, chunk by chunk.

They are vectorised where the network allows it: ``vmap`` of ``grad`` equals a loop over single samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.func import grad_and_value, vmap
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import Watch, own_statistics
from naslib_zc_plugin.passes.degenerate import Undefined
from naslib_zc_plugin.passes.engine import Pass, Running
from naslib_zc_plugin.passes.inputs import Batch, tree_map
from naslib_zc_plugin.passes.isolation import Snapshot, Stopwatch
from naslib_zc_plugin.passes.network import Network
from naslib_zc_plugin.passes.observation import NEXT, Grad, PerSample
from naslib_zc_plugin.passes.seeding import seed_everything

GRAPHS = 1 << 30
"""Bytes that the graphs of samples under way may take, reckoned from one; the peak is two to three times that."""


@dataclass(frozen=True)
class Chunk:
    """Some samples' gradients, valid until the next chunk is asked for.

    Attributes:
        gradients: per convolution and linear layer, (n, weights).
        classes: (n,) class indices, or None where labels are none. All samples of a class are in one chunk.
    """

    gradients: list[Tensor]
    classes: Tensor | None


class SamplePass(Pass):
    """A pass over the samples."""

    def drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        """Send every chunk to all observations, then None."""
        clock, batch, shared = Stopwatch(self.network.device), self.batch, 0.0
        for module in self.network.module.modules():
            module.training = True
        for each in running:
            each.expect(NEXT, each.send())
            if each.observation.undeclared((Grad("loss", ()),), ()):
                each.fail(TypeError(f"{each.observation.name} does not declare labels=True and order=1"))
        clock.lap()
        gradients = SampleGradients(self.network, batch)
        seed_everything(self._seed, self.setting)
        for indices in batch.chunks():
            chunk = Chunk(gradients(indices), None if batch.classes is None else batch.classes[indices])
            shared += clock.lap()
            for each in running:
                each.expect(NEXT, each.send(chunk))
            chunk.gradients.clear()  # suspended observations hold the chunk
            clock.lap()
        for each in running:
            each.expect(None, each.send())
        return dict.fromkeys(running, shared)


class SampleGradients:
    """Gradients of single samples' losses by the layers' weights.

    As many are made at once as :data:`GRAPHS` allows. A network that ``vmap`` cannot run (control flow on values, its
    own state) gets the loop.
    """

    def __init__(self, network: Network, batch: Batch) -> None:
        self._network, self._batch = network, batch
        self._weights = {name: network.parameters[name] for name in network.layers}
        self._rest = {name: value for name, value in network.parameters.items() if name not in self._weights}
        self._objective = batch.objective()
        self._loop = False
        self._snapshot = Snapshot(network.module)
        self._at_once = max(1, GRAPHS // self._graph()) if self._weights else 1

    def __call__(self, indices: Tensor) -> list[Tensor]:
        """Return the gradients per layer, (len(indices), weights).

        Raises:
            Undefined: a sample's loss is not finite, or there is no layer.
        """
        self._network.check_layers()
        part = self._batch.take(indices)
        with Watch(replacements={F.batch_norm: own_statistics}):
            gradients, losses = self._looped(part) if self._loop else self._vectorised(part)
        if not bool(torch.isfinite(losses).all()):
            raise Undefined("the loss of a sample is not finite")
        return [gradients[name].flatten(1) for name in self._weights]

    def _loss(self, weights: dict[str, Tensor], inputs: Any, labels: Any) -> Tensor:
        buffers = {name: value.clone() for name, value in self._network.buffers.items()}
        shown = tree_map(lambda tensor: tensor[None].clone(), inputs)
        output = self._network({**self._rest, **weights, **buffers}, shown)
        return self._objective(output, tree_map(lambda tensor: tensor[None], labels))

    def _graph(self) -> int:
        """Return how many bytes the first sample's graph keeps for its backward pass."""
        kept = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += tensor.numel() * tensor.element_size()
            return tensor.detach()  # the tensor itself would hold the graph that holds it

        every = (*self._weights.items(), *self._rest.items())
        weights = {name: value.clone().requires_grad_(name in self._weights) for name, value in every}
        with saved_tensors_hooks(count, lambda tensor: tensor), Watch(replacements={F.batch_norm: own_statistics}):
            self._loss(weights, *self._batch.sample(0))
        self._snapshot.restore()
        return max(1, kept)

    def _vectorised(self, part: Batch) -> Any:
        try:
            function = vmap(grad_and_value(self._loss), (None, 0, 0), randomness="different", chunk_size=self._at_once)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="There is a performance drop")
                return function(self._weights, part.inputs, part.labels)
        except Undefined:
            raise
        except Exception:
            self._snapshot.restore()
            self._loop = True
            return self._looped(part)

    def _looped(self, part: Batch) -> Any:
        gradients: dict[str, list[Tensor]] = {name: [] for name in self._weights}
        losses = []
        for index in range(part.size):
            weights = {name: value.clone().requires_grad_() for name, value in self._weights.items()}
            loss = self._loss(weights, *part.sample(index))
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
            self._snapshot.restore()
            losses.append(loss.detach())
            for (name, weight), gradient in zip(weights.items(), found):
                gradients[name].append(torch.zeros_like(weight) if gradient is None else gradient)
        return {name: torch.stack(values) for name, values in gradients.items()}, torch.stack(losses)


PerSample.view = SamplePass
