"""Searches of ours in NASLib's ``Trainer``, on its graph of NAS-Bench-201: ``run_search`` once NASLib is repaired."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from functools import cache
from types import SimpleNamespace
from typing import Any, Callable

from naslib.defaults.trainer import Trainer
from naslib.optimizers.core.metaclasses import MetaOptimizer
from naslib.search_spaces import NasBench201SearchSpace
from torch import nn

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts._scoring import quiet
from naslib_zc_plugin.hosts.naslib.graphs import key_of, spec_from
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.search.loop import Evaluate

_SPACES: dict[str, Callable[[], Any]] = {"nasbench201": NasBench201SearchSpace}


def run(strategy: strategies.Strategy, evaluate: Evaluate, within_budget: Callable[[], bool], space: str) -> None:
    """Run a search in a ``Trainer``; arguments and errors of ``run_search``."""
    with quiet("naslib"), ExitStack() as setup:
        # NASLib draws weights of the graph, and seeds all generators: evaluations draw what they draw without it.
        setup.enter_context(kept_random_states())
        optimizer = _BudgetedOptimizer(strategy, evaluate, within_budget, begins=setup.close)
        optimizer.adapt_search_space(_graph(space))
        try:
            _EndlessTrainer(optimizer).search()
        except _Ended:
            return


@cache
def _graph(space: str) -> Any:
    """Return NASLib's graph of a search space of ours, without networks, to hold one architecture after the other.

    Making it takes longer than many a search: there is one in a process.
    """
    if space not in _SPACES:
        raise ValueError(f"NASLib runs searches of the space {', '.join(_SPACES)}, not {space!r}")
    made = _SPACES[space]()
    made.instantiate_model = False
    return made


class _Ended(Exception):
    """The budget is spent, or the search space exhausted."""


class _BudgetedOptimizer(MetaOptimizer):
    """A strategy that is ready, asked and told within its caller's budget.

    Args:
        strategy: the strategy.
        evaluate: fitness of a key; its errors end the search.
        within_budget: whether to ask once more.
        begins: called when all is set up, before the first key is asked for.
    """

    using_step_function = False

    def __init__(
        self, strategy: strategies.Strategy, evaluate: Evaluate, within_budget: Callable[[], bool],
        begins: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__()
        self._strategy, self._evaluate, self._within_budget = strategy, evaluate, within_budget
        self._begins = begins

    def adapt_search_space(self, search_space: Any, scope: Any = None, dataset_api: Any = None) -> None:
        """Take a graph without networks, which every key is put into."""
        self._search_graph = search_space

    def before_training(self) -> None:
        """Begin: all is set up."""
        self._begins()

    def new_epoch(self, epoch: int) -> None:
        """Ask, evaluate and tell once; raise ``_Ended`` if that is not possible or not wanted."""
        if not self._within_budget():
            raise _Ended
        try:
            asked = self._strategy.ask()
        except strategies.Exhausted as error:
            raise _Ended from error
        self._search_graph.set_spec(spec_from(asked, self._search_graph))
        key = key_of(self._search_graph)
        self._strategy.tell(key, self._evaluate(key))

    def train_statistics(self, report_incumbent: bool = True) -> tuple[float, float, float, float]:
        """Return the best fitness as the validation accuracy; NaN for the rest."""
        best = self._strategy.best
        return math.nan, best[1] if best else math.nan, math.nan, math.nan

    def get_final_architecture(self) -> Any:
        """Raise ``NotImplementedError``: the search is its caller's."""
        raise NotImplementedError("ask the strategy for the best architecture")

    def get_op_optimizer(self) -> Any:
        """Raise ``NotImplementedError``: no weights are trained."""
        raise NotImplementedError("no weights are trained")

    def get_checkpointables(self) -> dict[str, Any]:
        """Return an empty module: a search of ours has its own journal."""
        return {"model": nn.Module()}


class _EndlessTrainer(Trainer):
    """NASLib's loop without an end, which writes nothing.

    NASLib's file of statistics is written anew in every epoch, each time a line longer: gigabytes in 15,625 epochs.
    """

    def __init__(self, optimizer: _BudgetedOptimizer) -> None:
        forever = SimpleNamespace(epochs=sys.maxsize, checkpoint_freq=sys.maxsize, seed=0)
        super().__init__(optimizer, SimpleNamespace(search=forever, save=""))

    def _log_to_json(self) -> None:
        pass
