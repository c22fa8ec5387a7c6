"""Gradients of single samples' own losses, vectorised where the network allows it."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.func import grad_and_value, vmap
from torch.nn import functional as F

from naslib_zc_plugin.observe.batch import Batch, tree_map
from naslib_zc_plugin.observe.capture import Watch, own_statistics
from naslib_zc_plugin.observe.network import Network
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.snapshot import Snapshot

GRAPHS = 1 << 30
"""Bytes that the graphs of samples under way may take, reckoned from one; the peak is two to three times that."""


class SampleGradients:
    """Gradients of single samples' losses by the layers' weights.

    By ``vmap`` of ``grad``, which equals the loop over single samples, for as many at once as memory is meant for; a
    network that vmap cannot run (control flow on values, its own state) gets the loop.
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
            {**self._rest, **weights, **buffers}, tree_map(lambda tensor: tensor[None].clone(), inputs)
        )
        return self._objective(output, tree_map(lambda tensor: tensor[None], labels))

    def _graph(self) -> int:
        """Bytes that the first sample's graph keeps for its backward pass."""
        kept = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += tensor.numel() * tensor.element_size()
            return tensor.detach()  # the tensor itself would hold the graph that holds it

        weights = {name: value.clone() for name, value in (*self._weights.items(), *self._rest.items())}
        for name in self._weights:
            weights[name].requires_grad_()
        inputs, labels = (tree_map(lambda tensor: tensor[0], tree) for tree in (self._batch.inputs, self._batch.labels))
        with saved_tensors_hooks(count, lambda tensor: tensor), Watch(replacements={F.batch_norm: own_statistics}):
            self._loss(weights, inputs, labels)
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
            inputs, labels = (tree_map(lambda tensor: tensor[index], tree) for tree in (part.inputs, part.labels))  # noqa: B023
            weights = {name: value.clone().requires_grad_() for name, value in self._weights.items()}
            loss = self._loss(weights, inputs, labels)
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
            self._snapshot.restore()
            losses.append(loss.detach())
            for (name, weight), gradient in zip(weights.items(), found):
                gradients[name].append(torch.zeros_like(weight) if gradient is None else gradient)
        return {name: torch.stack(values) for name, values in gradients.items()}, torch.stack(losses)
