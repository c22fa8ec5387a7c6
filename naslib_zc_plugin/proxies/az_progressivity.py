"""Progressivity of AZ-NAS."""

from __future__ import annotations

from naslib_zc_plugin.extend import NotApplicable, proxy
from naslib_zc_plugin.observations.stages import Shown, stage_entropies, stage_observations
from naslib_zc_plugin.proxies._formulas import Patterns, several


@proxy(
    needs=lambda stages, inputs: stage_observations(stage_entropies, several(stages), inputs),
    version=1,
    paper="Lee & Ham, CVPR 2024",
    higher_is_better=True,
)
def az_progressivity(entropies: list[float], *, stages: Patterns = (), inputs: Shown = "noise") -> float:
    r"""Compute the smallest growth of the features' entropy from one stage to the next.

    :math:`\min_l (H_l - H_{l-1})`; H, stages and options as in ``az_expressivity``. Higher is better. No data, no
    labels.

    Source: cvlab-yonsei/AZ-NAS.

    Args:
        entropies: of the stages, in the order of the forward run.
        stages: names of the modules whose outputs are the stages; empty: those that the network names.
        inputs: N(0, 1) in the shape of the batch, or the batch.

    Returns:
        The smallest difference.

    Raises:
        Undefined: there is one stage only.

    >>> az_progressivity([1.0, 1.5, 1.75])
    0.25
    """
    if len(entropies) < 2:
        raise NotApplicable("there is one stage, and no other before it")
    return min(after - before for before, after in zip(entropies, entropies[1:]))
