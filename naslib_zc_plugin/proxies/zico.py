"""ZiCo: how large gradients are beside their variation over batches."""

from __future__ import annotations

from typing import Annotated

import torch

from naslib_zc_plugin.extend import Bounds, Forward, Layer, Undefined, proxy, weight_gradients
from naslib_zc_plugin.passes.inputs import Part


@proxy(
    needs=lambda batches: [weight_gradients(setting=Forward(inputs=Part(index, batches))) for index in range(batches)],
    version=1,
    paper="Li et al., ICLR 2023",
    higher_is_better=True,
)
def zico(*parts: list[Layer], batches: Annotated[int, Bounds(least=2)] = 2) -> float:
    r"""Compute the sum over layers of the logarithm of the gradients' mean size over their deviation.

    :math:`\sum_l \log \sum_{\theta \in l} \frac{\mathrm{mean}_b |g_{b\theta}|}{\mathrm{std}_b\, g_{b\theta}}`;
    :math:`g_b`: the gradient of the mean loss of part b of the batch by the weights θ of the convolution or linear
    layer l; std: that of the population, of signed gradients. Weights whose gradient is the same in all parts are left
    out, and so are layers without others: the number of layers that are counted is most of the score. Higher is better.
    With two parts each ratio is at least 1. The scale of the loss does not matter. Batch norm takes the statistics of
    the part.

    Source: SLDGroup/ZiCo, which takes two batches of a loader: here they are the parts of the one batch, in the order
    of its samples, so give it twice as many, shuffled. Sums are in double precision. In that code's search on ImageNet
    networks are scored without their residual links; here they stay, as for its tables of NAS-Bench-201. Other copies
    add up gradients because they never set them to zero.

    Args:
        parts: the layers of each part, with weight and gradient.
        batches: number of parts.

    Returns:
        The sum.

    Raises:
        Undefined: no gradient differs between the parts, one is not finite, or there are fewer samples than parts.

    >>> one, other = (Layer("head", torch.zeros(2), torch.tensor([4.0, value])) for value in (3.0, 1.0))
    >>> round(zico([one], [other]), 4)  # the first weight is left out; of the second 2 / 1
    0.6931
    """
    logarithms = []
    for calls in zip(*parts):
        gradients = torch.stack([layer.gradient.flatten() for layer in calls]).double()
        if not bool(torch.isfinite(gradients).all()):
            raise Undefined(f"the gradient of {calls[0].name} is not finite")
        varying = gradients[:, gradients.amax(0) > gradients.amin(0)]
        if varying.numel():
            logarithms.append((varying.abs().mean(0) / varying.std(0, unbiased=False)).sum().log().item())
    if not logarithms:
        raise Undefined("no weight has gradients that differ between the parts of the batch")
    return sum(logarithms)
