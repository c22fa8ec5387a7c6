"""Number of linear regions, as TE-NAS counts it."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import Drawn, Forward, ReluAgreement, proxy


@proxy(
    needs=[ReluAgreement(under=Forward(Drawn("kaiming_fan_in")), maps_only=True)],
    version=1,
    paper="Chen et al., ICLR 2021",
    higher_is_better=True,
)
def linear_regions(agreement: Tensor) -> float:
    r"""Number of distinct ReLU patterns among the samples, :math:`R = \sum_i 1 / |\{j : c_j = c_i\}|`.

    Patterns of the ReLUs of feature maps, for Kaiming-normal (fan-in) weights; at most the batch size, which every
    live network of ordinary width reaches for images of 32 × 32. Higher is better. Source: VITA-Group/TENAS, which
    counts on 3,000 inputs of 3 × 3 in networks of one channel, while it prunes a supernet.
    """
    same = agreement == agreement.diagonal()
    # Equal patterns agree on all units: the diagonal holds their number in every row.
    return same.double().sum(1).reciprocal().sum().item()
