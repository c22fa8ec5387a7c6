"""Candidates: what a ``build`` asks of a trial, drawn without one, and the network that it makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial, TrialState, create_trial

from naslib_zc_plugin.candidates import built
from naslib_zc_plugin.strategies import NoScore

if TYPE_CHECKING:
    from torch import nn

Build = Callable[[Any], Any]
"""A function of a trial that returns a network, as it stands in the objective."""
Draw = Callable[[str, BaseDistribution], Any]
"""A function that gives a parameter's value."""


class CandidateTrial(FixedTrial):
    """A trial that is in no study: a function gives the values that are asked for, and they are noted.

    Every method of a trial works; what is reported or set goes nowhere.

    Attributes:
        params: the values by name, in the order asked.
        distributions: what was asked.
    """

    def __init__(self, draw: Draw, number: int = 0) -> None:
        super().__init__({}, number)
        self._draw = draw
        self._values: dict[str, Any] = {}
        self._known: dict[str, BaseDistribution] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a real number."""
        return float(self._value(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return a whole number."""
        return int(self._value(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        return self._value(name, CategoricalDistribution(choices))

    def _value(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._known:
            check_distribution_compatibility(self._known[name], distribution)
            return self._values[name]
        if not distribution.single():
            value = self._draw(name, distribution)
        elif isinstance(distribution, CategoricalDistribution):
            value = distribution.choices[0]
        else:
            value = getattr(distribution, "low")  # noqa: B009 (of both kinds of numbers)
        self._values[name], self._known[name] = value, distribution
        return value

    @property
    def params(self) -> dict[str, Any]:
        """The values by name."""
        return dict(self._values)

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The distributions by name."""
        return dict(self._known)

    @property
    def key(self) -> str:
        """The values as a line of text."""
        return key_of(self._values)


def key_of(params: Mapping[str, Any]) -> str:
    """Return parameters as a line of text, equal for equal ones."""
    return json.dumps(dict(params), sort_keys=True, default=repr)


def network(build: Build, trial: Any, seed: int) -> nn.Module:
    """Return what ``build`` makes of a trial, with weights that the seed draws; random states stay as they were.

    Raises:
        NoScore: ``build`` raised an error, or returned no module.
    """
    try:
        return built(lambda: build(trial), seed)
    except Exception as error:
        params = ", ".join(f"{name}={value!r}" for name, value in trial.params.items())
        reason = f"build raised {type(error).__name__}: {error}"
        if isinstance(error, TypeError) and str(error).startswith("the function returned"):
            reason = f"build must return a torch.nn.Module: {error}"
        raise NoScore(f"{reason} (for {params or 'a trial that it asked nothing of'})") from error


def at_random(seed: int) -> Draw:
    """Return a draw of independent values, uniform as Optuna's random sampler has them."""
    sampler, trial = RandomSampler(seed=seed), create_trial(state=TrialState.WAITING)
    nothing: Any = None  # it looks at no study
    return lambda name, distribution: sampler.sample_independent(nothing, trial, name, distribution)
