"""Activation distance of the positions of one sample."""

from __future__ import annotations

from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, NotApplicable, observation, proxy
from naslib_zc_plugin.observations.batch_dimension import check_batch_first
from naslib_zc_plugin.passes import ForwardPass, Steps

KINDS = ("relu", "gelu")


@observation()
def position_agreement(p: ForwardPass) -> Steps[list[float]]:
    """Count the units on whose state each pair of the first sample's positions agrees, over all pairs, per call: list.

    Raises:
        Undefined: no such activation was seen, the outputs are not finite, or the batch is not the first dimension.
    """
    sums: list[float] = []

    def see(output: Tensor) -> None:
        if output.ndim == 3 and len(output) == p.batch.size:
            on = (output[0] > 0).sum(0).double()
            # Of each unit, the pairs of positions that are both on and both off, each with itself included.
            sums.append((on.square() + (output.shape[1] - on).square()).sum().item())

    for kind in KINDS:
        p.on(kind, see)
    yield FORWARD
    p.check_finite()
    if not sums:
        raise NotApplicable("no ReLU or GELU on (samples, positions, units) was seen")
    check_batch_first(p, KINDS)
    return sums


@proxy(needs=[position_agreement()], version=1, paper="Serianni & Kalita, ACL 2023 (code)", higher_is_better=True)
def activation_distance(found: list[float], *, average: bool = False) -> float:
    r"""Compute the sum of all entries of NASWOT's kernels of one sample's positions.

    :math:`\sum_l \sum_{ij} K^{(l)}_{ij}`, where :math:`K^{(l)}_{ij}` counts the units of the activation l (ReLU, GELU
    …) that are on at both positions i and j of the first sample, or off at both. Higher is better. No labels, no
    gradients. It is a sum and no log-determinant: that is ``naswot`` and ``generalized_naswot``, whose items are
    samples.

    Source: aaronserianni/training-free-nas. The published sums are larger: that code's activation is one object for
    all layers and networks, every network adds a hook to it for each layer, and so a call counts as often as layers
    were made since the program began. The average is free of this.

    Args:
        found: sum over all pairs of positions of the units that agree, for each call of an activation.
        average: return the mean over calls (that code's "normalized") instead of the sum.

    Returns:
        The sum or the mean.

    Raises:
        Undefined: no ReLU or GELU on sequences, (samples, positions, units).

    >>> activation_distance([10.0, 6.0]), activation_distance([10.0, 6.0], average=True)
    (16.0, 8.0)
    """
    return sum(found) / (len(found) if average else 1)
