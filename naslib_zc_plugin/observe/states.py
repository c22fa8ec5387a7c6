"""Hidden states of recurrent layers, seen where a layer puts its steps together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from naslib_zc_plugin.observe.capture import Function, Handler
from naslib_zc_plugin.observe.forward import Forward, ForwardObservation, Target
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.run import Run

_OWN: tuple[Function, ...] = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)


@dataclass
class Steps:
    """A recurrent layer's states.

    Attributes:
        parts: a tensor per step, or one of all steps; empty where they cannot be seen.
        along: the dimension of the steps in the one tensor; None where there is one per step.
    """

    parts: list[Tensor]
    along: int | None = None


@dataclass(frozen=True)
class HiddenStates(ForwardObservation):
    """The state of each recurrent layer before every step, zero before the first: list of (N, T, width).

    A layer is seen where it stacks its states (``torch.stack`` of one (N, width) per step), or as one of torch's own
    (``nn.LSTM`` and its like, of whose several layers all but the upper one cannot be seen and are None).
    """

    # States feel last bits, and torch's own layers round otherwise where gradients are asked for.
    under: Forward = Forward(alone=True)

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Keep the states of each layer: a tensor per step, or one with steps along a dimension."""

        def stacked(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
            parts = args[0] if args else kwargs["tensors"]
            if output.is_floating_point() and len(parts) > 1 and all(self._is_state(part, run) for part in parts):
                run.kept[self].append(Steps([self._keep(part) for part in parts]))
            return output

        def own(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
            if isinstance(args[2], Tensor):
                raise Undefined("the states of packed sequences cannot be told apart: pass padded ones")
            layers, bidirectional, batch_first = args[4], args[7], args[8]
            if bidirectional:
                raise Undefined("torch's own layer runs both ways, and its states before each step cannot be seen")
            states, rest = output[0], output[1:]
            run.kept[self] += [*(Steps([]) for _ in range(layers - 1)), Steps([self._keep(states)], int(batch_first))]
            return (states.clone(), *rest)

        return {torch.stack: stacked, **dict.fromkeys(_OWN, own)}

    def read(self, run: Run) -> Any:
        """The states, a list layer by layer.

        Raises:
            Undefined: none was seen, or the outputs are not finite.
        """
        run.logits  # noqa: B018
        return [self._before(layer) for layer in self._layers(run)]

    def _before(self, layer: Steps) -> Tensor | None:
        if not layer.parts:
            return None
        steps = layer.parts if layer.along is None else layer.parts[0].unbind(layer.along)
        return torch.stack([torch.zeros_like(steps[0]), *steps[:-1]], 1)

    def _layers(self, run: Run) -> list[Steps]:
        layers: list[Steps] = run.kept[self]
        if not layers:
            raise Undefined("no recurrent layer was seen: none stacks its states, and none is torch's own")
        return layers

    def _keep(self, states: Tensor) -> Tensor:
        return states.detach().clone()

    def _is_state(self, part: Tensor, run: Run) -> bool:
        return part.ndim == 2 and len(part) == run.batch.size


@dataclass(frozen=True)
class HiddenSaliency(HiddenStates):
    r"""Sum of :math:`|h \cdot \partial S/\partial h|` over a recurrent layer's states before each step: list of float.

    S: the sum of the outputs. The gradient is the whole one, through later steps, too; for torch's own layers it is
    that by what the layer gives on.
    """

    under: Forward = Forward()
    targets: ClassVar[Sequence[Target]] = (Target.OUTPUTS,)
    order: ClassVar[int] = 1

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """The states."""
        return [part for layer in self._layers(run) for part in layer.parts]

    def read(self, run: Run) -> Any:
        """The sums, a list. The first state is zero and adds nothing, the last is before no step.

        Raises:
            Undefined: likewise, or what is asked for stays inside torch's own layers.
        """
        run.logits  # noqa: B018
        return [self._saliency(run, layer) for layer in self._layers(run)]

    def _saliency(self, run: Run, layer: Steps) -> float:
        if layer.along is None and layer.parts:
            return sum(self._products(run, part).sum().item() for part in layer.parts[:-1])
        if not layer.parts:
            raise Undefined("of torch's own layers with num_layers above 1 only the upper one can be seen")
        products = self._products(run, layer.parts[0])
        found = products.narrow(layer.along or 0, 0, products.shape[layer.along or 0] - 1).sum().item()
        if not found:
            raise Undefined(
                "the outputs depend on nothing but the last state of torch's own layer, inside of which the gradient "
                "cannot be seen"
            )
        return found

    def _products(self, run: Run, states: Tensor) -> Tensor:
        gradient = run.gradient(Target.OUTPUTS, states)
        return torch.zeros_like(states) if gradient is None else (states.detach() * gradient).abs()

    def _keep(self, states: Tensor) -> Tensor:
        return states
