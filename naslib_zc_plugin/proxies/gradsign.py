"""GradSign."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from naslib_zc_plugin.extend import Bounds, PerSample, proxy, sign_sums


@proxy(
    needs=lambda memory: [sign_sums(setting=PerSample(memory))],
    version=1,
    paper="Zhang and Jia, ICLR 2022",
    higher_is_better=True,
    aliases=["grad_sign"],
)
def gradsign(sums: list[Tensor], *, memory: Annotated[int, Bounds(least=1)] = PerSample.memory) -> float:
    r"""Compute the agreement of the signs of per-sample gradients.

    :math:`\sum_k |\sum_i \mathrm{sign}(g_{ik})|`, where :math:`g_i` is the gradient of sample i's own loss by all
    weights of convolution and linear layers, each sample a batch of one (batch norm takes its statistics). Higher is
    better.

    Source: cmu-catalyst/GradSign; the paper divides by the number of samples. AZ-NAS's copy takes the mean over
    weights, another proxy.

    Args:
        sums: for each layer the sum over samples of the signs, (weights,).
        memory: bytes for gradients of single samples. As many run at once as fill a quarter of it, but at least one. It
            is no part of the score, except that dropout draws by the samples that run at once.

    Returns:
        The sum over all weights.

    Raises:
        Undefined: batch norm meets a single value per channel.

    >>> import torch
    >>> gradsign([torch.tensor([4.0, -2.0]), torch.tensor([0.0])])
    6.0
    """
    return sum(total.abs().sum().item() for total in sums)
