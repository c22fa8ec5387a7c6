"""A search of ours, run by NNI: its experiment, its engine, its model space of NAS-Bench-201."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any, Callable

import nni
from nni.nas.evaluator import Evaluator
from nni.nas.execution.event import TrainingEndEvent
from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig
from nni.nas.hub.pytorch import NasBench201
from nni.nas.space import ExecutableModelSpace, ModelStatus

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts._quiet import quiet
from naslib_zc_plugin.hosts.nni.adapter import Search
from naslib_zc_plugin.hosts.nni.samples import key_of
from naslib_zc_plugin.search.loop import Evaluate

_SPACES: dict[str, Callable[[], Any]] = {"nasbench201": lambda: NasBench201(4, 1)}
"""Model spaces of our search spaces' keys; as small as can be, for no network is built here."""


def drive(
    strategy: strategies.Strategy,
    evaluate: Evaluate,
    goes_on: Callable[[], bool],
    space: str,
    folder: str | Path | None = None,
) -> None:
    """Ask, evaluate and tell as :func:`naslib_zc_plugin.search.loop.run_search` does, in a ``NasExperiment``.

    Every key becomes a sample of NNI's model space, a model that its sequential engine runs, and a key again for
    ``evaluate``. It all happens in this process, without NNI's server.

    Args:
        strategy: that asks and is told.
        evaluate: worth of a key; an error that it raises ends the search and comes out here.
        goes_on: whether to ask once more.
        space: name of the search space of the keys.
        folder: where NNI keeps its log and its checkpoint; a temporary one, removed at the end, unless given.

    Raises:
        ValueError: NNI has no such space.
    """
    if space not in _SPACES:
        raise ValueError(f"NNI has the space {', '.join(_SPACES)}, not {space!r}")
    if folder is None:
        with tempfile.TemporaryDirectory() as made:
            return drive(strategy, evaluate, goes_on, space, made)
    evaluator = _Keys(evaluate)
    config = NasExperimentConfig("sequential", "simplified", "local")
    config.experiment_working_directory = str(folder)
    with quiet("nni", logging.CRITICAL):  # errors come out here
        experiment = _Experiment(_SPACES[space](), evaluator, _Driven(strategy, goes_on), config)
        try:
            finished = experiment.run()
        finally:
            experiment.stop()
    if evaluator.error is not None:
        raise evaluator.error
    if not finished:
        # NNI takes an interrupt for a wish to stop it, and returns.
        raise KeyboardInterrupt
    return None


class _Keys(Evaluator):
    """Evaluates keys, and remembers what went wrong."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self.error: BaseException | None = None

    def _execute(self, model: ExecutableModelSpace) -> None:
        try:
            worth = self._evaluate(key_of(model.sample))
        except BaseException as error:
            self.error = error
            raise
        if worth is not None and worth == worth:
            nni.report_final_result(worth)


class _Driven(Search):
    """A strategy that is ready, for as long as its caller wants."""

    def __init__(self, strategy: strategies.Strategy, goes_on: Callable[[], bool]) -> None:
        super().__init__(strategy)
        self._wanted = goes_on

    def _goes_on(self) -> bool:
        return self._wanted()

    def _submit(self, key: str) -> None:
        self.engine.submit_models(self._model(key))

    def _ended(self, event: TrainingEndEvent) -> None:
        if event.status is not ModelStatus.Failed:
            super()._ended(event)


class _Experiment(NasExperiment):
    """One that leaves no entry in the list of experiments in the user's home."""

    def _start_without_nni_manager(self) -> None:
        pass

    def _stop_without_nni_manager(self) -> None:
        pass
