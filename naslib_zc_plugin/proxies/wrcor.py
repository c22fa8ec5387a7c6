"""WRCor: weighted correlations of responses."""

from __future__ import annotations

import torch
from torch import Tensor

from naslib_zc_plugin.extend import FORWARD, Grad, NotApplicable, Undefined, observation, proxy
from naslib_zc_plugin.observations.activations import watch_in_graph
from naslib_zc_plugin.observations.batch_dimension import check_batch_first
from naslib_zc_plugin.observations.gradients import Entries
from naslib_zc_plugin.observations.stages import watch_stages
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps
from naslib_zc_plugin.passes.degenerate import precise
from naslib_zc_plugin.proxies._formulas import Patterns, log_determinant, several


def agreement(responses: Tensor) -> Tensor | None:
    """Return the sizes of the samples' correlations, (N, …) → (N, N) float64; None where one sample's do not vary.

    >>> agreement(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[1., 1.],
            [1., 1.]], dtype=torch.float64)
    """
    matrix = torch.corrcoef(precise(responses.detach()).reshape(len(responses), -1).double())
    matrix = matrix.reshape(len(responses), len(responses)).abs()
    return matrix if bool(torch.isfinite(matrix).all()) else None


class Sum:
    """A sum of weighted correlations.

    Attributes:
        seen: number of responses; ``varying``: of those that were added.
    """

    def __init__(self, samples: int, device: torch.device) -> None:
        self._total = torch.zeros(samples, samples, dtype=torch.float64, device=device)
        self.seen = self.varying = 0

    def add(self, responses: Tensor, weight: float) -> None:
        """Add the correlations of the samples' responses, (N, …)."""
        matrix = agreement(responses)
        self.seen += 1
        if matrix is not None:
            self.varying += 1
            self._total.add_(matrix, alpha=weight)

    def total(self) -> Tensor:
        """Return the sum.

        Raises:
            Undefined: there is none.
        """
        if not self.seen:
            raise NotApplicable("no ReLU was seen")
        if not self.varying:
            raise Undefined("no ReLU has outputs that vary for every sample")
        return self._total


@observation(labels=True, order=1)
def response_kernel(p: ForwardPass, weighted: bool = True, stages: tuple[str, ...] = ()) -> Steps[Tensor]:
    """Sum the correlations of samples by the outputs of ReLUs, and by the loss gradients of these: (N, N), float64.

    Each counts :math:`2^{s-1}` times, s the number of stages that the network has passed. One for which a sample's
    values do not vary is left out.

    Args:
        p: the pass.
        weighted: whether stages count.
        stages: names of the modules whose outputs end the stages; empty: as :mod:`~.observations.stages` finds them.

    Raises:
        Undefined: there is no ReLU, or none with values that vary; weighted, and no stage is known; samples do not come
            first; or the loss is not finite.
    """
    samples, passed = p.batch.size, [0]
    matrices = Sum(samples, p.network.device)
    outputs: list[Tensor] = []
    first: list[Tensor] = []
    weights: list[float] = []
    entries = Entries()

    def relu(output: Tensor) -> Tensor | None:
        if output.ndim < 2 or len(output) != samples:
            shape = tuple(output.shape)
            raise NotApplicable(
                f"the first dimension of a ReLU's output of shape {shape} is not the batch of {samples}"
            )
        weight = 2.0 ** (passed[0] - 1) if weighted else 1.0
        matrices.add(output, weight)
        if not torch.is_grad_enabled():
            return None
        # One that comes of no weight is an output like all others.
        kept = output if output.requires_grad else output.detach().requires_grad_()
        if kept is not output:
            first.append(kept)
        outputs.append(kept)
        weights.append(weight)
        return kept.clone()

    def count(call: LayerCall) -> None:
        entries.see(call)

    def stage(features: Tensor, channel: int) -> None:
        passed[0] += 1

    def fold(place: int, gradient: Tensor) -> None:
        outputs[place] = gradient.new_empty(0)
        matrices.add(gradient, weights[place])

    check = watch_stages(p, stages, stage) if weighted else None
    watch_in_graph(p, "relu", relu)
    p.on_layers(count)
    yield FORWARD
    if check is not None:
        check()
    if matrices.seen:
        check_batch_first(p, ["relu"])
    if outputs:
        yield (Grad("loss", tuple(outputs), fold=fold, leaves=[*entries.leaves(p), *first]),)
    return matrices.total()


@proxy(
    needs=lambda weighted, stages: [response_kernel(weighted, several(stages) if weighted else ())],
    version=1,
    paper="Jing et al., Neurocomputing 2025",
    higher_is_better=True,
)
def wrcor(kernel: Tensor, *, weighted: bool = True, stages: Patterns = ()) -> float:
    r"""Compute the log-determinant of the weighted correlations of responses.

    :math:`\log |\det \sum_r 2^{s_r - 1} (|C(a_r)| + |C(\partial L/\partial a_r)|)|`; :math:`a_r`: output of the ReLU r;
    C: correlations between the samples over all of its units, (N, N); :math:`s_r`: how many stages the network has
    passed before, of which the stem is one and each cell, so that the last cells count most; L: the loss. A matrix with
    a sample that does not vary is left out. Higher is better. Compare equal batches only.

    Source: kunjing96/ZSNAS-WRCor (``act_grad_cor_weighted``), which takes a ReLU's input, and the gradient by it (where
    the ReLU works in place, the output), and counts the cells that its networks name, ReLUs before them not at all. A
    batch that does not fit into memory is split there, and the values of its parts are multiplied; here it is never
    split. Spaces of this package name their stages; in other networks they are those of ``az_expressivity``.

    Args:
        kernel: the sum, (N, N) float64.
        weighted: whether stages count; otherwise all ReLUs alike.
        stages: names of the modules whose outputs end the stages, in any order; empty: as above.

    Returns:
        The log-determinant.

    Raises:
        Undefined: no ReLU, or none with outputs that vary for every sample; a singular kernel; no stage is known.

    >>> round(wrcor(torch.tensor([[3.0, 1.0], [1.0, 3.0]], dtype=torch.float64)), 4)  # log 8
    2.0794
    """
    return log_determinant(kernel, "responses")
