"""Our strategies as NNI's: they ask and are told, NNI's engine evaluates; and searches of ours in NNI's experiments."""

from __future__ import annotations

import copy
import logging
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Callable

import nni
from nni.nas.evaluator import Evaluator
from nni.nas.execution import ExecutionEngine
from nni.nas.execution.event import ModelEventType, TrainingEndEvent
from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig
from nni.nas.hub.pytorch import NasBench201
from nni.nas.space import ExecutableModelSpace, ModelStatus
from nni.nas.strategy import Random, RegularizedEvolution
from nni.nas.strategy.base import Strategy, StrategyStatus
from nni.nas.strategy.evolution import Individual
from nni.nas.strategy.middleware import Chain
from nni.nas.strategy.utils import DuplicationError

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts._scoring import JoinedProxies, proxy_fitness, quiet
from naslib_zc_plugin.hosts._session import SearchSession, Trial
from naslib_zc_plugin.hosts.nni.domains import domain
from naslib_zc_plugin.hosts.nni.samples import key_of
from naslib_zc_plugin.hosts.nni.scoring import Scorer, network
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.search.loop import Evaluate

_SPACES: dict[str, Callable[[], Any]] = {"nasbench201": lambda: NasBench201(4, 1)}
"""Model spaces of our search spaces' keys; as small as can be, for no network is built here."""
_ARGUMENTS = ("seed", "preset", "proxy", "dataset", "batch")
_EVERY = 50  # scores between lines of the log
logger = logging.getLogger("nni.nas.strategy.zero_cost")  # shown where NNI shows its own strategies' lines


class Search(Strategy):
    """Any strategy of :mod:`naslib_zc_plugin.strategies`, in an experiment of NNI.

    Architectures are asked for one by one, whenever the engine has a free worker and budget left; their fitness is told
    as it comes. One whose evaluation fails has no fitness and never wins; the search goes on. Scoring by a proxy
    happens outside of the engine and costs no trial. Architectures may come twice, unless the strategy avoids it: with
    one worker the history is that of the strategy without NNI. A search that is resumed evaluates first what was under
    way.

    Args:
        strategy: its name, or a strategy that is ready.
        seed: of all that is drawn.
        preset: published settings (:data:`naslib_zc_plugin.strategies.PUBLISHED`), which ``options`` overrule.
        proxy: for strategies that score: a proxy's name or a mapping with its options, the name of an aggregate such as
            ``"recommended"``, an evaluator or a profiler of ours, or a function of the network, higher is better.
        dataset, batch: images for a proxy given by name (:class:`.scoring.Scorer`).
        options: the strategy's own, see its class in :mod:`naslib_zc_plugin.strategies`; also by NNI's names
            ``population_size`` and ``sample_size``, and with those of a strategy that is named as ``around``.

    Raises:
        ValueError, TypeError: the strategy or proxy is unknown, or an option is wrong.

    >>> from naslib_zc_plugin.hosts.nni import Search  # doctest: +SKIP
    >>> NasExperiment(NasBench201(), evaluator, Search("area", proxy="naswot", dataset="digits"))  # doctest: +SKIP
    """

    def __init__(
        self, strategy: str | strategies.Strategy, *, seed: strategies.Seed = 0, preset: str = "", proxy: Any = None,
        dataset: Any = None, batch: Any = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self._strategy, self._seed, self._preset = strategy, seed, preset
        self._options = {name: _plain_option(value) for name, value in options.items()}
        self._around = self._nni_strategy()
        if isinstance(strategy, str):
            plain = {**self._options, "around": "random_search"} if self._around else self._options
            strategies.check_settings(strategy, _ARGUMENTS, preset=preset, **plain)
            if proxy is None and strategies.STRATEGIES.load(strategy).follows_score:
                raise ValueError(f"{strategy} needs proxy=, such as 'synflow'")
        data = {"dataset": dataset, "batch": batch, "seed": seed}
        self._proxy: Callable[[ExecutableModelSpace], float] | None = None
        self._joined: JoinedProxies | None = None
        if proxy is not None:
            self._proxy, self._joined = _proxy_fitness(proxy, data)
        self._session: SearchSession | None = None
        self._earlier: list[ExecutableModelSpace] = []  # evaluated before an interruption
        self._loaded: Mapping[str, Any] = {}  # a state that waits for what it belongs to

    @property
    def history(self) -> list[Trial]:
        """(key, fitness or None) of every evaluated architecture, in the order told."""
        return self._session.history if self._session else []

    def agreement(self) -> strategies.ProxyAgreement | None:
        """Return how well the proxy agrees with the metrics of what was evaluated; None without a proxy."""
        return self._session.agreement() if self._session else None

    def mapping(self) -> dict[str, Any]:
        """Return name and options, as ``around`` of a warm-up takes them.

        Raises:
            ValueError: it was made of a strategy that is ready.
        """
        if not isinstance(self._strategy, str) or self._around:
            raise ValueError("a strategy that is ready cannot be described: give its name and options")
        preset = {"preset": self._preset} if self._preset else {}
        return {"name": self._strategy, **preset, **self._options}

    def extra_repr(self) -> str:
        """Return name and options, for ``repr``."""
        name = self._strategy if isinstance(self._strategy, str) else type(self._strategy).__name__
        return ", ".join([name, f"seed={self._seed}", *(f"{key}={each!r}" for key, each in self._options.items())])

    def _initialize(self, model_space: ExecutableModelSpace, engine: ExecutionEngine) -> ExecutableModelSpace:
        # A table of another space would fail one model after the other.
        check = getattr(getattr(model_space, "evaluator", None), "check_space", None)
        if check is not None:
            check(model_space.simplify().keys())
        self._domain = domain(model_space)
        options = {**self._options, "around": _HandOver(self._domain)} if self._around else self._options
        self._session = SearchSession(
            self._strategy, self._domain, None if self._proxy is None else self._score,
            seed=self._seed, preset=self._preset, **options,
        )  # fmt: skip
        if self._loaded:
            self.load_state_dict(self._loaded)
        engine.register_model_event_callback(ModelEventType.TrainingEnd, self._on_end)
        return model_space

    def _score(self, key: str) -> float:
        assert self._session is not None and self._proxy is not None
        if len(self._session.scores) % _EVERY == _EVERY - 1:
            none = sum(score is None for score in self._session.scores.values())
            logger.info("[Proxy] %d architectures scored, %d without a score", len(self._session.scores), none)
        return self._proxy(self._model(key))

    def _run(self) -> None:
        assert self._session is not None
        if self._around is None or not _draws_at_random(self._around):
            self._ask_and_submit(self._session)
        if self._around is not None and self._within_budget():
            space = self._best_first(self._session) if _draws_at_random(self._around) else self.model_space
            self._around.initialize(space, self.engine)
            self._remind(self._around)
            logger.info("%s goes on from the warm-up", self._around)
            self._around.run()
        self.engine.wait_models()
        self._session.say_ending(logger)

    def _ask_and_submit(self, session: SearchSession) -> None:
        while self.wait_for_resource() and self._within_budget():
            try:
                key = session.ask()
            except strategies.Exhausted as error:
                logger.info("%s", error)
                break
            self._submit(key)
        self.engine.wait_models()

    def _nni_strategy(self) -> Strategy | None:
        """Return the strategy of NNI that is to go on from a warm-up; None if it is one of ours.

        Raises:
            ValueError: it submits no models.
        """
        around = self._options.get("around")
        if not isinstance(around, Strategy):
            return None
        if any(each.__module__.startswith("nni.nas.oneshot") for each in type(around).__mro__):
            raise ValueError(f"{type(around).__name__} trains one network with all choices in it: nothing to warm up")
        return around

    def _remind(self, around: Strategy) -> None:
        """Tell a strategy of NNI what was evaluated before an interruption.

        Its own state is no part of ours: torch does not load NNI's population without trust in the whole file.
        """
        inside: Any = around[0] if isinstance(around, Chain) else around
        for key, fitness in self.history:
            sample = self._domain.to_sample(key)
            if getattr(inside, "_dedup_helper", None) is not None:
                with suppress(DuplicationError):
                    inside._dedup_helper.dedup(sample)
            if isinstance(inside, RegularizedEvolution) and fitness is not None:
                inside._population.append(Individual(sample, fitness))
        if isinstance(inside, RegularizedEvolution):
            while len(inside._population) > inside.population_size:
                inside._population.popleft()

    def _best_first(self, session: SearchSession) -> ExecutableModelSpace:
        """Return the model space, but the first that are drawn at random in it are the best of the pool."""
        space, given = copy.copy(self.model_space), set()

        def draw(memo: dict[str, Any] | None = None, random_state: Any = None) -> ExecutableModelSpace:
            memo = {} if memo is None else memo
            try:
                while (key := session.ask()) in given:
                    session.withdraw(key)  # NNI's strategies try nothing twice
            except strategies.Exhausted:
                return self.model_space.random(memo=memo, random_state=random_state)
            given.add(key)
            memo.update(self._domain.to_sample(key))
            return self.model_space.freeze(memo)

        space.random = draw
        return space

    def _within_budget(self) -> bool:
        return True

    def _submit(self, key: str) -> None:
        model = self._model(key)
        logger.info("[Individual %4d] %s", len(self.history) + 1, model.sample)
        try:
            self.engine.submit_models(model)
        except Exception as error:
            # The sequential engine hands on the evaluator's error, unless it was made to go on.
            if model.status is not ModelStatus.Failed:
                raise
            if self._session is not None and not self._session.first_failure:
                self._session.first_failure = f"{type(error).__name__}: {error}"
            logger.warning("%s failed; the search goes on", key, exc_info=True)

    def _on_end(self, event: TrainingEndEvent) -> None:
        # An interrupted evaluation has no result: after a resumption it is done again.
        if event.status is ModelStatus.Interrupted or self._session is None:
            return
        fitness = None
        if event.status is ModelStatus.Trained and _has_number(event.model):
            fitness = float(event.model.metric)
            logger.info("[Metric] %f Sample: %s", fitness, event.model.sample)
        key = key_of(event.model.sample)
        if not self._session.tell(key, fitness) and self._around:
            self._session.record(key, fitness)

    def _cleanup(self) -> None:
        self.engine.unregister_model_event_callback(ModelEventType.TrainingEnd, self._on_end)

    def _model(self, key: str) -> ExecutableModelSpace:
        return self.model_space.freeze(self._domain.to_sample(key))

    def list_models(self, sort: bool = True, limit: int | None = None) -> Iterator[ExecutableModelSpace]:
        """Return the evaluated models, those before a resumption included.

        Args:
            sort: the best first, only models with a metric.
            limit: at most so many.

        Raises:
            RuntimeError: nothing was searched yet.
        """
        if self._status in (StrategyStatus.EMPTY, StrategyStatus.INITIALIZED) and not self._earlier:
            raise RuntimeError("the strategy has not been run")
        models = [*self._earlier, *self.engine.list_models()]
        if sort:
            done = [model for model in models if model.status is ModelStatus.Trained and _has_number(model)]
            models = sorted(done, key=lambda model: -float(model.metric))
        return iter(models[:limit])

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the search, as values that JSON knows."""
        if self._session is None:
            return dict(self._loaded)
        sample = self._joined.state_dict() if self._joined else None
        return {**self._session.state_dict(), **({} if sample is None else {"sample": sample})}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue a search that had the same arguments; what was under way then is evaluated first.

        Before the strategy has a model space, the state is kept, and looked at when it gets one.

        Raises:
            ValueError: the state is another strategy's, or damaged.
        """
        self._loaded = state_dict
        if self._session is None:
            return
        self._session.load_state_dict(state_dict)
        if self._joined is not None:
            self._joined.load_state_dict(state_dict.get("sample"))
        self._earlier = []
        for key, fitness in self.history:
            model = self._model(key)
            model.status = ModelStatus.Failed if fitness is None else ModelStatus.Trained
            if fitness is not None:
                model.metrics.final = fitness
            self._earlier.append(model)


class RandomSearch(Search):
    """Random search, :mod:`naslib_zc_plugin.strategies.random_search`; arguments of :class:`Search`."""

    def __init__(self, **options: Any) -> None:
        super().__init__("random_search", **options)


class AgingEvolution(Search):
    """Ageing evolution, :mod:`naslib_zc_plugin.strategies.aging_evolution`; arguments of :class:`Search`.

    NNI's own gives every choice a chance to be drawn anew, perhaps to the same value, and passes over architectures
    that it has seen; this one changes exactly one choice, as the paper does.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("aging_evolution", **options)


class Area(Search):
    """A proxy picks the first population, :mod:`naslib_zc_plugin.strategies.area`; arguments of :class:`Search`."""

    def __init__(self, *, proxy: Any, **options: Any) -> None:
        super().__init__("area", proxy=proxy, **options)


class WarmUp(Search):
    """A proxy ranks what is evaluated first, :mod:`naslib_zc_plugin.strategies.warm_up`.

    Arguments of :class:`Search`; ``around`` may also be another strategy of this module, whose name and options count;
    or any of NNI's that submits models. ``RegularizedEvolution`` and ``Random`` (also in a ``Chain``) then get the
    pool's best where they would draw at random, and so learn from them, and fill a population up at random; others
    begin after them. Their trials are in the history as well. Resumed, evolution has the population of the history, and
    others begin anew.

    >>> from naslib_zc_plugin.hosts.nni import WarmUp  # doctest: +SKIP
    >>> evolution = RegularizedEvolution(population_size=20, sample_size=5)  # doctest: +SKIP
    >>> WarmUp(proxy="synflow", batch=loader, pool=500, evaluate=20, around=evolution)  # doctest: +SKIP
    """

    def __init__(self, *, proxy: Any, **options: Any) -> None:
        super().__init__("warm_up", proxy=proxy, **options)


class Move(Search):
    """A proxy chooses child or parent, :mod:`naslib_zc_plugin.strategies.move`; arguments of :class:`Search`."""

    def __init__(self, *, proxy: Any, **options: Any) -> None:
        super().__init__("move", proxy=proxy, **options)


def run_search(
    strategy: strategies.Strategy,
    evaluate: Evaluate,
    within_budget: Callable[[], bool],
    space: str,
    folder: str | Path | None = None,
) -> None:
    """Ask, evaluate and tell as the loop without a host does, in a ``NasExperiment``.

    Every key becomes a sample of NNI's model space, a model that its sequential engine runs, and a key again for
    ``evaluate``. It all happens in this process, without NNI's server.

    Args:
        strategy: a strategy that is ready.
        evaluate: fitness of a key; an error that it raises ends the search and is raised here.
        within_budget: whether to ask once more.
        space: name of the search space of the keys.
        folder: where NNI keeps its log and its checkpoint; a temporary one, removed at the end, unless given.

    Raises:
        ValueError: NNI has no such space.

    >>> from naslib_zc_plugin.hosts.nni import run_search  # doctest: +SKIP
    >>> run_search(strategy, accuracies.get, lambda: len(told) < 100, "nasbench201")  # doctest: +SKIP
    """
    if space not in _SPACES:
        raise ValueError(f"NNI has the space {', '.join(_SPACES)}, not {space!r}")
    if folder is None:
        with tempfile.TemporaryDirectory() as made:
            return run_search(strategy, evaluate, within_budget, space, made)
    evaluator = _KeyEvaluator(evaluate)
    config = NasExperimentConfig("sequential", "simplified", "local")
    config.experiment_working_directory = str(folder)
    with quiet("nni", logging.CRITICAL), ExitStack() as setup:  # errors are raised below
        # NNI draws weights of its model space: evaluations draw what they draw without it.
        setup.enter_context(kept_random_states())
        search = _BudgetedSearch(strategy, within_budget, begins=setup.close)
        experiment = _UnlistedExperiment(_SPACES[space](), evaluator, search, config)
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


class _KeyEvaluator(Evaluator):
    """Evaluates keys, and keeps the error that ended the search."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self.error: BaseException | None = None

    def _execute(self, model: ExecutableModelSpace) -> None:
        try:
            fitness = self._evaluate(key_of(model.sample))
        except BaseException as error:
            self.error = error
            raise
        if fitness is not None and fitness == fitness:
            nni.report_final_result(fitness)


class _BudgetedSearch(Search):
    """A strategy that is ready, within its caller's budget; an error ends it."""

    def __init__(
        self, strategy: strategies.Strategy, within_budget: Callable[[], bool], begins: Callable[[], None]
    ) -> None:
        super().__init__(strategy)
        self._budget, self._begins = within_budget, begins

    def _run(self) -> None:
        self._begins()
        super()._run()

    def _within_budget(self) -> bool:
        return self._budget()

    def _submit(self, key: str) -> None:
        self.engine.submit_models(self._model(key))

    def _on_end(self, event: TrainingEndEvent) -> None:
        if event.status is not ModelStatus.Failed:
            super()._on_end(event)


class _UnlistedExperiment(NasExperiment):
    """An experiment that leaves no entry in the list of experiments in the user's home."""

    def _start_without_nni_manager(self) -> None:
        pass

    def _stop_without_nni_manager(self) -> None:
        pass


class _HandOver(strategies.Strategy):
    """What follows the pool's best where another strategy goes on from them: nothing."""

    def ask(self) -> str:
        """Raise ``Exhausted``."""
        raise strategies.Exhausted("the pool's best were evaluated")


def _draws_at_random(strategy: Strategy) -> bool:
    """Return whether a strategy of NNI draws what it begins with at random from the model space."""
    return isinstance(strategy[0] if isinstance(strategy, Chain) else strategy, (Random, RegularizedEvolution))


def _proxy_fitness(
    proxy: Any, data: Mapping[str, Any]
) -> tuple[Callable[[ExecutableModelSpace], float], JoinedProxies | None]:
    """Return the fitness of a model by a proxy in any of the forms that :class:`Search` takes, and what keeps state."""
    scorer = proxy if isinstance(proxy, Scorer) else getattr(proxy, "scorer", None)
    if not isinstance(scorer, Scorer) and callable(proxy) and not isinstance(proxy, (str, ProxyRequest)):
        return proxy_fitness(lambda model: proxy(network(model, data["seed"], key_of(model.sample)))), None
    scorer = scorer if isinstance(scorer, Scorer) else Scorer(proxy, **data)
    return proxy_fitness(scorer.fitness), scorer.proxies


def _plain_option(value: Any) -> Any:
    return value.mapping() if isinstance(value, Search) else value


def _has_number(model: ExecutableModelSpace) -> bool:
    return model.metric is not None and math.isfinite(model.metric)
