"""Hidden states of recurrent layers, seen where a layer puts its steps together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from naslib_zc_plugin.observe.capture import Function, Handler
from naslib_zc_plugin.observe.forward import ForwardObservation, Target
from naslib_zc_plugin.observe.observation import Undefined
from naslib_zc_plugin.observe.run import Run

_OWN: tuple[Function, ...] = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)


@dataclass(frozen=True)
class HiddenStates(ForwardObservation):
    """The state of each recurrent layer before every step, zero before the first: list of (N, T, width).

    A layer is seen where it stacks its states (``torch.stack`` of one (N, width) per step), or as one of torch's own
    (``nn.LSTM`` and its like, whose upper layer alone can be seen).
    """

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Keep the states of each layer: a tensor per step, or one with steps along a dimension."""

        def stacked(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
            parts = args[0] if args else kwargs["tensors"]
            if output.is_floating_point() and len(parts) > 1 and all(self._is_state(part, run) for part in parts):
                run.kept[self].append(([self._keep(part) for part in parts], None))
            return output

        def own(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
            states, rest = output[0], output[1:]
            if states.ndim != 3:  # packed sequences
                return output
            along = 1 if args[-1] is True else 0  # batch_first
            run.kept[self].append(([self._keep(states)], along))
            return (states.clone(), *rest)

        return {torch.stack: stacked, **dict.fromkeys(_OWN, own)}

    def read(self, run: Run) -> Any:
        """The states, a list layer by layer.

        Raises:
            Undefined: none was seen, or the outputs are not finite.
        """
        run.logits  # noqa: B018
        layers = (parts if along is None else parts[0].unbind(along) for parts, along in self._layers(run))
        return [torch.stack([torch.zeros_like(steps[0]), *steps[:-1]], 1) for steps in layers]

    def _layers(self, run: Run) -> list[tuple[list[Tensor], int | None]]:
        layers: list[tuple[list[Tensor], int | None]] = run.kept[self]
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

    targets: ClassVar[Sequence[Target]] = (Target.OUTPUTS,)
    order: ClassVar[int] = 1

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """The states."""
        return [part for parts, _ in self._layers(run) for part in parts]

    def read(self, run: Run) -> Any:
        """The sums, a list. The first state is zero and adds nothing, the last is before no step."""
        run.logits  # noqa: B018
        return [
            sum(self._saliency(run, part, along) for part in (parts[:-1] if along is None else parts))
            for parts, along in self._layers(run)
        ]

    def _saliency(self, run: Run, states: Tensor, along: int | None) -> float:
        gradient = run.gradient(Target.OUTPUTS, states)
        if gradient is None:
            return 0.0
        found = (states.detach() * gradient).abs()
        return float(found.sum() if along is None else found.narrow(along, 0, found.shape[along] - 1).sum())

    def _keep(self, states: Tensor) -> Tensor:
        return states
