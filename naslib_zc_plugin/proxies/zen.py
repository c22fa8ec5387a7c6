"""Zen-score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from naslib_zc_plugin.extend import (
    EVERY,
    Drawn,
    Forward,
    ForwardObservation,
    Function,
    Handler,
    NormalPair,
    Run,
    Undefined,
    proxy,
    tensors,
)


@dataclass(frozen=True)
class Perturbation(ForwardObservation):
    """Feature maps before global pooling for two inputs, (N, C, H, W) each, and batch norms' running variances.

    The map is the last one that a function of the network reduces to one value per channel, or flattens. The
    variances are those that each BatchNorm2d with running statistics holds after both forward runs: list of
    (channels,).
    """

    under: Forward = Forward(Drawn("normal"), NormalPair(0.01))

    def watch(self, run: Run) -> Mapping[Function, Handler]:
        """Keep the latest map that is pooled; a 1 × 1 map only while there is no larger one, the input itself never."""
        inputs = {tensor.data_ptr() for tensor in tensors(run.shown[len(run.kept[self])])}
        run.kept[self].append(None)

        def see(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
            source = args[0] if args else kwargs.get("input")
            if (
                isinstance(source, Tensor)
                and isinstance(output, Tensor)
                and source.ndim == 4
                and source.is_floating_point()
            ):
                if source.data_ptr() in inputs:
                    return output
                small, kept = source.shape[-2:] == (1, 1), run.kept[self][-1]
                pooled = output.ndim < 4 or (output.shape[-2:] == (1, 1) and not small)
                if pooled and (not small or kept is None or kept.shape[-2:] == (1, 1)):
                    run.kept[self][-1] = source
            return output

        return {EVERY: see}

    def read(self, run: Run) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Both maps and the variances.

        Raises:
            Undefined: no feature map is pooled or flattened.
        """
        first, second = run.kept[self]
        if first is None or second is None:
            raise Undefined("no feature map is pooled or flattened: there are no features before global pooling")
        norms = (name for name, module in run.network.module.named_modules() if isinstance(module, nn.BatchNorm2d))
        held = (run.buffers.get(f"{name}.running_var" if name else "running_var") for name in norms)
        return first, second, [variance for variance in held if variance is not None]


@proxy(needs=[Perturbation()], version=1, paper="Lin et al., ICCV 2021", higher_is_better=True)
def zen(response: tuple[Tensor, Tensor, list[Tensor]]) -> float:
    r"""Gaussian complexity of the features.

    :math:`\log \mathbb{E}_i \|F(x_i) - F(x_i + \gamma x'_i)\|_1 + \sum_b \log \sqrt{\mathrm{mean}_c\, v_b}`, γ =
    0.01. F: feature map before global pooling, for weights of convolution and linear layers, x and x' all drawn from
    N(0, 1), 16 samples of the shape of the batch's; biases 0, norms as new; b: the BatchNorm2d modules with running
    statistics and :math:`v_b` their running variance after both forward runs. Higher is better; ``repeats=`` averages
    over draws. No data, no labels.

    Source: idstcv/ZenNAS, whose running variance (an average that starts from 1, not the paper's batch variance) is
    what it ranks by. There it is not reset between repeats; here each repeat starts anew. That code also takes out
    residual links of its own networks; like NASLib's copy (which draws as many samples as the batch holds), this one
    scores the network as it is.
    """
    first, second, variances = response
    difference = (first - second).abs().flatten(1).sum(1).mean().double()
    if difference == 0:
        raise Undefined("the features do not change with the input")
    scale = sum(variance.double().mean().sqrt().log().item() for variance in variances)
    return torch.log(difference).item() + scale
