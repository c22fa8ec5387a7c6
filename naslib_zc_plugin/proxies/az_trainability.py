"""Trainability of AZ-NAS."""

from __future__ import annotations

from typing import Literal

from naslib_zc_plugin.extend import Undefined, proxy
from naslib_zc_plugin.observations.stages import Shown, stage_gains, stage_observations
from naslib_zc_plugin.proxies._formulas import Patterns, several


@proxy(
    needs=lambda stages, inputs: stage_observations(stage_gains, several(stages), inputs),
    version=1,
    paper="Lee & Ham, CVPR 2024",
    higher_is_better=True,
)
def az_trainability(
    gains: list[float | None],
    *,
    stages: Patterns = (),
    inputs: Shown = "noise",
    identity: Literal["undefined", "skip"] = "undefined",
) -> float:
    r"""Compute how nearly the stages keep the size of gradients.

    Mean over stages of :math:`2 - s - 1/(s + 10^{-6})`, largest (0) for s = 1; s: largest singular value of the
    mean over samples and positions of :math:`g_{in} g_{out}^T`, :math:`g_{out}` random signs in the shape of the
    stage's features, :math:`g_{in}` the gradient of their product with the features by those of the stage before.
    Where the image shrinks, the positions of a patch are channels of their own (where it grows, those of
    :math:`g_{out}`); the border is cut or filled with 0 to whole patches. Stages, weights and inputs are those of
    ``az_expressivity``, whose pass it shares. Higher is better. No data, no labels.

    Source: cvlab-yonsei/AZ-NAS, the code for NAS-Bench-201, where a stage that is the identity makes the score −∞; the
    code for vision transformers skips it. A stage whose gradient is 0, as of a cell without any path, has the finite
    term 2 − 10⁶ there and here.

    Args:
        gains: s of each stage but the first; None for a stage that is the identity.
        stages: see ``az_expressivity``.
        inputs: likewise.
        identity: a stage that passes gradients on as they are makes the score undefined, or is left out.

    Returns:
        The mean.

    Raises:
        Undefined: a stage is the identity, no stage is left, there is one only, or the positions of two do not match.

    >>> round(az_trainability([1.0, 2.0]), 4)
    -0.25
    """
    kept = [gain for gain in gains if gain is not None]
    if len(kept) < len(gains) and identity == "undefined":
        raise Undefined("a stage passes its input on as it is: identity='skip' leaves it out")
    if not kept:
        raise Undefined("every stage passes its input on as it is")
    return sum(2 - gain - 1 / (gain + 1e-6) for gain in kept) / len(kept)
