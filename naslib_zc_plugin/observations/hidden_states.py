"""Hidden states of recurrent layers, seen where a layer puts its steps together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

import torch
from torch import Tensor

from naslib_zc_plugin.passes import FORWARD, Forward, ForwardPass, Grad, NotApplicable, Steps, observation
from naslib_zc_plugin.passes.capture import Function

_OWN: tuple[Function, ...] = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)


@dataclass
class States:
    """A recurrent layer's states.

    Attributes:
        parts: a tensor per step, or one of all steps; empty where they cannot be seen.
        along: the dimension of the steps in the one tensor; None where there is one per step.
    """

    parts: list[Tensor]
    along: int | None = None


def _watched(p: ForwardPass, keep: Callable[[Tensor], Tensor]) -> list[States]:
    """Return a list that gets the states of each layer in the forward run."""
    layers: list[States] = []
    samples = p.batch.size

    def stacked(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> None:
        parts = args[0] if args else kwargs["tensors"]
        if output.is_floating_point() and len(parts) > 1 and all(x.ndim == 2 and len(x) == samples for x in parts):
            layers.append(States([keep(part) for part in parts]))

    def own(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
        if isinstance(args[2], Tensor):
            raise NotApplicable("the states of packed sequences cannot be told apart: pass padded ones")
        number, bidirectional, batch_first = args[4], args[7], args[8]
        if bidirectional:
            raise NotApplicable("torch's own layer runs both ways, and its states before each step cannot be seen")
        states, rest = output[0], output[1:]
        layers.extend([*(States([]) for _ in range(number - 1)), States([keep(states)], int(batch_first))])
        return (states.clone(), *rest)

    p.on([torch.stack], stacked)
    p.on(_OWN, own)
    return layers


def _seen(layers: list[States]) -> list[States]:
    if not layers:
        raise NotApplicable("no recurrent layer was seen: none stacks its states, and none is torch's own")
    return layers


# States feel last bits, and torch's own layers round otherwise where gradients are asked for.
@observation(setting=Forward(without_graph=True))
def hidden_states(p: ForwardPass) -> Steps[list[Tensor | None]]:
    """Return the state of each recurrent layer before every step, zero before the first: list of (N, T, width).

    A layer is seen where it stacks its states (``torch.stack`` of one (N, width) per step), or as one of torch's own
    (``nn.LSTM`` and its like; where one of these has several layers, all but the upper one are None).

    Raises:
        Undefined: none was seen, or the outputs are not finite.
    """
    layers = _watched(p, lambda states: states.detach().clone())
    yield FORWARD
    p.check_finite()
    return [_before(layer) for layer in _seen(layers)]


def _before(layer: States) -> Tensor | None:
    if not layer.parts:
        return None
    steps = layer.parts if layer.along is None else layer.parts[0].unbind(layer.along)
    return torch.stack([torch.zeros_like(steps[0]), *steps[:-1]], 1)


@observation(order=1)
def hidden_saliency(p: ForwardPass) -> Steps[list[float]]:
    r"""Sum :math:`|h \cdot \partial S/\partial h|` over each recurrent layer's states before each step: list of float.

    S: the sum of the outputs. The gradient is the whole one, through later steps, too; for torch's own layers it is
    that by the layer's output. The first state is zero and adds nothing, the last is before no step.

    Raises:
        Undefined: none was seen, the outputs are not finite, or the gradient stays inside torch's own layers.
    """
    layers = _watched(p, lambda states: states)
    yield FORWARD
    (found,) = yield (Grad("logits", [part for layer in _seen(layers) for part in layer.parts], zeros=False),)
    p.check_finite()
    gradients = iter(found)
    return [_saliency(layer, [next(gradients) for _ in layer.parts]) for layer in layers]


def _saliency(layer: States, gradients: list[Tensor | None]) -> float:
    products = [
        torch.zeros_like(states) if gradient is None else (states.detach() * gradient).abs()
        for states, gradient in zip(layer.parts, gradients)
    ]
    if not products:
        raise NotApplicable("of torch's own layers with num_layers above 1 only the upper one can be seen")
    if layer.along is None:
        return sum(product.sum().item() for product in products[:-1])
    steps = products[0].shape[layer.along]
    found = products[0].narrow(layer.along, 0, steps - 1).sum().item()
    if not found:
        raise NotApplicable(
            "the outputs depend on nothing but the last state of torch's own layer, inside of which the gradient "
            "cannot be seen"
        )
    return found
