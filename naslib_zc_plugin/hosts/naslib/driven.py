"""The parts of NASLib that run a search of ours: an optimizer around a strategy that is ready, and a ``Trainer``."""

from __future__ import annotations

import math
import sys
from functools import cache
from types import SimpleNamespace
from typing import Any, Callable

from naslib.defaults.trainer import Trainer
from naslib.optimizers.core.metaclasses import MetaOptimizer
from naslib.search_spaces import NasBench201SearchSpace
from torch import nn

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts.naslib.graphs import key_of, spec_from
from naslib_zc_plugin.search.loop import Evaluate

_SPACES: dict[str, Callable[[], Any]] = {"nasbench201": NasBench201SearchSpace}


@cache
def graph(space: str) -> Any:
    """NASLib's graph of a search space of ours, without networks, so that it can hold one architecture after the other.

    Making it takes longer than many a search: there is one in a process.

    Raises:
        ValueError: there is none.
    """
    if space not in _SPACES:
        raise ValueError(f"NASLib runs searches of the space {', '.join(_SPACES)}, not {space!r}")
    made = _SPACES[space]()
    made.instantiate_model = False
    return made


class Ended(Exception):
    """The caller wants no more, or there is no more."""


class Driven(MetaOptimizer):
    """A strategy that is ready, asked and told for as long as its caller wants.

    Args:
        strategy: that asks and is told.
        evaluate: worth of a key; what it raises comes out.
        goes_on: whether to ask once more.
        begins: called when all is set up, before the first key is asked for.
    """

    using_step_function = False

    def __init__(
        self,
        strategy: strategies.Strategy,
        evaluate: Evaluate,
        goes_on: Callable[[], bool],
        begins: Callable[[], None],
    ) -> None:
        super().__init__()
        self._strategy, self._evaluate, self._goes_on = strategy, evaluate, goes_on
        self._begins = begins

    def adapt_search_space(self, search_space: Any, scope: Any = None, dataset_api: Any = None) -> None:
        """Take a graph without networks, which every key is put into."""
        self._graph = search_space

    def before_training(self) -> None:
        """All is set up."""
        self._begins()

    def new_epoch(self, epoch: int) -> None:
        """Ask, evaluate and tell once.

        Raises:
            Ended: no more is wanted, or there is no more.
        """
        if not self._goes_on():
            raise Ended
        try:
            asked = self._strategy.ask()
        except strategies.Exhausted as error:
            raise Ended from error
        self._graph.set_spec(spec_from(asked, self._graph))
        key = key_of(self._graph)
        self._strategy.tell(key, self._evaluate(key))

    def train_statistics(self, report_incumbent: bool = True) -> tuple[float, float, float, float]:
        """The best fitness, in the place of the validation accuracy; else NaN."""
        best = self._strategy.best
        return math.nan, best[1] if best else math.nan, math.nan, math.nan

    def get_final_architecture(self) -> Any:
        """Not asked for: the search is its caller's. Raises ``NotImplementedError``."""
        raise NotImplementedError("ask the strategy for the best architecture")

    def get_op_optimizer(self) -> Any:
        """There is none. Raises ``NotImplementedError``."""
        raise NotImplementedError("no weights are trained")

    def get_checkpointables(self) -> dict[str, Any]:
        """Nothing to save: a search of ours has its own journal."""
        return {"model": nn.Module()}


class Loop(Trainer):
    """NASLib's loop without an end, which writes nothing.

    NASLib's file of statistics is written anew in every epoch, each time a line longer: gigabytes in 15,625 epochs.
    """

    def __init__(self, optimizer: Driven) -> None:
        forever = SimpleNamespace(epochs=sys.maxsize, checkpoint_freq=sys.maxsize, seed=0)
        super().__init__(optimizer, SimpleNamespace(search=forever, save=""))

    def _log_to_json(self) -> None:
        pass
