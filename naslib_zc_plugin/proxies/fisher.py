"""Fisher: saliency of channels."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import (
    CONVOLUTIONS,
    LAYER,
    TRANSPOSED,
    ForwardObservation,
    Function,
    Handler,
    Run,
    Target,
    Undefined,
    check_batch_first,
    proxy,
    tensors,
)


@dataclass(frozen=True)
class ChannelSaliency(ForwardObservation):
    r"""Saliencies of the channels k of each call of a convolution or linear layer: list of ((channels,), fan-in).

    :math:`\Delta_k = \frac{1}{2N} \sum_n (\sum_{hw} a \cdot \partial L/\partial a)^2`, a the output with its bias.
    """

    targets: ClassVar[Sequence[Target]] = (Target.LOSS,)
    order: ClassVar[int] = 1
    labels: ClassVar[bool] = True

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Put a hook on each output of a layer; the network goes on with a copy, which it may write to.

        The gradient of an output is folded as soon as it is there, so that no more than one is held.
        """
        layers = {id(weight) for weight in run.layer_weights()}
        under_way = weakref.ref(run)  # the hooks live as long as the graph, which the run holds

        def handler(channels: int) -> Handler:
            def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
                weight: Tensor = args[1] if len(args) > 1 else kwargs["weight"]
                if id(weight) not in layers or not output.requires_grad:
                    return output
                if len(output) != run.batch.size:
                    raise Undefined(
                        "the first dimension of a layer's output is not the batch: whose it is, cannot be told"
                    )
                # Weights per output channel, also where the weight's first dimension is the input's (transposed).
                shown: Tensor = args[0] if args else kwargs["input"]
                call = _Call(weight, shown.requires_grad, fan_in=weight.numel() // output.shape[channels])
                run.kept[self].append(call)
                values = [output.detach()]

                def fold(gradient: Tensor) -> None:
                    now = under_way()
                    if now is not None and now.differentiated is Target.LOSS:
                        call.saliencies.append(_saliencies((values.pop() * gradient.detach()).movedim(channels, -1)))

                output.register_hook(fold)
                return output.clone()

            return seen

        return {**dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), handler(1)), F.linear: handler(-1)}

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """Leaves on the way to which the gradient passes every output: few layers' weights need be among them."""
        calls = run.kept[self]
        first = {id(call.weight) for call in calls if not call.differentiated_input}
        spared = {id(call.weight) for call in calls} - first
        leaves = [*run.weights.values(), *tensors(run.shown)]
        return [leaf for leaf in leaves if leaf.requires_grad and id(leaf) not in spared]

    def read(self, run: Run) -> list[tuple[Tensor, int]]:
        """Saliencies, call by call; outputs that do not reach the loss are left out.

        Raises:
            Undefined: the outputs of layers do not have the batch first.
        """
        check_batch_first(run, [LAYER])
        return [(delta, call.fan_in) for call in run.kept[self] for delta in call.saliencies]


@dataclass(frozen=True)
class _Call:
    """A call of a layer; its saliencies come when its output's gradient does, and are none where that never comes."""

    weight: Tensor
    differentiated_input: bool
    fan_in: int
    saliencies: list[Tensor] = field(default_factory=list)


def _saliencies(product: Tensor) -> Tensor:
    """Of outputs times gradients, (N, …, channels)."""
    per_sample = product.reshape(len(product), -1, product.shape[-1]).sum(1)
    return per_sample.square().sum(0) / (2 * len(product))


@proxy(
    needs=[ChannelSaliency()],
    version=1,
    paper="Turner et al., ICLR 2020; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def fisher(saliencies: list[tuple[Tensor, int]]) -> float:
    r"""Sum over the layers' channels k of their saliency :math:`\Delta_k` times their fan-in.

    :math:`\Delta_k = \frac{1}{2N} \sum_n (\sum_{hw} a \cdot \partial L/\partial a)^2`; a: outputs of convolution and
    linear layers, bias included, before any norm; N: samples. Higher is better. The factor fan-in (in-channels per
    group × kernel) is in no paper: SamsungLabs/zero-cost-nas spreads a channel's value over its weights and sums, and
    its tables rank by that. A layer that is called several times adds up; that code fails there. Positions of a
    linear layer's input (tokens) are summed like those of a map. Undefined where a layer's output does not have the
    batch in its first dimension, as in networks that put positions first.
    """
    return sum(delta.sum().item() * fan_in for delta, fan_in in saliencies)
