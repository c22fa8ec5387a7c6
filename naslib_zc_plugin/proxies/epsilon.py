"""epsilon: two constant shared weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from naslib_zc_plugin.extend import EMBEDDINGS, Batch, ConstantOutputs, Constants, Network, Undefined, proxy
from naslib_zc_plugin.observe import borrowed, observe

if TYPE_CHECKING:
    from torch import nn


def outputs_under(
    weights: Sequence[float], zeros: str, biases: str, states: str, embedding: str, features: str
) -> Sequence[ConstantOutputs]:
    """The outputs under both weights.

    Raises:
        ValueError: not two weights, or no such treatment of zeros, biases, states, embeddings or features.
    """
    if len(weights) != 2:
        raise ValueError(f"weights must be two numbers, not {weights!r}")
    choices = {"zeros": (zeros, ("drop", "keep")), "embedding": (embedding, tuple(EMBEDDINGS))}
    choices.update({"biases": (biases, ("zero", "weight")), "states": (states, ("zero", "weight"))})
    choices["features"] = features, ("all", "first")
    for name, (value, known) in choices.items():
        if value not in known:
            raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, not {value!r}")
    return [ConstantOutputs(tuple(float(weight) for weight in weights), Constants(biases, states, embedding, features))]


@proxy(
    needs=outputs_under,
    version=1,
    paper="Gracheva, epsilon (Light and accurate NAS by two constant shared weights)",
    higher_is_better=True,
)
def epsilon(
    outputs: Tensor,
    *,
    weights: Sequence[float] = (1e-7, 1.0),
    zeros: str = "drop",
    biases: str = "zero",
    states: str = "zero",
    embedding: str = "uniform_positive_1",
    features: str = "all",
) -> float:
    r"""Difference of the outputs under two constant shared weights, :math:`\varepsilon = \delta / \mu`.

    :math:`v_w`: all outputs for the batch with every weight w and every bias 0, scaled to [0, 1] by its minimum and
    maximum; :math:`\delta` the mean of :math:`|v_{w_1} - v_{w_2}|`, :math:`\mu` the mean of both. Higher is better.
    No labels, no gradients. Symmetric in the weights. Undefined where a row is constant or overflows: 41 % of
    NAS-Bench-201 with the default weights.

    Source: egracheva/epsinas. What runs there, and here, takes entries that are exactly 0 after scaling (each row's
    minimum) out of every mean they would enter; ``zeros="keep"`` is the paper's eq. 2 and 3. ``weights``: published
    for NAS-Bench-201 (the default), (1e-4, 10) for NAS-Bench-101, (1e-5, 1e-3) for NAS-Bench-NLP;
    :func:`epsilon_weights` finds a window for another space. A network of one path only is homogeneous in w and
    scores about 0.

    Networks of tokens: embeddings are drawn, for constant ones would make all tokens equal; ``embedding`` says from
    what, by the names of the paper's Table 5: U(0, a) ``"uniform_positive_a"``, U(−a, a) ``"uniform_centered_a"`` or
    N(0, a²) ``"random_a"`` for a of 0.1 and 1. On NAS-Bench-NLP that code gives w to biases and to the first hidden
    states, too: ``biases="weight"``, ``states="weight"`` (buffers called initial_state). It takes one feature of the
    last layer's outputs, ``features="first"``: all are equal but for rounding, which decides how many are exactly 0.
    """
    low, high = outputs.amin(1, keepdim=True), outputs.amax(1, keepdim=True)
    scaled = (outputs - low) / (high - low)
    if not bool(torch.isfinite(scaled).all()):
        raise Undefined("under one of the weights all outputs are equal, or some are not finite")
    if zeros == "drop":
        scaled = torch.where(scaled == 0, torch.nan, scaled)
    difference = (scaled[0] - scaled[1]).abs()
    return (difference.nanmean() / scaled.nanmean()).item()


def epsilon_weights(
    sample: Iterable[nn.Module],
    batch: tuple[Any, Any],
    grid: Sequence[float] = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    undefined: float = 0.1,
) -> tuple[float, float]:
    """The widest window of weights for which fewer than a share ``undefined`` of the sample has no epsilon.

    The paper's rule of thumb for a new search space, as its code searches: windows from the widest to the narrowest,
    the first that will do. One pass per network covers the whole grid.

    Args:
        sample: networks, 100 in the paper.
        batch: (x, y); y is not looked at.
        grid: weights to choose from.
        undefined: largest share without a score, excluded.

    Raises:
        ValueError: an empty sample, fewer than two weights, or no window that will do.
    """
    values = tuple(sorted(float(weight) for weight in grid))
    windows = sorted(combinations(range(len(values)), 2), key=lambda pair: values[pair[0]] / values[pair[1]])
    missing = dict.fromkeys(windows, 0)
    networks = 0
    observation = ConstantOutputs(values)
    for module in sample:
        networks += 1
        with borrowed(module) as borrowed_module:
            network = Network(borrowed_module)
            outcome = observe(network, Batch(*batch).to(network.device, network.dtype), [observation])[observation]
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
