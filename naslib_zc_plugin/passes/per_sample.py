"""Gradients of each sample's own loss, with batch norm's statistics its own too, chunk by chunk.

They are vectorised where the network allows it: ``vmap`` of ``vjp`` equals a loop over single samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.func import vjp, vmap
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import Watch, differentiate, own_statistics
from naslib_zc_plugin.passes.degenerate import Undefined, all_finite
from naslib_zc_plugin.passes.engine import Pass, Running
from naslib_zc_plugin.passes.inputs import Batch, as_real, tree_map
from naslib_zc_plugin.passes.isolation import Stopwatch
from naslib_zc_plugin.passes.layer_calls import LayerCalls
from naslib_zc_plugin.passes.network import Network
from naslib_zc_plugin.passes.observation import AGAIN, NEXT, PerSample
from naslib_zc_plugin.passes.seeding import seed_everything
from naslib_zc_plugin.passes.snapshot import Snapshot

GRAPHS = 1 << 30
"""Bytes that the graphs of samples under way may take, reckoned from one; the peak is two to three times that."""


@dataclass(frozen=True)
class Chunk:
    """Some samples' gradients, valid until the next chunk is asked for.

    Attributes:
        gradients: per convolution and linear layer, (n, weights); a complex weight is two real ones.
        classes: (n,) class indices, or None where labels are none. Samples of a class follow one another, in the next
            chunk, too, where the class does not fit into one.
    """

    gradients: list[Tensor]
    classes: Tensor | None


class SamplePass(Pass):
    """A pass over the samples."""

    def drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        """Send every chunk to all observations, then None; and so once more to those that ask for it."""
        clock, took = Stopwatch(self.network.device), dict.fromkeys(running, 0.0)
        self.network.set_mode(True)
        for each in running:
            each.expect(NEXT, each.send())
            if missing := each.observation.undeclared((self.setting.declared,), ()):
                each.fail(TypeError(f"{each.observation.name} does not declare {missing}"))
        clock.lap()
        gradients = SampleGradients(self.network, self.batch, self.setting, self.detour)
        shared, listening = clock.lap(), list(running)
        while listening:
            shared += self._round(gradients, listening)
            asked = {each: each.send() for each in listening}
            for each in listening:
                took[each] = shared
            listening = [each for each, request in asked.items() if request is AGAIN and not each.ended]
            for each, request in asked.items():
                each.expect(NEXT if each in listening else None, each.send() if each in listening else request)
        return took

    def _round(self, gradients: SampleGradients, listening: Sequence[Running]) -> float:
        """Send every chunk, and return the seconds that making them took."""
        clock, seconds = Stopwatch(self.network.device), 0.0
        seed_everything(self._seed, self.setting)
        for batch in gradients.batches:
            for indices in batch.chunks(self.setting.memory // 4 // gradients.size):
                chunk = Chunk(gradients(indices, batch), None if batch.classes is None else batch.classes[indices])
                seconds += clock.lap()
                for each in listening:
                    each.expect(NEXT, each.send(chunk))
                chunk.gradients.clear()  # suspended observations hold the chunk
                clock.lap()
        return seconds


class SampleGradients:
    """Gradients of single samples' losses, or logits, by the layers' weights.

    As many are made at once as :data:`GRAPHS` allows. A network that ``vmap`` cannot run (control flow on values, its
    own state, checkpoints) gets the loop. Each run has copies of all parameters, and a network as it was: what a
    forward pass writes reaches neither the network nor the next sample.

    Attributes:
        size: bytes of one sample's gradients.
        batches: the batch, with the labels that say what is differentiated; several, where it comes several times.

    Raises:
        Undefined: there is no layer.
    """

    def __init__(
        self,
        network: Network,
        batch: Batch,
        setting: PerSample | None = None,
        detour: Callable[[str, Exception], None] = lambda way, error: None,
    ) -> None:
        network.check_layers()
        self._network, self._batch = network, batch
        self._setting, self._detour = setting or PerSample(), detour
        self._weights = {name: network.parameters[name] for name in network.layers}
        self._rest = {name: value for name, value in network.parameters.items() if name not in self._weights}
        self._rest.update(network.buffers)
        self.size = sum(weight.numel() * weight.element_size() for weight in self._weights.values())
        self._objective = self._setting.objective(batch)
        self._loop = False
        self._snapshot = Snapshot(network.module)
        self._at_once = max(1, GRAPHS // self._graph())

    def __call__(self, indices: Tensor, batch: Batch | None = None) -> list[Tensor]:
        """Return the gradients per layer, (len(indices), weights), of some samples of one of ``batches``, the first.

        Raises:
            Undefined: a sample's loss or gradient is not finite.
        """
        parts = []
        for some in indices.split(self._at_once):
            part = (batch or self.batches[0]).take(some)
            with Watch(replacements={F.batch_norm: own_statistics}):
                gradients, losses = self._looped(part) if self._loop else self._vectorised(part)
            if not all_finite(losses):
                raise Undefined(f"the {self._setting.value} of a sample is not finite")
            if not all(map(all_finite, gradients)):
                raise Undefined(f"the gradient of a sample's {self._setting.value} is not finite")
            parts.append(gradients)
        return parts[0] if len(parts) == 1 else [torch.cat(rows) for rows in zip(*parts)]

    def _loss(self, inputs: Any, labels: Any) -> Tensor:
        """Return the loss of one sample under the tensors in force."""
        shown, aims = (tree_map(lambda tensor: tensor[None].clone(), tree) for tree in (inputs, labels))
        return self._objective(self._network.run(shown), aims)

    def _copies(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return a sample's own leaves, which are the layers' weights, and with them all other tensors."""
        leaves = {name: value.clone().requires_grad_() for name, value in self._weights.items()}
        return leaves, {**{name: value.clone() for name, value in self._rest.items()}, **leaves}

    def _graph(self) -> int:
        """Return how many bytes the first sample's graph keeps for its backward pass.

        Raises:
            Undefined: the sample's loss was not computed with the weights in force.
        """
        kept = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += tensor.numel() * tensor.element_size()
            return tensor.detach()  # the tensor itself would hold the graph that holds it

        def first() -> Tensor:
            logits = self._network.run(tree_map(lambda tensor: tensor[None].clone(), self._batch.sample(0)[0]))
            self.batches = self._setting.batches(self._batch, logits)
            self._objective(logits, tree_map(lambda tensor: tensor[None].clone(), self.batches[0].sample(0)[1]))
            return logits

        _, held = self._copies()
        calls = LayerCalls(self._network, held)
        watch = Watch([calls.handlers], {F.batch_norm: own_statistics})
        with saved_tensors_hooks(count, lambda tensor: tensor), calls, watch:
            logits = self._network.under(held, first)
        calls.check(logits)
        calls.close()
        self._snapshot.restore()
        return max(1, kept)

    def _vectorised(self, part: Batch) -> tuple[list[Tensor], Tensor]:
        def single(x: Any, y: Any) -> tuple[dict[str, Tensor], Tensor]:
            def loss(weights: dict[str, Tensor]) -> Tensor:
                return self._network.under(tree_map(torch.clone, self._rest | weights), lambda: self._loss(x, y))

            made: Any = vjp(loss, self._weights)  # without the graph of the gradients that ``grad`` would keep
            return made[1](torch.ones_like(made[0]), retain_graph=False, create_graph=False)[0], made[0]

        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="There is a performance drop")
                gradients, losses = vmap(single, randomness="different")(part.inputs, part.labels)
            return [as_real(gradients.pop(name)).flatten(1) for name in self._weights], losses
        except Undefined:
            raise
        except Exception as error:
            # The first sample ran by itself, so this is vmap's refusal, of any type: networks see its tensors. An
            # error of the network's own is raised in the loop again.
            self._detour("samples run one by one", error)
            self._loop = True
        finally:
            self._snapshot.restore()
        return self._looped(part)

    def _looped(self, part: Batch) -> tuple[list[Tensor], Tensor]:
        rows = [
            torch.zeros(part.size, as_real(weight).numel(), dtype=as_real(weight).dtype, device=weight.device)
            for weight in self._weights.values()
        ]
        losses = []
        for index in range(part.size):
            loss, found = self._single(*part.sample(index))
            losses.append(loss)
            for row, gradient in zip(rows, found):
                if gradient is not None:
                    row[index] = as_real(gradient).flatten()
            del found
        return rows, torch.stack(losses)

    def _single(self, inputs: Any, labels: Any) -> tuple[Tensor, Sequence[Tensor | None]]:
        leaves, held = self._copies()

        def both() -> tuple[Tensor, Sequence[Tensor | None]]:
            loss, by = self._loss(inputs, labels), list(leaves.values())
            if not loss.requires_grad:
                return loss, [None] * len(by)
            return loss.detach(), differentiate(loss, by)

        try:
            return self._network.under(held, both)
        finally:
            self._snapshot.restore()


PerSample.view = SamplePass
