"""NASWOT for every bounded activation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal, Optional, Union

from torch import Tensor

from naslib_zc_plugin.extend import (
    Activation,
    Bounds,
    Distance,
    Forward,
    NotApplicable,
    Partition,
    activation_kernel,
    euclidean,
    jensen_shannon,
    proxy,
    register_activation,
)
from naslib_zc_plugin.observations.kernels import REGISTERED, Similarity
from naslib_zc_plugin.passes import Observation
from naslib_zc_plugin.proxies._formulas import Patterns, log_determinant, several
from naslib_zc_plugin.registry import installed

Parts = Union[Literal["raw", "sign"], Annotated[int, Bounds(least=2, most=256)]]
Kinds = Optional[Patterns]
KINDS = ("relu", "sigmoid", "tanh", "softmax")
logger = logging.getLogger(__name__)


def _partition(parts: Parts, low: float) -> Similarity:
    """Return the comparison of outputs between ``low`` and 1."""
    if parts == "raw":
        return euclidean(1.0 - low)
    return Partition() if isinstance(parts, str) else Partition(parts, low, 1.0)


@cache
def _register_others() -> None:
    """Register the activations of other distributions, once: looking for them reads what all of them declare."""
    for point in installed("naslib_zc_plugin.activations"):
        try:
            activation = point.load()
            if not isinstance(activation, Activation):
                raise TypeError("it is no Activation")
            register_activation(activation)
        except Exception as error:
            logger.warning("the activation %r of %s is left out: %s", point.name, point.value, error)


def kernels(
    kinds: Kinds, sigmoid: Parts, tanh: Parts, rows: Literal["sum", "mean"], logarithm: Literal["e", "2"]
) -> Sequence[Observation]:
    """Return one kernel per kind of activation, so that scores of several combinations share them.

    Raises:
        ValueError: an unknown kind of activation.
    """
    _register_others()
    measures: dict[str, Similarity] = {
        "relu": Partition(),
        "sigmoid": _partition(sigmoid, 0.0),
        "tanh": _partition(tanh, -1.0),
        "softmax": jensen_shannon(rows == "mean", logarithm == "2"),
        **{kind: activation.measure for kind, activation in REGISTERED.items()},
    }
    wanted = KINDS if kinds is None else several(kinds)
    if not wanted or not set(wanted) <= set(measures):
        raise ValueError(f"generalized_naswot: kinds must be some of {', '.join(measures)}, not {kinds!r}")
    # Codes do not feel the last bits of outputs, distances do.
    settings = {kind: Forward(without_graph=isinstance(measures[kind], Distance)) for kind in wanted}
    seen = [activation_kernel(kind, measures[kind], setting=settings[kind]) for kind in wanted]
    return [*seen, *([activation_kernel("gelu")] if "relu" in wanted else [])]


@proxy(needs=kernels, version=1, paper="Kanadiya et al., ReLU is all you need for NASWOT", higher_is_better=True)
def generalized_naswot(
    *matrices: Tensor | None,
    kinds: Kinds = None,
    sigmoid: Parts = 4,
    tanh: Parts = 8,
    rows: Literal["sum", "mean"] = "sum",
    logarithm: Literal["e", "2"] = "e",
) -> float:
    r"""Compute the log-determinant of the kernel of all bounded activations: ReLU and GELU, sigmoid, tanh, softmax.

    :math:`\log |\det \sum_l K^{(l)}|`, :math:`K^{(l)} = m - f`, where f is a distance of two samples' codes in the
    activation l and m the largest that it can take: ReLU and its variants (leaky, GELU …): Hamming distance of the
    codes output > 0, m the number of units; sigmoid, tanh: of the equal parts of the output range that the values lie
    in; softmax: Jensen–Shannon divergence of the distributions, m = log 2. Every call is an activation. Higher is
    better. Compare equal batches only. For ReLU alone it is ``naswot``, which does not count GELU.

    Source: the paper; its code was never public to read, and the paper leaves open the choices that are options here.

    Args:
        matrices: the kernel of each kind, (N, N) float64; None where the network has no such activation.
        kinds: of ``"relu"``, ``"sigmoid"``, ``"tanh"``, ``"softmax"`` and those registered; None: these four, whatever
            is registered.
        sigmoid: partitions; 4 in the paper, which tried 2, 4, 8, 16 and ``"raw"``: Euclidean distance of the values,
            per call, :math:`m = \sqrt d` for d units. Codes of partitions are compared by Hamming distance, as those
            of ReLU are: the paper names no other for codes, and its m is then the number of units for all kinds.
            ``"sign"``: codes as for ReLU, all 1 for sigmoid (with the same for tanh: the "activation distance"
            of Serianni & Kalita on recurrent cells).
        tanh: likewise; 8 in the paper; raw: :math:`m = 2\sqrt d`.
        rows: an activation's softmax has many distributions (per head and position): ``"sum"`` adds their kernels, as
            units are added; with ``"mean"`` a whole attention layer weighs less than a single ReLU unit and could not
            have halved the correlations, as softmax did in the paper's Table 1.
        logarithm: of the divergence, ``"e"`` (m = log 2) or ``"2"`` (m = 1): it scales softmax against the others.

    Returns:
        The log-determinant.

    Raises:
        Undefined: no activation of these kinds, or a singular kernel (equal codes, more samples than units tell
            apart).

    >>> import torch
    >>> kernel = torch.tensor([[3.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    >>> round(generalized_naswot(kernel, None, kernel), 4)  # log 32
    3.4657
    """
    found = [matrix for matrix in matrices if matrix is not None]
    if not found:
        raise NotApplicable(f"no activation was seen among {', '.join(KINDS if kinds is None else several(kinds))}")
    return log_determinant(sum(found[1:], found[0]), "codes")
