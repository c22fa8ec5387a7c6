"""Searches of ours by NePS's ask and tell: every key becomes a configuration of its space, and a key again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import neps
from neps.optimizers.optimizer import SampledConfig

from naslib_zc_plugin.hosts.neps.pipelines import Pipelines
from naslib_zc_plugin.search.loop import Evaluate
from naslib_zc_plugin.spaces.nasbench201 import EDGES
from naslib_zc_plugin.spaces.nasbench201 import keys as keys201
from naslib_zc_plugin.strategies import Exhausted, Strategy


class Cells(neps.PipelineSpace):
    """The cells of NAS-Bench-201: an operation for each of the six edges, by the names that NNI gives them."""


for _source, _target in EDGES:
    setattr(Cells, f"edge_{_source}_{_target}", neps.Categorical(keys201.OPERATIONS))
_PATH = "SAMPLING__Resolvable.edge_{0}_{1}::categorical__" + str(len(keys201.OPERATIONS))


def config_of(key: str) -> dict[str, int]:
    """Return the configuration of a cell in the space :class:`Cells`.

    Raises:
        ValueError: the key is no cell.
    """
    chosen = zip(EDGES, keys201.parse(key))
    return {_PATH.format(*edge): keys201.OPERATIONS.index(name) for edge, name in chosen}


def key_of(arguments: Mapping[str, Any]) -> str:
    """Return the key of a cell, given a pipeline's arguments over :class:`Cells`; the inverse of :func:`config_of`.

    >>> key_of(Pipelines(Cells(), build=cell).arguments(config_of(key))) == key  # doctest: +SKIP
    True
    """
    return keys201.format([arguments[f"edge_{source}_{target}"] for source, target in EDGES])


def run_search(strategy: Strategy, evaluate: Evaluate, within_budget: Callable[[], bool], space: str) -> None:
    """Ask, evaluate and tell as the loop without a host does, by ``neps.AskAndTell``.

    NePS's trials hold the keys' configurations and their results, and nothing is written to disk.

    Args:
        strategy: a strategy that is ready.
        evaluate: fitness of a key; an error that it raises ends the search and is raised here.
        within_budget: whether to ask once more.
        space: name of the search space of the keys.

    Raises:
        ValueError: NePS has no such space here.
    """
    if space != "nasbench201":
        raise ValueError(f"NePS has the space nasbench201, not {space!r}")
    pipelines, host = Pipelines(Cells(), build=_key), neps.AskAndTell(_Asked(strategy))
    while within_budget():
        try:
            trial = host.ask()
        except Exhausted:
            return
        key = key_of(pipelines.arguments(trial.config))
        fitness = evaluate(key)
        host.tell(trial, ValueError("no fitness") if fitness is None else -float(fitness))
        strategy.tell(key, fitness)


def _key(**arguments: Any) -> str:
    return key_of(arguments)


class _Asked:
    """A strategy as an optimizer of NePS."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    def __call__(self, trials: Mapping[str, Any], budget_info: Any, n: int | None = None) -> SampledConfig:
        return SampledConfig(str(len(trials) + 1), config_of(self._strategy.ask()))
