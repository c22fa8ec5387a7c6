"""One pass over the whole batch under way: forward runs, shared gradients, and what each observation makes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from naslib_zc_plugin.observe.batch import Batch, tensors, tree_map
from naslib_zc_plugin.observe.capture import Function, Handler, Watch
from naslib_zc_plugin.observe.clock import Stopwatch
from naslib_zc_plugin.observe.derivatives import Gradients
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation, Target
from naslib_zc_plugin.observe.network import Layer, Network
from naslib_zc_plugin.observe.noise import noisy_embedding, noisy_inputs
from naslib_zc_plugin.observe.observation import Observation, Outcome, Undefined
from naslib_zc_plugin.observe.seeding import seed_everything


class Run:
    """One pass under way, as its observations see it.

    Attributes:
        weights: parameters in force, by name; leaves of the graph where there is one.
        buffers: buffers in force, by name, updated by the forward runs.
        outputs: the logits of each forward run.
        kept: what each observation's handlers keep.
        differentiated: the target whose gradients are being made, for hooks that handlers put on tensors.
    """

    def __init__(
        self, setting: Forward, network: Network, batch: Batch, observations: Sequence[ForwardObservation], seed: int
    ) -> None:
        self.setting, self.network, self.batch = setting, network, batch
        self.observations, self.seed = observations, seed
        self.weights: dict[str, Tensor] = {}
        self.buffers: dict[str, Tensor] = {}
        self.shown: list[Any] = []
        self.outputs: list[Tensor] = []
        self.kept: defaultdict[Observation, list[Any]] = defaultdict(list)
        self.differentiated: Target | None = None
        self.seconds: dict[Target | None, float] = {}
        self._gradients: Gradients
        self._errors: dict[Observation, Exception] = {}
        self._finite: bool | None = None

    @property
    def logits(self) -> Tensor:
        """The logits of the first forward run.

        Raises:
            Undefined: some are not finite.
        """
        if self._finite is None:
            self._finite = _finite(self.outputs[0])
        if not self._finite:
            raise Undefined("the network's outputs are not finite")
        return self.outputs[0]

    def layers(self, target: Target) -> list[Layer]:
        """Convolution and linear layers with the gradient of ``target`` (zeros where it does not reach)."""
        found = []
        for name in self.network.layers:
            weight = self.weights[name]
            gradient = self.gradient(target, weight)
            found.append(Layer(name, weight.detach(), torch.zeros_like(weight) if gradient is None else gradient))
        return found

    def layer_weights(self) -> list[Tensor]:
        """The weights of convolution and linear layers.

        Raises:
            Undefined: there is none.
        """
        if not self.network.layers:
            raise Undefined("the network has no convolution or linear layer")
        return [self.weights[name] for name in self.network.layers]

    def gradient(self, target: Target, tensor: Tensor) -> Tensor | None:
        """Gradient of ``target`` by a tensor that some observation asked for; None where it does not reach."""
        return self._gradients.of(target, tensor)

    def outcomes(self) -> dict[Observation, Outcome]:
        """Run forward, differentiate, read; errors stay with those whom they concern."""
        clock = Stopwatch(self.network.device)
        try:
            self._forward()
        except Exception as error:
            return {observation: Outcome(None, error, clock.lap()) for observation in self.observations}
        layers = [self.weights[name] for name in self.network.layers]
        self._gradients = Gradients(self.outputs[0], self.batch, layers)
        self.seconds[None] = clock.lap()
        wanted = [
            target for target in Target if any(target in observation.targets for observation in self.observations)
        ]
        failed: dict[Target, Exception] = {}
        for target in wanted:
            try:
                self._differentiate(target, last=target is wanted[-1])
            except Exception as error:
                failed[target] = error
            self.seconds[target] = clock.lap()
        return {observation: self._read(observation, failed, clock) for observation in self.observations}

    def _forward(self) -> None:
        setting, graph = self.setting, any(o.targets or o.differentiates for o in self.observations)
        seed_everything(self.seed, setting.weights)
        self.weights, self.buffers = setting.weights.tensors(self.network)
        seed_everything(self.seed, setting.inputs)
        self.shown = list(setting.inputs.shown(self.batch))
        if setting.dtype is not None:
            self._cast(setting.dtype)
        if setting.noise:
            self.shown = [noisy_inputs(inputs, setting.noise, self.seed) for inputs in self.shown]
        if graph:
            self._make_leaves()
        for module in self.network.module.modules():
            module.training = setting.training
        seed_everything(self.seed, replace(setting, noise=0.0))  # dropout and the like are the same with noise
        with torch.set_grad_enabled(graph):
            for inputs in self.shown:
                handlers = [self._guarded(observation) for observation in self.observations]
                replacements = dict(setting.replacements(self))
                if setting.noise:
                    replacements.update(noisy_embedding(inputs, setting.noise, self.seed))
                with Watch(handlers, replacements):
                    self.outputs.append(self.network({**self.weights, **self.buffers}, self._inner(inputs)))

    def _cast(self, dtype: torch.dtype) -> None:
        for group in (self.weights, self.buffers):
            group.update({name: value.to(dtype) for name, value in group.items() if value.is_floating_point()})
        self.shown = [Batch(inputs).to(self.network.device, dtype).inputs for inputs in self.shown]

    def _make_leaves(self) -> None:
        for value in self.weights.values():
            value.requires_grad_(value.is_floating_point())
        if any(observation.input_gradient for observation in self.observations):
            for tensor in tensors(self.shown[0]):
                tensor.requires_grad_(tensor.is_floating_point())

    def _inner(self, inputs: Any) -> Any:
        """Inputs that may be written to: a leaf that needs a gradient may not."""
        return tree_map(lambda tensor: tensor.clone() if tensor.requires_grad else tensor, inputs)

    def _guarded(self, observation: ForwardObservation) -> Mapping[Function, Handler]:
        """The observation's handlers; the first error in one is kept as its outcome, and the network runs on."""

        def guard(handler: Handler) -> Handler:
            def guarded(args: Any, kwargs: Any, output: Any) -> Any:
                if observation in self._errors:
                    return output
                try:
                    return handler(args, kwargs, output)
                except Exception as error:
                    self._errors[observation] = error
                    return output

            return guarded

        try:
            return {function: guard(handler) for function, handler in observation.watch(self).items()}
        except Exception as error:
            self._errors[observation] = error
            return {}

    def _differentiate(self, target: Target, last: bool) -> None:
        wanted: dict[int, Tensor] = {}
        for observation in self.observations:
            if target in observation.targets and observation not in self._errors:
                try:
                    wanted.update({id(tensor): tensor for tensor in observation.with_respect_to(self)})
                except Exception as error:
                    self._errors[observation] = error
        if wanted:
            self.differentiated = target
            try:
                self._gradients.make(target, list(wanted.values()), last)
            finally:
                self.differentiated = None

    def _read(self, observation: ForwardObservation, failed: Mapping[Target, Exception], clock: Stopwatch) -> Outcome:
        value, error = None, self._errors.get(observation)
        for target in observation.targets:
            error = error or failed.get(target)
        if error is None:
            try:
                value = observation.read(self)
            except Exception as raised:
                error = raised
        needed = {None, *observation.targets}
        if self._gradients.shared and Target.GRADIENT in needed:
            needed.add(Target.LOSS)
        passes = sum(self.seconds[target] for target in needed)
        return Outcome(value, error, passes + clock.lap())


def _finite(values: Tensor) -> bool:
    """Whether all values are: by the extremes, which need no memory beside them (NaN is both)."""
    if values.is_complex() or not values.numel():
        return bool(torch.isfinite(values).all())
    return all(bool(torch.isfinite(extreme)) for extreme in torch.aminmax(values.detach()))
