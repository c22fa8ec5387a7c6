"""Condition number of the neural tangent kernel, as TE-NAS takes it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, Forward, Grad, NotApplicable, Reinitialized, Undefined, observation, proxy
from naslib_zc_plugin.passes import ForwardPass, Steps
from naslib_zc_plugin.passes.degenerate import all_finite, check_sum
from naslib_zc_plugin.passes.inputs import as_real


@observation(order=1, setting=Forward(Reinitialized("kaiming_fan_out")))
def tangent_kernel(p: ForwardPass) -> Steps[Tensor]:
    """Multiply the gradients of each sample's sum of logits by all parameters called weight: (N, N), float64.

    Scales of norm layers are called weight and count, biases do not. Batch norm couples the samples.

    Raises:
        Undefined: no parameter is called weight, or the outputs are not one row per sample, not finite, or add up to a
            constant.
    """
    yield FORWARD
    p.network.check_packed()
    weights = [value for name, value in p.weights.items() if "weight" in name]
    if not weights:
        raise NotApplicable("no parameter is called weight")
    p.check_finite()
    if p.logits.shape[:1] != (p.batch.size,):
        raise NotApplicable(
            f"outputs of shape {tuple(p.logits.shape)} are not one row for each of {p.batch.size} samples"
        )
    check_sum(p.logits)
    (rows,) = yield (Grad("each", weights, zeros=False),)
    # A weight that no output uses has no gradient, for any of the samples.
    stacked = (torch.stack([*map(as_real, row)]).flatten(1) for row in zip(*rows) if row[0] is not None)
    return torch.stack([(part @ part.T).double() for part in stacked]).sum(0)


@proxy(needs=[tangent_kernel()], version=1, paper="Chen et al., ICLR 2021", higher_is_better=False)
def ntk(kernel: Tensor, *, dead: Literal["undefined", "worst", "best"] = "undefined") -> float:
    r"""Compute the condition number of the empirical neural tangent kernel (TE-NAS).

    :math:`\kappa = \lambda_{max} / \lambda_{min}` of :math:`\Theta_{ij} = \langle J_i, J_j \rangle`, :math:`J_i` the
    gradient of sample i's sum of logits by all parameters called weight, through the batch-normalised graph, for
    Kaiming-normal (fan-out) weights. Lower is better; ``repeats=3`` for the paper's mean of three draws. Costs one
    backward run per sample: use a small batch.

    Source: VITA-Group/TENAS.

    Args:
        kernel: Θ, (N, N) float64.
        dead: the score of a network whose kernel is singular: none; 1e5 (``"worst"``), as in that code; or 0
            (``"best"``), as in ZenNAS's copy, and as GradAlign's Table 5 ranks, where TE-NAS selects a dead network.

    Returns:
        The condition number.

    Raises:
        Undefined: the kernel is singular (a dead network, or more samples than it can tell apart), unless ``dead``
            gives a number; it is not finite; or no parameter is called weight.

    >>> ntk(torch.diag(torch.tensor([2.0, 8.0]))), ntk(torch.zeros(2, 2), dead="worst")
    (4.0, 100000.0)
    """
    if not all_finite(kernel):
        raise Undefined("the neural tangent kernel is not finite")
    values = torch.linalg.eigvalsh(kernel)
    if bool(values[0] > 0) and bool(torch.isfinite(values).all()):
        return float(values[-1] / values[0])
    if dead == "undefined":
        raise Undefined("the neural tangent kernel is singular: a dead network, or more samples than it can tell apart")
    return 1e5 if dead == "worst" else 0.0
