"""Fisher: saliency of channels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, Grad, NotApplicable, observation, proxy
from naslib_zc_plugin.observations.batch_dimension import check_batch_first
from naslib_zc_plugin.observations.gradients import Entries
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps


@observation(labels=True, order=1)
def channel_saliency(p: ForwardPass) -> Steps[list[tuple[Tensor, int]]]:
    r"""Return the saliencies of the channels k of each call of a convolution or linear layer: ((channels,), fan-in).

    :math:`\Delta_k = \frac{1}{2N} \sum_n (\sum_{hw} a \cdot \partial L/\partial a)^2`, a the output with its bias.
    Outputs that do not reach the loss are left out. The gradient of an output is folded as soon as it is there.

    Raises:
        Undefined: the outputs of layers do not have the batch first.
    """
    p.layers  # noqa: B018
    outputs: list[Tensor] = []
    calls: list[LayerCall] = []
    first: list[Tensor] = []
    entries = Entries()
    found: dict[int, Tensor] = {}

    def see(call: LayerCall) -> Tensor | None:
        if not torch.is_grad_enabled():
            return None
        if call.output.shape[call.batch] != p.batch.size:
            raise NotApplicable(
                "the first dimension of a layer's output is not the batch: its samples cannot be kept apart"
            )
        if call.output.is_complex():
            raise NotApplicable(f"the output of the layer of {call.name} is complex")
        if not call.fan_in:
            raise NotApplicable(f"by how many weights the layer of {call.name} multiplies cannot be seen")
        # What a layer makes of weights that cannot be differentiated by is an output like all others.
        output: Tensor = call.output if call.output.requires_grad else call.output.detach().requires_grad_()
        outputs.append(output)
        calls.append(replace(call, input=None, output=None))
        if entries.see(call):
            first.append(output)
        return output.clone()

    def fold(place: int, gradient: Tensor) -> None:
        output = outputs[place].detach()
        outputs[place] = output.new_empty(0)
        product = (output * gradient).movedim(calls[place].channel, -1).movedim(calls[place].batch, 0)
        per_sample = product.reshape(len(product), -1, product.shape[-1]).sum(1)
        found[place] = per_sample.square().sum(0) / (2 * len(product))

    p.on_layers(see)
    yield FORWARD
    yield (Grad("loss", tuple(outputs), fold=fold, leaves=[*entries.leaves(p), *first]),)
    check_batch_first(p, ["layer"])
    return [(found[place], call.fan_in) for place, call in enumerate(calls) if place in found]


@proxy(
    needs=[channel_saliency()],
    version=1,
    paper="Turner et al., ICLR 2020; Abdelfattah et al., ICLR 2021",
    higher_is_better=True,
)
def fisher(saliencies: list[tuple[Tensor, int]]) -> float:
    r"""Compute the sum over the layers' channels of their saliency times their fan-in.

    The saliency of the channel k is :math:`\Delta_k = \frac{1}{2N} \sum_n (\sum_{hw} a \cdot \partial L/\partial
    a)^2`; a: outputs of convolution and linear modules, whatever they make of their weight (a mask, a slice), bias
    included, before any norm; N: samples. Higher is better. Positions of a linear layer's input (tokens) are summed
    like those of a map. A layer that is called several times adds up; the reference fails there. The output projection
    inside ``nn.MultiheadAttention`` is a layer, its input projection is none.

    Source: SamsungLabs/zero-cost-nas. The factor fan-in (in-channels per group × kernel) is in no paper: that code
    spreads a channel's value over its weights and sums, and its tables rank by that. Of a slice of a weight the
    weights that are multiplied count.

    Args:
        saliencies: for each call of a layer the saliencies, (channels,), and the fan-in.

    Returns:
        The sum.

    Raises:
        Undefined: the output of a layer does not have the batch in its first dimension, as in networks that put
            positions first.

    >>> import torch
    >>> fisher([(torch.tensor([0.5, 0.25]), 27), (torch.tensor([1.0]), 2)])
    22.25
    """
    return sum(delta.sum().item() * fan_in for delta, fan_in in saliencies)
