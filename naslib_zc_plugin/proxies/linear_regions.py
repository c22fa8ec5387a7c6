"""Number of linear regions, as TE-NAS counts it."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import Forward, Reinitialized, proxy, relu_agreement


@proxy(
    needs=[relu_agreement(maps_only=True, setting=Forward(Reinitialized("kaiming_fan_in")))],
    version=1,
    paper="Chen et al., ICLR 2021",
    higher_is_better=True,
    aliases=["num_linear_regions"],
)
def linear_regions(agreement: Tensor) -> float:
    r"""Compute the number of distinct ReLU patterns among the samples (TE-NAS).

    :math:`R = \sum_i 1 / |\{j : c_j = c_i\}|`, c the patterns of the ReLUs of feature maps, for Kaiming-normal (fan-in)
    weights; at most the batch size, which every live network of ordinary width reaches for images of 32 × 32. Higher
    is better.

    Source: VITA-Group/TENAS, which counts on 3,000 inputs of 3 × 3 in networks of one channel, while it prunes a
    supernet.

    Args:
        agreement: number of units on whose state each pair of samples agrees, (N, N).

    Returns:
        The number.

    Raises:
        Undefined: no ReLU on a feature map, or outputs that are not finite.

    >>> import torch
    >>> linear_regions(torch.tensor([[8.0, 8.0, 5.0], [8.0, 8.0, 5.0], [5.0, 5.0, 8.0]]))
    2.0
    """
    same = agreement == agreement.diagonal()
    # Equal patterns agree on all units: the diagonal holds their number in every row.
    return same.double().sum(1).reciprocal().sum().item()
