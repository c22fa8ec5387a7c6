"""NASWOT for every bounded activation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Union

from torch import Tensor

from naslib_zc_plugin.extend import (
    REGISTERED,
    Activation,
    ActivationKernel,
    Distance,
    Forward,
    Measure,
    Partition,
    Undefined,
    euclidean,
    jensen_shannon,
    proxy,
    register_activation,
)
from naslib_zc_plugin.plugins import registered
from naslib_zc_plugin.proxies.naswot import log_determinant

Parts = Union[int, str]
KINDS = ("relu", "sigmoid", "tanh", "softmax")


def _partition(kind: str, parts: Parts, low: float) -> Measure:
    if parts == "raw":
        return euclidean(1.0 - low)
    if parts == "sign":
        return Partition()
    if not isinstance(parts, int) or not 2 <= parts <= 256:
        raise ValueError(f"{kind} must be 'raw', 'sign' or a number of partitions from 2 to 256, not {parts!r}")
    return Partition(parts, low, 1.0)


@cache
def _register_others() -> None:
    """Activations of other distributions, looked for once: that reads what all of them declare."""
    for point in registered("naslib_zc_plugin.activations"):
        activation = point.load()
        if not isinstance(activation, Activation):
            raise ValueError(f"{point.value} is no Activation")
        register_activation(activation)


def kernels(
    kinds: Sequence[str] | None = None, sigmoid: Parts = 4, tanh: Parts = 8, rows: str = "sum", logarithm: str = "e"
) -> Sequence[ActivationKernel]:
    """One kernel per kind of activation, so that scores of several combinations share them.

    Raises:
        ValueError: no such kind, number of partitions, treatment of rows, or logarithm.
    """
    _register_others()
    if rows not in ("sum", "mean"):
        raise ValueError(f"rows must be 'sum' or 'mean', not {rows!r}")
    if logarithm not in ("e", "2"):
        raise ValueError(f"logarithm must be 'e' or '2', not {logarithm!r}")
    measures: dict[str, Measure] = {
        "relu": Partition(),
        "sigmoid": _partition("sigmoid", sigmoid, 0.0),
        "tanh": _partition("tanh", tanh, -1.0),
        "softmax": jensen_shannon(rows == "mean", logarithm == "2"),
        **{kind: activation.measure for kind, activation in REGISTERED.items()},
    }
    wanted = list(measures) if kinds is None else [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in wanted if kind not in measures]
    if unknown or not wanted:
        raise ValueError(f"kinds must be some of {', '.join(measures)}, not {kinds!r}")
    # Codes do not feel the last bits of outputs, distances do.
    under = {kind: Forward(alone=isinstance(measures[kind], Distance)) for kind in wanted}
    seen = [ActivationKernel(kind, measures[kind], under[kind]) for kind in wanted]
    return [*seen, *([ActivationKernel("gelu")] if "relu" in wanted else [])]


@proxy(needs=kernels, version=1, paper="Kanadiya et al., ReLU is all you need for NASWOT", higher_is_better=True)
def generalized_naswot(
    *matrices: Tensor | None,
    kinds: Sequence[str] | None = None,
    sigmoid: Parts = 4,
    tanh: Parts = 8,
    rows: str = "sum",
    logarithm: str = "e",
) -> float:
    r"""Log-determinant of the kernel of all activations, :math:`\log |\det \sum_l K^{(l)}|`, :math:`K^{(l)} = m - f`.

    f is a distance of two samples' codes in the activation l and m the largest that it can take: ReLU and its variants
    (leaky, GELU …): Hamming distance of the codes output > 0, m the number of units; sigmoid, tanh: of the equal
    parts of the output range that the values lie in; softmax: Jensen–Shannon divergence of the distributions, m = log
    2. Every call is an activation. Higher is better. Undefined without an activation of ``kinds`` and where the
    kernel is singular (equal codes, more samples than units tell apart). Compare equal batches only. For ReLU alone it
    is ``naswot``, which does not count GELU.

    Source: the paper; its code was never public to read, and it leaves open what follows.

    Args:
        matrices: the kernel of each kind, None where the network has no such activation.
        kinds: of ``"relu"``, ``"sigmoid"``, ``"tanh"``, ``"softmax"`` and those registered; None: all.
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
    """
    found = [matrix for matrix in matrices if matrix is not None]
    if not found:
        raise Undefined(f"no activation was seen among {', '.join(kinds or [*KINDS, *REGISTERED])}")
    return log_determinant(sum(found[1:], found[0]), "codes")
