"""Zen-score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from naslib_zc_plugin.extend import (
    FORWARD,
    Forward,
    NormalPair,
    NotApplicable,
    Reinitialized,
    Undefined,
    observation,
    proxy,
)
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps
from naslib_zc_plugin.passes.capture import EVERY
from naslib_zc_plugin.passes.inputs import tensors


@observation(setting=Forward(Reinitialized("normal"), NormalPair(0.01)))
def perturbation(p: ForwardPass) -> Steps[tuple[Tensor, Tensor, list[Tensor]]]:
    """Return the feature maps before global pooling for two inputs, (N, C, H, W) each, and running variances.

    The map is the last one that a function of the network reduces to one value per channel, or flattens: a 1 × 1 map
    only where there is no larger one, the input itself never. The variances are those that each BatchNorm2d with
    running statistics holds after both forward runs: list of (channels,).

    Raises:
        Undefined: no feature map is pooled or flattened, or layers go on with its positions, as a vision transformer's
            blocks do.
    """
    maps: list[Tensor | None] = [None for _ in p.all_inputs]
    missing = "no feature map is pooled or flattened"
    shown = [{tensor.data_ptr() for tensor in tensors(inputs)} for inputs in p.all_inputs]

    def see(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        source = args[0] if args else kwargs.get("input")
        if not (isinstance(source, Tensor) and isinstance(output, Tensor)):
            return
        if source.ndim != 4 or not source.is_floating_point() or source.data_ptr() in shown[p.turn]:
            return
        small, kept = _has_one_position(source), maps[p.turn]
        pooled = output.ndim < 4 or (output.shape[-2:] == (1, 1) and not small)
        if pooled and (not small or kept is None or _has_one_position(kept)):
            maps[p.turn] = source

    def go_on(call: LayerCall) -> None:
        nonlocal missing
        source = call.output if call.input is None else call.input
        if maps[p.turn] is not None and source.numel() > source.shape[call.channel] * source.shape[call.batch]:
            missing = "layers go on with the positions of the last map that is flattened (a transformer)"
            maps[p.turn] = None

    p.on([EVERY], see)
    p.on_layers(go_on)
    yield FORWARD
    first, second = maps
    if first is None or second is None:
        raise NotApplicable(f"{missing}: there are no features before global pooling")
    norms = (name for name, module in p.network.module.named_modules() if isinstance(module, nn.BatchNorm2d))
    held = (p.buffers.get(f"{name}.running_var" if name else "running_var") for name in norms)
    return first, second, [variance for variance in held if variance is not None]


def _has_one_position(features: Tensor) -> bool:
    """Return whether a map has one value per channel, wherever it has its channels."""
    return features.numel() <= len(features) * max(features.shape[1:])


@proxy(
    needs=[perturbation()],
    version=1,
    paper="Lin et al., ICCV 2021",
    higher_is_better=True,
    aliases=["zen_score", "zennas"],
)
def zen(response: tuple[Tensor, Tensor, list[Tensor]]) -> float:
    r"""Compute the Gaussian complexity of the feature map.

    :math:`\log \mathbb{E}_i \|F(x_i) - F(x_i + \gamma x'_i)\|_1 + \sum_b \log \sqrt{\mathrm{mean}_c\, v_b}`, γ =
    0.01. F: feature map before global pooling, for weights of convolution and linear layers, x and x' all drawn from
    N(0, 1), 16 samples of the shape of the batch's; biases 0, norms as new; b: the BatchNorm2d modules with running
    statistics and :math:`v_b` their running variance after both forward runs. Higher is better; ``repeats=`` averages
    over draws. No data, no labels.

    Source: idstcv/ZenNAS, whose running variance (an average that starts from 1, not the paper's batch variance) is
    what it ranks by. There it is not reset between repeats; here each repeat starts anew. That code also takes out
    residual links of its own networks; like NASLib's copy (which draws as many samples as the batch holds), this one
    scores the network as it is.

    Args:
        response: both feature maps, (N, C, H, W) each, and the variances, (channels,) each.

    Returns:
        The score.

    Raises:
        Undefined: no feature map is pooled or flattened, layers go on with the positions of the last one that is (as a
            vision transformer's blocks do), or the features do not change with the input.

    >>> round(zen((torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2), [torch.full((3,), 4.0)])), 4)  # log 4 + log 2
    2.0794
    """
    first, second, variances = response
    difference = (first - second).abs().flatten(1).sum(1).mean().double()
    if difference == 0:
        raise Undefined("the features do not change with the input")
    scale = sum(variance.double().mean().sqrt().log().item() for variance in variances)
    return torch.log(difference).item() + scale
