"""A proxy or a benchmark's table in the place of NNI's evaluators."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nni
from nni.nas.evaluator import Evaluator
from nni.nas.space import ExecutableModelSpace
from torch import nn

from naslib_zc_plugin.benchmarks import benchmark as read
from naslib_zc_plugin.hosts._data import Images
from naslib_zc_plugin.hosts._scoring import Named, NoScore
from naslib_zc_plugin.hosts.nni import nasbench101
from naslib_zc_plugin.hosts.nni.samples import key_of, space_of
from naslib_zc_plugin.hosts.nni.scoring import Scorer


@nni.trace
class ZeroCostEvaluator(Evaluator):
    """A proxy's score as the metric; higher is better, also for proxies whose own direction is the other.

    The weights are drawn from the seed and the architecture (NNI draws them before it calls an evaluator). A score that
    is undefined or fails is not reported: the model fails with the reason in the log, and never wins. NNI's own
    strategies then need an engine with ``continue_on_failure``; ours go on by themselves.

    Args:
        proxy, dataset, batch, preset, batch_size, seed, device: see :class:`.scoring.Scorer`.

    Raises:
        ValueError, TypeError, DataError: see there.
    """

    def __init__(
        self,
        proxy: Named,
        dataset: Images | None = None,
        batch: Any = None,
        preset: str = "",
        batch_size: int = 64,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.scorer = Scorer(proxy, dataset, batch, preset=preset, batch_size=batch_size, seed=seed, device=device)

    def evaluate(self, model: nn.Module) -> float:
        """Report the score of a network with the weights that it has; it is left as it is."""
        return _reported(self.scorer.turned(self.scorer.of_network(copy.deepcopy(model))))

    def _execute(self, model: ExecutableModelSpace) -> float:
        return _reported(self.scorer.fitness(model))


@nni.trace
class BenchmarkEvaluator(Evaluator):
    """A column of a benchmark's table as the metric; no network is built.

    Args:
        benchmark: one of :func:`naslib_zc_plugin.benchmarks.list_benchmarks`; in NAS-Bench-101 isomorphic cells are one.
        metric: column. Where lower is better, its negative is reported.
        data: the data directory, ``NAS_ZC_DATA`` unless given.

    Raises:
        ValueError: no such benchmark or column, or no data directory.
        DataError: the table is not there or damaged.
    """

    def __init__(
        self, benchmark: str = "nasbench201", metric: str = "cifar10_val_12", data: str | Path | None = None
    ) -> None:
        table = read(benchmark, data)
        self._name, self._values = f"{metric} of {benchmark}", table.column(metric)
        self._sign = -1.0 if table.columns[metric].higher_is_better is False else 1.0

    def evaluate(self, model: Any) -> float:
        """Networks are unknown to a table: NNI calls :meth:`_execute`."""
        raise TypeError("a benchmark knows architectures, not networks: run it in an experiment, or on a frozen model")

    def _execute(self, model: ExecutableModelSpace) -> float:
        key = nasbench101.own_key(model.sample) if space_of(model.sample) == "nasbench101" else key_of(model.sample)
        if key not in self._values:
            raise NoScore(f"there is no {self._name} for {key}")
        return _reported(self._sign * self._values[key])


def _reported(value: float) -> float:
    nni.report_final_result(value)
    return value
