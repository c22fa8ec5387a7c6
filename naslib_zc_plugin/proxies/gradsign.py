"""GradSign."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import SignSums, proxy


@proxy(needs=[SignSums()], version=1, paper="Zhang and Jia, ICLR 2022", higher_is_better=True)
def gradsign(sums: list[Tensor]) -> float:
    r"""Agreement of the signs of samples' gradients, :math:`\sum_k |\sum_i \mathrm{sign}(g_{ik})|`.

    :math:`g_i`: gradient of sample i's own loss by all weights of convolution and linear layers, each sample a batch
    of one (batch norm takes its statistics). Higher is better. Undefined where batch norm meets a single value per
    channel. Source: cmu-catalyst/GradSign; the paper divides by the number of samples. AZ-NAS's copy takes the mean
    over weights, another proxy.
    """
    return sum(total.abs().sum().item() for total in sums)
