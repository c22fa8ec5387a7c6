"""Condition number of the neural tangent kernel, as TE-NAS takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from naslib_zc_plugin.extend import Drawn, Forward, ForwardObservation, Run, Undefined, check_sum, proxy


@dataclass(frozen=True)
class TangentKernel(ForwardObservation):
    """Gram matrix of the gradients of each sample's sum of logits by all parameters called weight: (N, N), float64.

    Scales of norm layers are called weight and count, biases do not. Batch norm couples the samples.
    """

    under: Forward = Forward(Drawn("kaiming_fan_out"))
    order: ClassVar[int] = 1
    differentiates: ClassVar[bool] = True

    def read(self, run: Run) -> Tensor:
        """One backward run per sample."""
        weights = [value for name, value in run.weights.items() if "weight" in name]
        if not weights:
            raise Undefined("no parameter is called weight")
        check_sum(run.logits)
        totals = run.logits.flatten(1).sum(1)
        rows = [torch.autograd.grad(total, weights, retain_graph=True, allow_unused=True) for total in totals]
        # A weight that no output uses has no gradient, for any of the samples.
        stacked = (torch.stack(row).flatten(1) for row in zip(*rows) if row[0] is not None)
        return torch.stack([(part @ part.T).double() for part in stacked]).sum(0)


def kernel_for(dead: str) -> Sequence[TangentKernel]:
    """The kernel, whatever a dead network gets.

    Raises:
        ValueError: no such choice.
    """
    if dead not in ("undefined", "worst", "best"):
        raise ValueError(f"dead must be 'undefined', 'worst' or 'best', not {dead!r}")
    return [TangentKernel()]


@proxy(
    needs=kernel_for,
    version=1,
    paper="Chen et al., ICLR 2021",
    higher_is_better=False,
)
def ntk(kernel: Tensor, *, dead: str = "undefined") -> float:
    r"""Condition number of the empirical neural tangent kernel, :math:`\kappa = \lambda_{max} / \lambda_{min}`.

    :math:`\Theta_{ij} = \langle J_i, J_j \rangle`, :math:`J_i` the gradient of sample i's sum of logits by all
    parameters called weight, through the batch-normalised graph, for Kaiming-normal (fan-out) weights. Lower is
    better; ``repeats=3`` for the paper's mean of three draws. Costs one backward run per sample: use a small batch.
    Source: VITA-Group/TENAS.

    ``dead``: what a network gets whose kernel is singular: ``"undefined"``; ``"worst"``: 1e5, as that code;
    ``"best"``: 0, as ZenNAS's copy, and as GradAlign's Table 5 ranks, where TE-NAS selects a dead network.
    """
    values = torch.linalg.eigvalsh(kernel)
    if bool(values[0] > 0) and bool(torch.isfinite(values).all()):
        return float(values[-1] / values[0])
    if dead == "undefined":
        raise Undefined("the neural tangent kernel is singular: a dead network, or more samples than it can tell apart")
    return 1e5 if dead == "worst" else 0.0
