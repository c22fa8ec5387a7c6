"""A strategy of ours as one of NNI's: it asks and is told, NNI's engine evaluates."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from nni.nas.execution import ExecutionEngine
from nni.nas.execution.event import ModelEventType, TrainingEndEvent
from nni.nas.space import ExecutableModelSpace, ModelStatus
from nni.nas.strategy.base import Strategy

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts.nni.domains import HostDomain, domain
from naslib_zc_plugin.hosts.nni.ledger import Ledger
from naslib_zc_plugin.hosts.nni.samples import key_of
from naslib_zc_plugin.hosts.nni.worth import Fitness, fitness

logger = logging.getLogger(__name__)


class Search(Strategy):
    """Any strategy of :mod:`naslib_zc_plugin.strategies`, in an experiment of NNI.

    Architectures are asked for one by one, whenever the engine has a free worker and budget left; what they are worth
    is told as it comes. One whose evaluation fails is told to have no worth and never wins; the search goes on.
    Scoring by a proxy happens outside of the engine and costs no trial. Nothing is left out because it was there
    before, unless the strategy says so: with one worker the history is that of the strategy without NNI.

    Args:
        strategy: its name, or a strategy that is ready.
        seed: of all that is drawn.
        preset: published settings (:mod:`naslib_zc_plugin.strategies.PUBLISHED`), which ``options`` overrule.
        proxy: what the strategy scores by, if it does: a proxy's name or a mapping with its options, an evaluator or
            a profiler of ours, or a function of the network, higher is better.
        dataset, batch: images for a proxy given by name (:class:`.scoring.Scorer`).
        options: the strategy's own, see its class in :mod:`naslib_zc_plugin.strategies`.

    Raises:
        ValueError, TypeError: no such strategy or proxy, or an option that cannot be.
    """

    def __init__(
        self,
        strategy: str | strategies.Strategy,
        *,
        seed: strategies.Seed = 0,
        preset: str = "",
        proxy: Any = None,
        dataset: Any = None,
        batch: Any = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if isinstance(strategy, str):
            strategies.STRATEGIES.load(strategy)
        self._asked, self._seed, self._preset = strategy, seed, preset
        data = {"dataset": dataset, "batch": batch, "seed": seed}
        self._worth: Fitness | None = None if proxy is None else fitness(proxy, **data)
        self._options = {name: _mapping(value) for name, value in options.items()}
        self._scores: dict[str, float | None] = {}
        self._earlier: list[ExecutableModelSpace] = []  # evaluated before an interruption
        self._ledger = Ledger()
        # Engines that run several trials tell from a thread of their own.
        self._lock = threading.RLock()

    @property
    def history(self) -> list[tuple[str, float | None]]:
        """(key, fitness or None) of every evaluated architecture, in the order told."""
        return self._ledger.history

    def mapping(self) -> dict[str, Any]:
        """Name and options, as ``around`` of a warm-up takes them.

        Raises:
            ValueError: it was made of a strategy that is ready.
        """
        if not isinstance(self._asked, str):
            raise ValueError("a strategy that is ready cannot be described: give its name and options")
        preset = {"preset": self._preset} if self._preset else {}
        return {"name": self._asked, **preset, **self._options}

    def extra_repr(self) -> str:
        name = self._asked if isinstance(self._asked, str) else type(self._asked).__name__
        return ", ".join([name, f"seed={self._seed}", *(f"{key}={each!r}" for key, each in self._options.items())])

    def _initialize(self, model_space: ExecutableModelSpace, engine: ExecutionEngine) -> ExecutableModelSpace:
        self._domain = domain(model_space)
        self._inner = self._made(self._domain)
        engine.register_model_event_callback(ModelEventType.TrainingEnd, self._ended)
        return model_space

    def _made(self, space: HostDomain) -> strategies.Strategy:
        if isinstance(self._asked, strategies.Strategy):
            return self._asked
        score = None if self._worth is None else self._score
        return strategies.strategy(
            self._asked, space, score=score, seed=self._seed, preset=self._preset, **self._options
        )

    def _run(self) -> None:
        while self.wait_for_resource() and self._goes_on():
            try:
                with self._lock:
                    key = self._ledger.waiting() or self._inner.ask()
                    self._ledger.begin(key)
            except strategies.Exhausted as error:
                logger.info("%s", error)
                break
            self._submit(key)
        self.engine.wait_models()

    def _goes_on(self) -> bool:
        return True

    def _submit(self, key: str) -> None:
        model = self._model(key)
        try:
            self.engine.submit_models(model)
        except Exception:
            # The sequential engine hands on what an evaluator raised, unless told to go on.
            if model.status is not ModelStatus.Failed:
                raise
            logger.warning("%s failed; the search goes on", key, exc_info=True)

    def _ended(self, event: TrainingEndEvent) -> None:
        # An interrupted evaluation says nothing: after a resumption it is done again.
        if event.status is ModelStatus.Interrupted:
            return
        key, ended = key_of(event.model.sample), event.status is ModelStatus.Trained
        worth = float(event.model.metric) if ended and _has_number(event.model) else None
        with self._lock:
            if self._ledger.end(key, worth):
                self._inner.tell(key, worth)

    def _cleanup(self) -> None:
        self.engine.unregister_model_event_callback(ModelEventType.TrainingEnd, self._ended)

    def _model(self, key: str) -> ExecutableModelSpace:
        return self.model_space.freeze(self._domain.to_sample(key))

    def _score(self, key: str) -> float | None:
        assert self._worth is not None
        if key not in self._scores:
            self._scores[key] = self._worth(self._model(key))
        return self._scores[key]

    def list_models(self, sort: bool = True, limit: int | None = None) -> Iterator[ExecutableModelSpace]:
        """The evaluated models, those of before an interruption as well; sorted: the best first, with a metric only."""
        models = [*self._earlier, *self.engine.list_models()]
        if sort:
            done = [model for model in models if model.status is ModelStatus.Trained and _has_number(model)]
            models = sorted(done, key=lambda model: -float(model.metric))
        return iter(models[:limit])

    def state_dict(self) -> dict[str, Any]:
        """Where the search stands, as values that JSON knows."""
        with self._lock:
            return {"search": self._inner.state_dict(), "scores": dict(self._scores), **self._ledger.state()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where a search with the same arguments stood; what was under way then is evaluated first.

        Raises:
            ValueError: the state is another strategy's, or damaged.
        """
        self._inner.load_state_dict(state_dict["search"])
        self._ledger.load(state_dict)
        self._scores = dict(state_dict["scores"])
        self._earlier = [self._evaluated(key, worth) for key, worth in self.history]

    def _evaluated(self, key: str, worth: float | None) -> ExecutableModelSpace:
        model = self._model(key)
        model.status = ModelStatus.Failed if worth is None else ModelStatus.Trained
        if worth is not None:
            model.metrics.final = worth
        return model


def _has_number(model: ExecutableModelSpace) -> bool:
    return model.metric is not None and math.isfinite(model.metric)


def _mapping(value: Any) -> Any:
    return value.mapping() if isinstance(value, Search) else value
