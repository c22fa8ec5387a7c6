"""Whole searches of ours in a study of Optuna's: its trials ask, and are told."""

from __future__ import annotations

from typing import Any

import optuna
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from naslib_zc_plugin import spaces
from naslib_zc_plugin.hosts._scoring import quiet
from naslib_zc_plugin.search.loop import Evaluate
from naslib_zc_plugin.strategies import Exhausted, Strategy

_NAME = "architecture"


def run_search(
    strategy: Strategy, evaluate: Evaluate, within_budget: Any, space: str, study: Study | None = None
) -> None:
    """Ask, evaluate and tell as the loop without a host does, in a study.

    Every key is the value of a trial's parameter ``architecture``, its number in the space; the key itself is a user
    attribute. A fitness of None or NaN fails its trial.

    Args:
        strategy: a strategy that is ready.
        evaluate: fitness of a key; an error that it raises ends the search and is raised here.
        within_budget: whether to ask once more.
        space: name of the search space of the keys, one whose keys are counted.
        study: the study, to be maximized; one in memory unless given.

    Raises:
        ValueError: there is no such space, or its keys are not counted.

    >>> from naslib_zc_plugin.hosts.optuna import run_search  # doctest: +SKIP
    >>> run_search(strategy, accuracies.get, lambda: len(told) < 100, "nasbench201")  # doctest: +SKIP
    """
    known: Any = spaces.space(space)
    if known.size is None:
        raise ValueError(f"the keys of {space} are not counted: a trial's parameter is a key's number in its space")
    sampler = _Asking(strategy, known)
    with quiet("optuna"):
        study = study or optuna.create_study(direction="maximize")
        study.sampler = sampler
        while within_budget():
            trial = study.ask()
            try:
                key = known.key(trial.suggest_int(_NAME, 0, known.size - 1))
            except Exhausted:
                study.tell(trial, state=TrialState.FAIL)
                return
            trial.set_user_attr("key", key)
            try:
                fitness = evaluate(key)
            except BaseException:
                study.tell(trial, state=TrialState.FAIL)
                raise
            if fitness is None or fitness != fitness:
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, fitness)
            strategy.tell(key, fitness)


class _Asking(BaseSampler):
    """Gives a trial the key that a strategy asks for."""

    def __init__(self, strategy: Strategy, space: Any) -> None:
        self._strategy, self._space = strategy, space

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._space.index(self._strategy.ask())
