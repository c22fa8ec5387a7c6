"""Expressivity of AZ-NAS."""

from __future__ import annotations

from naslib_zc_plugin.extend import proxy
from naslib_zc_plugin.observations.stages import Shown, stage_entropies, stage_observations
from naslib_zc_plugin.proxies._formulas import Patterns, several


@proxy(
    needs=lambda stages, inputs: stage_observations(stage_entropies, several(stages), inputs),
    version=1,
    paper="Lee & Ham, CVPR 2024",
    higher_is_better=True,
)
def az_expressivity(entropies: list[float], *, stages: Patterns = (), inputs: Shown = "noise") -> float:
    r"""Compute the sum over stages of the entropy of features.

    :math:`\sum_l H_l`, :math:`H_l = -\sum_i p_i \log(p_i + 10^{-8})`; p: eigenvalues of the covariance of the channels
    of stage l over samples and positions, divided by their sum, so that :math:`H_l \le \log C_l`. Higher is better. No
    data, no labels.

    Source: cvlab-yonsei/AZ-NAS.

    Args:
        entropies: of the stages, in the order of the forward run.
        stages: names of the modules whose outputs are the stages; empty: those that the network names.
        inputs: N(0, 1) in the shape of the batch, or the batch.

    Returns:
        The sum.

    >>> az_expressivity([1.5, 2.0])
    3.5
    """
    return sum(entropies)
