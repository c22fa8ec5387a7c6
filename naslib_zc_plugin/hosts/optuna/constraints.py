"""Limits of what is known of a network without training: parameters, operations, a latency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Union

import optuna

from naslib_zc_plugin.hosts.optuna.judge import PREFIX, Judge
from naslib_zc_plugin.strategies import NoScore

if TYPE_CHECKING:
    from torch import nn

Limit = Union[float, str, tuple[Callable[["nn.Module"], float], Union[float, str]]]
"""The most: a number, or text such as ``"<= 1e6"``; the least: ``">= 1e5"``; or a function of a network and either."""


@dataclass(frozen=True)
class _Bound:
    """One limit: a measure, and which side of a number is allowed."""

    measure: Callable[[nn.Module], float]
    limit: float
    at_most: bool

    def excess(self, value: float) -> float:
        """Return by how much a value is beyond the limit; none: zero or less."""
        return value - self.limit if self.at_most else self.limit - value


class Limits:
    """Limits of measures, by name.

    Args:
        limits: name of the measure and its :data:`Limit`. A name without a function is that of a proxy that counts,
            such as ``params`` and ``flops``.
        batch: for measures that run the network, as for :class:`.judge.Judge`.

    Raises:
        ValueError: a limit is no number, or a measure is unknown or has no batch.

    >>> Limits({"params": "<= 1e6"}, batch).measured(net)  # doctest: +SKIP
    {'params': 85322.0}
    """

    def __init__(self, limits: Mapping[str, Limit], batch: Any = None) -> None:
        self._bounds = {name: _bound(name, limit, batch) for name, limit in limits.items()}

    def __bool__(self) -> bool:
        return bool(self._bounds)

    def measured(self, net: nn.Module) -> dict[str, float]:
        """Return the measures of a network.

        Raises:
            NoScore: one has no value.
        """
        found = {}
        for name, bound in self._bounds.items():
            value = float(bound.measure(net))
            if not math.isfinite(value):
                raise NoScore(f"{name} of the network is {value}")
            found[name] = value
        return found

    def excess(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Return by how much each measure is beyond its limit, as Optuna has constraints: feasible is zero or less."""
        return {name: bound.excess(measured[name]) for name, bound in self._bounds.items()}

    def beyond(self, measured: Mapping[str, float]) -> float:
        """Return the sum of what is beyond limits, each as a share of its limit; 0: feasible."""
        shares = [
            max(0.0, excess) / max(abs(self._bounds[name].limit), 1e-12)
            for name, excess in self.excess(measured).items()
        ]
        return sum(shares)

    def told(self, measured: Mapping[str, float]) -> str:
        """Return the measures that are beyond their limits, in words."""
        return ", ".join(
            f"{name} {measured[name]:g} {'>' if bound.at_most else '<'} {bound.limit:g}"
            for name, bound in self._bounds.items()
            if bound.excess(measured[name]) > 0
        )


def _bound(name: str, limit: Limit, batch: Any) -> _Bound:
    measure: Callable[[nn.Module], float] | None = None
    if isinstance(limit, tuple):
        measure, limit = limit
    at_most, number = True, limit
    if isinstance(limit, str):
        text = limit.strip()
        at_most, number = not text.startswith(">"), text.lstrip("<>=")
    try:
        value = float(number)
    except (TypeError, ValueError):
        value = math.nan
    if math.isnan(value):
        raise ValueError(f"the limit of {name} must be a number, '<= NUMBER' or '>= NUMBER', not {limit!r}")
    return _Bound(measure or _counted(name, batch), value, at_most)


def _counted(name: str, batch: Any) -> Callable[[nn.Module], float]:
    judge = Judge(name, batch)
    if judge.is_rank:
        raise ValueError(f"{name} is a rank among networks and has no limit: name a measure, such as params")

    def measure(net: nn.Module) -> float:
        found = judge.scores(net)
        assert not isinstance(found, float)
        (score,) = found.values()
        if score.value is None:
            raise NoScore(f"{name} of the network is {score.status}: {score.reason}", score.status == "failed")
        return score.value

    return measure


def constrain(
    trial: optuna.trial.BaseTrial, net: nn.Module, limits: Mapping[str, Limit], *, batch: Any = None, end: bool = True
) -> dict[str, float]:
    """Measure a network, set the constraints of its trial, and end the trial before training where it is too large.

    The measures are user attributes (``zc_params``), and what is beyond a limit a constraint of Optuna's own by the
    measure's name: its samplers learn from it, and ``study.best_trial`` is a feasible one.

    Args:
        trial: as the objective got it.
        net: its network, left as it is.
        limits: measure and limit, such as ``{"params": "<= 1e6", "flops": 1.5e8, "latency": (milliseconds, 30)}``; see
            :data:`Limit`.
        batch: inputs and labels, inputs alone, or a DataLoader, for measures by name.
        end: raise ``TrialPruned`` where a limit is exceeded.

    Returns:
        The measures.

    Raises:
        optuna.TrialPruned: the network exceeds a limit.
        ValueError: a limit is none, or a measure is unknown or has no value for this network.
    """
    made = Limits(limits, batch)
    measured = made.measured(net)
    for name, value in measured.items():
        trial.set_user_attr(PREFIX + name, value)
    for name, excess in made.excess(measured).items():
        trial.set_constraint(name, excess)
    if end and made.beyond(measured) > 0:
        raise optuna.TrialPruned(f"not trained: {made.told(measured)}")
    return measured
