"""Trace of the neural tangent kernel, as NASI and hNASI take it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch

from naslib_zc_plugin.extend import NEXT, Bounds, PerSample, Undefined, observation, proxy
from naslib_zc_plugin.passes import Observation, Pass, Steps
from naslib_zc_plugin.passes.per_sample import Chunk


def _norms(p: Pass) -> Steps[list[float]]:
    found: list[float] = []
    while (chunk := (yield NEXT)) is not None:
        _add_norms(found, chunk)
    return found


def _add_norms(found: list[float], chunk: Chunk) -> None:
    lengths = torch.stack([torch.linalg.vector_norm(gradient, dim=1).double() for gradient in chunk.gradients])
    found += lengths.square().sum(0).tolist()


@observation(labels=True, order=1, setting=PerSample(of="target"))
def target_norms(p: Pass) -> Steps[list[float]]:
    """Return the squared norm of the gradient of each sample's logit of its class by all layers' weights: list."""
    return (yield from _norms(p))


@observation(order=1, setting=PerSample(of="logits"))
def logit_norms(p: Pass) -> Steps[list[float]]:
    """Return the squared norm of the gradient of each logit of each sample by all layers' weights: list."""
    return (yield from _norms(p))


def norms(of: str, memory: int) -> Sequence[Observation]:
    """Return the observation that the options name."""
    return [(target_norms if of == "target" else logit_norms)(setting=PerSample(memory, of))]


@proxy(
    needs=norms,
    version=1,
    paper="Shu et al., ICLR 2022 (NASI); Shu et al., NeurIPS 2022 (hNASI)",
    higher_is_better=True,
)
def ntk_trace(
    squares: list[float],
    *,
    of: Literal["target", "logits"] = "target",
    memory: Annotated[int, Bounds(least=1)] = PerSample.memory,
) -> float:
    r"""Compute the root of the trace of the neural tangent kernel per sample, the gradients' root mean square.

    :math:`\sqrt{\mathrm{tr}\,\Theta / N} = \sqrt{\frac{1}{N} \sum_i \|\partial f_{y_i}(x_i) / \partial \theta\|^2}`; f:
    logits, y: class indices, θ: weights of convolution and linear layers. Each sample is a batch of one, of which
    batch norm takes its statistics, as for ``gradsign``, whose pass this is but for what is differentiated. Higher is
    better.

    Source: shuyao95/HNAS (``ntk_trace``), which builds the kernel and adds up its eigenvalues; its gradients are terms
    of the graph of the whole batch, whose statistics batch norm takes, and biases of layers are among its parameters
    (that of the last layer adds 1 under the root). The trace of NASI's search is bounded by gradients of the loss.

    Args:
        squares: squared norms of the gradients.
        of: ``"target"``: of the logit of the sample's class; ``"logits"``: of all logits, the mean over them; it needs
            no labels, and costs as much for each logit.
        memory: bytes for gradients of single samples, see ``gradsign``.

    Returns:
        The root.

    Raises:
        Undefined: all gradients are zero (a dead network); the outputs are not one row of logits per sample, or labels
            not one class index; or batch norm meets a single value per channel.

    >>> ntk_trace([9.0, 16.0, 11.0])
    3.4641016151377544
    """
    if not any(squares):
        raise Undefined("the logits do not depend on the layers' weights")
    return math.sqrt(math.fsum(squares) / len(squares))
