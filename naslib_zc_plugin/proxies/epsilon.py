"""epsilon: two constant shared weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from naslib_zc_plugin.extend import Undefined, observation, proxy
from naslib_zc_plugin.passes import Batch, Network, Pass, Steps, isolated, observe
from naslib_zc_plugin.passes.constant_weights import ConstantWeights

if TYPE_CHECKING:
    from torch import nn

Embedding = Literal[
    "uniform_positive_0.1", "uniform_positive_1", "uniform_centered_0.1", "uniform_centered_1", "random_0.1", "random_1"
]

TIE = 2.0**-40
"""Relative difference by which outputs in double precision are equal; other types cannot tell such outputs apart."""


@observation(setting=ConstantWeights())
def constant_outputs(p: Pass, weights: tuple[float, ...]) -> Steps[Tensor]:
    """Return all outputs under each of the weights: (weights, outputs), samples and logits in one row."""
    outputs: Tensor = yield weights
    return outputs


@proxy(
    needs=lambda weights, biases, states, embedding, features: [
        constant_outputs(
            tuple(float(weight) for weight in weights), setting=ConstantWeights(biases, states, embedding, features)
        )
    ],
    version=1,
    paper="Gracheva, epsilon (Light and accurate NAS by two constant shared weights)",
    higher_is_better=True,
    aliases=["epsinas"],
)
def epsilon(
    outputs: Tensor,
    *,
    weights: tuple[float, float] = (1e-7, 1.0),
    zeros: Literal["drop", "keep"] = "drop",
    biases: Literal["zero", "weight"] = "zero",
    states: Literal["zero", "weight"] = "zero",
    embedding: Embedding = "uniform_positive_1",
    features: Literal["all", "first"] = "all",
    missing: Literal["undefined", "drop"] = "undefined",
) -> float:
    r"""Compute the difference of the outputs under two constant shared weights.

    :math:`\varepsilon = \delta / \mu`. :math:`v_w`: all outputs for the batch with every weight w and every bias 0,
    scaled to [0, 1] by their minimum and maximum; :math:`\delta`: the mean of :math:`|v_{w_1} - v_{w_2}|`;
    :math:`\mu`: the mean of both. Higher is better. No labels, no gradients. Symmetric in the weights. A network of
    one path only is homogeneous in w and scores about 0.

    Source: egracheva/epsinas. That code, and this one, take entries that are exactly 0 after scaling (each row's
    minimum) out of every mean they would enter; ``zeros="keep"`` is the paper's eq. 2 and 3. Norms enlarge the
    rounding of that code's sums, in single precision, up to percents of the score. Here sums are computed in double
    precision and rounded to the network's type, whatever their order, and outputs that are equal under equal weights
    are so to the last bit (in double precision: but for rounding): the score is that of one output per sample. For
    networks of tokens constant embeddings would make all tokens equal, so embeddings are drawn. On NAS-Bench-NLP that
    code gives w to biases and to the first hidden states (buffers called initial_state), too, and takes one feature of
    the last layer's outputs, which are all equal.

    Args:
        outputs: all outputs under each of the weights, (2, N · D).
        weights: published for NAS-Bench-201 (the default); (1e-4, 10) for NAS-Bench-101, (1e-5, 1e-3) for
            NAS-Bench-NLP. :func:`epsilon_weights` finds a window for another space.
        zeros: whether entries that are exactly 0 enter the means.
        biases: value of the biases: 0, or the weight's.
        states: value of a recurrent network's first states, likewise.
        embedding: distribution of the embeddings, by the names of the paper's Table 5: U(0, a)
            (``"uniform_positive_a"``), U(−a, a) (``"uniform_centered_a"``) or N(0, a²) (``"random_a"``).
        features: which of the last dimension's outputs are compared.
        missing: whether outputs that are not a number leave no score, or are left out, as in that code: a recurrent
            network whose gates overflow has scores of its first steps.

    Returns:
        The score, at least 0.

    Raises:
        Undefined: all outputs are equal under one of the weights, or some are not finite: 41 % of NAS-Bench-201 with
            the default weights.

    >>> round(epsilon(torch.tensor([[0.0, 1.0, 2.0], [0.0, 4.0, 16.0]])), 4)
    0.1818
    """
    gone = outputs.isnan() & (missing == "drop")
    low = torch.where(gone, torch.inf, outputs).amin(1, keepdim=True)
    high = torch.where(gone, -torch.inf, outputs).amax(1, keepdim=True)
    scaled = (outputs - low) / (high - low)
    smallest = gone | (outputs - low <= TIE * outputs.abs()) | (scaled == 0)
    if not bool((torch.isfinite(scaled) | gone).all()) or bool(smallest.all(1).any()):
        raise Undefined("under one of the weights all outputs are equal, or some are not finite")
    if zeros == "drop":
        scaled = torch.where(smallest, torch.nan, scaled)
    difference = (scaled[0] - scaled[1]).abs()
    return (difference.nanmean() / scaled.nanmean()).item()


def epsilon_weights(
    sample: Iterable[nn.Module],
    batch: tuple[Any, Any],
    grid: Sequence[float] = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    undefined: float = 0.1,
) -> tuple[float, float]:
    """Return the widest window of weights for which fewer than a share ``undefined`` of the sample has no epsilon.

    The paper's rule of thumb for a new search space, as its code searches: windows from the widest to the narrowest,
    the first that will do. One pass per network covers the whole grid.

    Args:
        sample: networks, 100 in the paper.
        batch: (x, y); y is not looked at.
        grid: weights to choose from.
        undefined: largest share without a score, excluded.

    Returns:
        The two weights, the lower first.

    Raises:
        ValueError: an empty sample, fewer than two weights, or no window that will do.

    >>> from naslib_zc_plugin.testing import NETWORKS
    >>> case = NETWORKS["branches"]()
    >>> epsilon_weights([case.net], case.batch, grid=(1e-2, 1.0))
    (0.01, 1.0)
    """
    values = tuple(sorted(float(weight) for weight in grid))
    windows = sorted(combinations(range(len(values)), 2), key=lambda pair: values[pair[0]] / values[pair[1]])
    missing = dict.fromkeys(windows, 0)
    networks, asked = 0, constant_outputs(values)
    for module in sample:
        networks += 1
        with isolated(module) as inside:
            network = Network(inside)
            outcome = observe(network, Batch(*batch).to(network.device, network.dtype), [asked])[asked]
        if outcome.error is not None:
            raise outcome.error
        for window in windows:
            try:
                epsilon(outcome.value[list(window)])
            except Undefined:
                missing[window] += 1
    if not networks or not windows:
        raise ValueError("epsilon_weights needs at least one network and two weights")
    for low, high in windows:
        if missing[low, high] < undefined * networks:
            return values[low], values[high]
    least = min(missing.values())
    raise ValueError(f"for every window at least {least} of {networks} networks have no epsilon: try another grid")
