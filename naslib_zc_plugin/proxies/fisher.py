"""Fisher: saliency of channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import ForwardObservation, Function, Handler, Run, Target, proxy


@dataclass(frozen=True)
class ChannelSaliency(ForwardObservation):
    r"""Saliencies of the channels k of each call of a convolution or linear layer: list of ((channels,), fan-in).

    :math:`\Delta_k = \frac{1}{2N} \sum_n (\sum_{hw} a \cdot \partial L/\partial a)^2`, a the output with its bias.
    """

    targets: ClassVar[Sequence[Target]] = (Target.LOSS,)
    order: ClassVar[int] = 1
    labels: ClassVar[bool] = True

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Keep each output of a layer among the network's; the network goes on with a copy, which it may write to."""
        layers = {id(weight) for weight in run.layer_weights()}

        def handler(channels: int) -> Handler:
            def seen(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
                weight: Tensor = args[1] if len(args) > 1 else kwargs["weight"]
                if id(weight) not in layers:
                    return output
                # Weights per output channel, also where the weight's first dimension is the input's (transposed).
                run.kept[self].append((output, channels, weight.numel() // output.shape[channels]))
                return output.clone()

            return seen

        convolutions = (F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
        return {**dict.fromkeys(convolutions, handler(1)), F.linear: handler(-1)}

    def with_respect_to(self, run: Run) -> list[Tensor]:
        """The layers' outputs."""
        return [output for output, _, _ in run.kept[self]]

    def read(self, run: Run) -> list[tuple[Tensor, int]]:
        """Saliencies, call by call; outputs that do not reach the loss are left out."""
        found = []
        for output, channels, fan_in in run.kept[self]:
            gradient = run.gradient(Target.LOSS, output)
            if gradient is not None:
                product = (output.detach() * gradient.detach()).movedim(channels, -1)
                per_sample = product.reshape(len(product), -1, product.shape[-1]).sum(1)
                found.append((per_sample.square().sum(0) / (2 * len(product)), fan_in))
        return found


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
    linear layer's input (tokens) are summed like those of a map.
    """
    return sum(delta.sum().item() * fan_in for delta, fan_in in saliencies)
