"""Our strategies as NASLib's optimizers: they ask and are told, ``Trainer`` owns the loop.

What they read of a configuration (:func:`config_value`, :func:`strategy_options`), how they query NASLib's benchmarks
(:class:`GraphBenchmark`), and how their state gets into NASLib's checkpoints (:class:`StateModule`) is here as well.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from typing import Any, Callable

import torch
from naslib.optimizers.core.metaclasses import MetaOptimizer
from naslib.search_spaces.core.query_metrics import Metric
from torch import Tensor, nn

from naslib_zc_plugin.hosts._scoring import proxy_fitness
from naslib_zc_plugin.hosts._session import SearchSession, Trial
from naslib_zc_plugin.hosts.naslib.domains import domain
from naslib_zc_plugin.hosts.naslib.graphs import build, check_network, spec_from
from naslib_zc_plugin.hosts.naslib.predictor import ZeroCostPredictor
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.strategies import (
    OPTIONS_ELSEWHERE,
    STRATEGIES,
    Exhausted,
    ProxyAgreement,
    check_settings,
    option_names,
)

State = dict[str, Any]
Statistics = tuple[float, float, float, float]
REPORTED = (Metric.TRAIN_ACCURACY, Metric.VAL_ACCURACY, Metric.TEST_ACCURACY, Metric.TRAIN_TIME)
"""Metrics of an architecture that ``Trainer`` reports after each epoch."""
_TENSOR = "json_of_{}_bytes"
_ARGUMENTS = ("objective", "proxy", "data", "seed", "preset")
logger = logging.getLogger("naslib.optimizers.zero_cost")  # shown where NASLib shows its own lines


class Search(MetaOptimizer):
    """Any strategy of :mod:`naslib_zc_plugin.strategies`, in ``naslib.defaults.trainer.Trainer``.

    One epoch is one evaluation; scoring by a proxy costs none. An architecture whose evaluation fails has no fitness
    and never wins; the search goes on. Once nothing is left to ask for, epochs evaluate nothing. Of what was evaluated
    the keys are kept, not the graphs. A search that begins again begins from its seed; one that is resumed goes on as
    if it had not been stopped.

    Args:
        strategy: its name.
        config: NASLib's (a ``CfgNode``, any mapping, any object): ``dataset``, and under ``search`` ``seed``,
            ``fidelity`` (the epoch of the training whose accuracy counts, −1: the last) and the strategy's options, by
            our names or NASLib's ``population_size`` and ``sample_size``.
        objective: fitness of an architecture, a function of its parsed graph, higher is better; unless given, NASLib's
            validation accuracy in the benchmark, in NAS-Bench-201 the test accuracy (:mod:`.tables`).
        proxy: for strategies that score: a proxy's name or a mapping with its options, the name of an aggregate, a
            :class:`.predictor.ZeroCostPredictor`, or a function of the parsed graph, higher is better.
        data: for a proxy given by name: arguments of :class:`.predictor.ZeroCostPredictor`, its images above all.
        seed: of all that is drawn, weights included, instead of the configuration's.
        preset: published settings (:data:`naslib_zc_plugin.strategies.PUBLISHED`), which the configuration overrules.
        options: the strategy's own, which overrule both; see its class in :mod:`naslib_zc_plugin.strategies`.

    Raises:
        ValueError, TypeError: the strategy or proxy is unknown, or an option is wrong.

    >>> from naslib_zc_plugin.hosts.naslib import Search  # doctest: +SKIP
    >>> optimizer = Search("area", config, proxy="naswot", data={"dataset": "digits"})  # doctest: +SKIP
    >>> optimizer.adapt_search_space(NasBench201SearchSpace(), dataset_api=dataset_api())  # doctest: +SKIP
    >>> Trainer(optimizer, config).search()  # doctest: +SKIP
    """

    using_step_function = False

    def __init__(
        self, strategy: str, config: Any, *, objective: Callable[[Any], float] | None = None, proxy: Any = None,
        data: Mapping[str, Any] | None = None, seed: int | None = None, preset: str = "", **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config, self._strategy, self._objective = config, strategy, objective
        self._preset = preset or config_value(config, "search.preset", "")
        self._options = {**strategy_options(strategy, config), **options}
        self._seed = int(config_value(config, "search.seed", 0) if seed is None else seed)
        check_settings(strategy, _ARGUMENTS, preset=self._preset, **self._options)
        if proxy is None and STRATEGIES.load(strategy).follows_score:
            raise ValueError(f"{strategy} needs proxy=, such as 'naswot'")
        if isinstance(proxy, (str, Mapping, ProxyRequest)):
            proxy = ZeroCostPredictor(proxy, **{"seed": self._seed, **(data or {})})
        self._predictor = predictor = proxy if isinstance(proxy, ZeroCostPredictor) else None
        if predictor is not None:

            def proxy(graph: Any) -> float:
                return predictor.proxies.fitness(predictor.score(graph))

        self._proxy = None if proxy is None else proxy_fitness(proxy)
        self._checkpoint = StateModule(self.state_dict, self.load_state_dict)
        self._session: SearchSession | None = None

    @property
    def session(self) -> SearchSession:
        """The search since it began, or began again."""
        if self._session is None:
            raise ValueError("the search has no space yet: call adapt_search_space() first")
        return self._session

    @property
    def history(self) -> list[Trial]:
        """(key, fitness or None) of every evaluated architecture, in the order told."""
        return self._session.history if self._session else []

    def agreement(self) -> ProxyAgreement | None:
        """Return how well the proxy agrees with the fitness of what was evaluated; None without a proxy."""
        return self._session.agreement() if self._session else None

    def adapt_search_space(self, search_space: Any, scope: Any = None, dataset_api: Any = None) -> None:
        """Search a space of NASLib's.

        Args:
            search_space: a graph without architecture; it stays as it is.
            scope: not used; strategies change the whole architecture.
            dataset_api: the data of the space's ``query``, such as :func:`.tables.dataset_api` returns.

        Raises:
            ValueError, TypeError: an option is wrong, the space cannot be searched, or it cannot be queried and there
                is no objective.
        """
        if self._proxy is not None:
            check_network(search_space)
        self.search_space, self.dataset_api = search_space.clone(), dataset_api
        if self._predictor is not None and self._predictor.search_space is None:
            self._predictor.search_space, self._predictor.dataset_api = self.search_space, dataset_api
        self._benchmark = GraphBenchmark(self.search_space, config_value(self.config, "dataset", ""), dataset_api)
        if self._objective is None and not self._benchmark.answers:
            raise ValueError("what is an architecture worth? Give dataset_api= to query, or the optimizer objective=")
        self._domain = domain(self.search_space, dataset_api)
        self.before_training()

    def before_training(self) -> None:
        """Begin anew; a state that is to be continued is loaded after this."""
        proxy = self._proxy
        self._session = SearchSession(
            self._strategy, self._domain, None if proxy is None else lambda key: proxy(self._build(key)),
            seed=self._seed, preset=self._preset, **self._options,
        )  # fmt: skip
        self._epoch = -1

    def new_epoch(self, epoch: int) -> None:
        """Evaluate one architecture, unless this epoch's is known or there is none left."""
        self._epoch = epoch
        if epoch < len(self.history):
            return  # NASLib begins to count anew when a checkpoint of another folder is resumed
        try:
            key = self.session.ask()
        except Exhausted as error:
            level = logging.WARNING if epoch == len(self.history) else logging.INFO  # the first of them, the others
            logger.log(level, "epoch %d evaluates nothing, and repeats what is known: %s", epoch, error)
            return
        self.session.tell(key, self._fitness(key))

    def _fitness(self, key: str) -> float | None:
        try:
            if self._objective is not None:
                found = float(self._objective(self._build(key)))
            else:
                epoch = config_value(self.config, "search.fidelity", -1)
                found = float(self._benchmark.query(key, Metric.VAL_ACCURACY, epoch))
        except Exception as error:
            self.session.first_failure = self.session.first_failure or f"{type(error).__name__}: {error}"
            logger.warning("the evaluation of %s failed; the search goes on", key, exc_info=True)
            return None
        return found if math.isfinite(found) else None

    def after_training(self) -> None:
        """Say how well the proxy agreed with what was evaluated, and whether anything has a fitness."""
        self.session.say_ending(logger)

    def _build(self, key: str) -> Any:
        return build(self.search_space, key, self.dataset_api, self._seed)

    def train_statistics(self, report_incumbent: bool = True) -> Statistics:
        """Return train, validation and test accuracy and training time, of the best so far or of the last evaluated.

        NaN stands for what does not exist: all of it while nothing has a fitness; of a space without benchmark all but
        the validation accuracy, which is the fitness.
        """
        trial = (self.session.best if report_incumbent else self.session.last)(self._epoch)
        if trial is None:
            return math.nan, math.nan, math.nan, math.nan
        if self._benchmark.answers:
            return self._benchmark.reported(trial[0])
        return math.nan, math.nan if trial[1] is None else trial[1], math.nan, math.nan

    def test_statistics(self) -> Any:
        """Return all that the benchmark has on the best so far; None where there is neither."""
        trial = self.session.best(self._epoch)
        return self._benchmark.raw(trial[0]) if trial and self._benchmark.answers else None

    def get_final_architecture(self) -> Any:
        """Return the parsed graph of the best architecture.

        Raises:
            ValueError: none was evaluated, or none has a fitness.
        """
        best = self.session.strategy.best
        if best is None:
            raise ValueError(f"none of {len(self.history)} evaluated architectures has a fitness: there is no best one")
        return self._build(best[0])

    def get_op_optimizer(self) -> Any:
        """Raise ``NotImplementedError``: no weights are learnt."""
        raise NotImplementedError("a search that trains no weights has no optimizer of them")

    def get_checkpointables(self) -> dict[str, Any]:
        """Return a module that holds the search's state."""
        return {"model": self._checkpoint}

    def state_dict(self) -> State:
        """Return the state of the search, as values that JSON knows."""
        sample = self._predictor.proxies.state_dict() if self._predictor is not None else None
        return {**self.session.state_dict(), **({} if sample is None else {"sample": sample})}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue a search that had the same arguments.

        Raises:
            ValueError: the state is another strategy's, or damaged.
        """
        self.session.load_state_dict(state)
        if self._predictor is not None:
            self._predictor.proxies.load_state_dict(state.get("sample"))
        self._epoch = len(self.history) - 1


class RandomSearch(Search):
    """Random search, :mod:`naslib_zc_plugin.strategies.random_search`; arguments of :class:`Search`.

    Like NASLib's of that name, it draws what it may have drawn before, unless ``distinct``.
    """

    def __init__(self, config: Any, **options: Any) -> None:
        super().__init__("random_search", config, **options)


class AgingEvolution(Search):
    """Ageing evolution, :mod:`naslib_zc_plugin.strategies.aging_evolution`; arguments of :class:`Search`.

    In NAS-Bench-201 NASLib's own, ``RegularizedEvolution``, leaves cells without input or output out of its first
    population; this one draws from all 15,625.
    """

    def __init__(self, config: Any, **options: Any) -> None:
        super().__init__("aging_evolution", config, **options)


class Area(Search):
    """A proxy picks the first population, :mod:`naslib_zc_plugin.strategies.area`; arguments of :class:`Search`."""

    def __init__(self, config: Any, *, proxy: Any, **options: Any) -> None:
        super().__init__("area", config, proxy=proxy, **options)


class WarmUp(Search):
    """A proxy ranks what is evaluated first, :mod:`naslib_zc_plugin.strategies.warm_up`.

    Arguments of :class:`Search`. The whole pool is scored in the first epoch.
    """

    def __init__(self, config: Any, *, proxy: Any, **options: Any) -> None:
        super().__init__("warm_up", config, proxy=proxy, **options)


class Move(Search):
    """A proxy chooses child or parent, :mod:`naslib_zc_plugin.strategies.move`; arguments of :class:`Search`."""

    def __init__(self, config: Any, *, proxy: Any, **options: Any) -> None:
        super().__init__("move", config, proxy=proxy, **options)


class GraphBenchmark:
    """Answers for keys as ``Graph.query`` does for graphs.

    Copying a graph and giving it an architecture takes most of a search's time, and graphs that are kept its memory
    (NASLib's issue 142). Where a space can hold an architecture without its network, one graph takes them all in turn.

    Args:
        search_space: a graph without architecture; it stays as it is.
        dataset: NASLib's name of the images.
        dataset_api: the data of the space's ``query``.
    """

    def __init__(self, search_space: Any, dataset: str, dataset_api: Any) -> None:
        self._space, self._dataset, self._api = search_space, dataset, dataset_api
        self._reused = hasattr(search_space, "instantiate_model")
        self._graph = search_space.clone()
        if self._reused:
            self._graph.instantiate_model = False

    @property
    def answers(self) -> bool:
        """Whether there is anything to query."""
        return bool(self._space.QUERYABLE) and self._api is not None

    def query(self, key: str, metric: Metric, epoch: int = -1) -> Any:
        """Return a metric, as ``Graph.query``; ``epoch`` of the training, −1: its last."""
        graph = self._graph if self._reused else self._space.clone()
        graph.set_spec(spec_from(key, self._space), dataset_api=self._api)
        return graph.query(metric, self._dataset, epoch=epoch, dataset_api=self._api)

    def reported(self, key: str) -> Statistics:
        """Return train, validation and test accuracy and training time; NaN where the benchmark has none."""
        found = (self._query_or_none(key, metric) for metric in REPORTED)
        train, val, test, seconds = (math.nan if each is None else float(each) for each in found)
        return train, val, test, seconds

    def raw(self, key: str) -> Any:
        """Return all that the benchmark has of an architecture; None if it has nothing."""
        return self._query_or_none(key, Metric.RAW)

    def _query_or_none(self, key: str, metric: Metric) -> Any:
        """Return a metric that is only reported, and must not end a search where it is missing."""
        try:
            return self.query(key, metric)
        except Exception as error:
            logger.info("%s of %s: %s: %s", metric.name, key, type(error).__name__, error)
            return None


class StateModule(nn.Module):
    """A module without parameters whose state dict is the state of a search.

    ``Trainer`` gives fvcore's checkpointer the module that an optimizer calls ``"model"``, and nothing else of its
    checkpointables. The checkpointer stores tensors alone, reads them with ``weights_only``, and drops those whose
    shape is not that of the module's own. So the state is JSON in a tensor of bytes, and the tensor's name holds its
    length: two of the same name have the same shape.

    Args:
        save: returns the state, as values that JSON knows.
        load: takes up such a state. Raises ``ValueError`` if it is damaged, or another search's.
    """

    def __init__(self, save: Callable[[], State], load: Callable[[State], None]) -> None:
        super().__init__()
        self._save, self._load = save, load

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        tensor = packed(self._save())
        destination[prefix + _TENSOR.format(len(tensor))] = tensor

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *others: Any) -> None:
        pattern = re.escape(prefix) + _TENSOR.format(r"\d+")
        found = [tensor for name, tensor in state_dict.items() if re.fullmatch(pattern, name)]
        if len(found) != 1:
            held = ", ".join(list(state_dict)[:3]) or "nothing"
            raise ValueError(f"no checkpoint of a search of ours: it holds {held}; resume it with what has written it")
        self._load(unpacked(found[0]))


def packed(state: State) -> Tensor:
    """Return a state as bytes, shape (length of its JSON,).

    Raises:
        ValueError: it holds NaN or an infinity, which JSON does not know.
    """
    return torch.frombuffer(bytearray(json.dumps(state, allow_nan=False).encode()), dtype=torch.uint8)


def unpacked(tensor: Tensor) -> State:
    """Return the state that :func:`packed` was given, with lists for tuples.

    Raises:
        ValueError: the bytes are no JSON, or none of a mapping.
    """
    try:
        state = json.loads(tensor.cpu().numpy().astype("uint8").tobytes().decode())
    except ValueError as error:
        raise ValueError(f"a damaged checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"a damaged checkpoint: a mapping was expected, found {type(state).__name__}")
    return state


def config_value(config: Any, path: str, default: Any = None) -> Any:
    """Return a value of a configuration; ``default`` where it has none, or None.

    Args:
        config: mappings or objects, one in the other.
        path: dotted, such as ``"search.seed"``.
        default: returned otherwise.
    """
    for name in path.split("."):
        config = config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)
    return default if config is None else config


def option_spellings(strategy: str) -> dict[str, list[str]]:
    """Return the options of a strategy and, for each, the names that ``config.search`` may use.

    Raises:
        ValueError: the strategy is unknown.
    """
    theirs = {ours: name for name, ours in OPTIONS_ELSEWHERE.items()}
    names = option_names(STRATEGIES.load(strategy))
    return {name: [name, *([theirs[name]] if name in theirs else [])] for name in names}


def strategy_options(strategy: str, config: Any) -> dict[str, Any]:
    """Return the options of a strategy that ``config.search`` holds, by our names.

    They are there under their own name or NASLib's (:data:`.OPTIONS_ELSEWHERE`), beside options of other optimizers. A
    strategy that is put ``around`` another and given by its name alone gets its options from there as well.

    Raises:
        ValueError: the strategy is unknown, or a setting is there under both names.
    """
    found: dict[str, Any] = {}
    for name, spellings in option_spellings(strategy).items():
        there = [each for each in spellings if config_value(config, f"search.{each}") is not None]
        if len(there) > 1:
            raise ValueError(f"config.search has {' and '.join(there)}, which are the same: leave one out")
        if there:
            found[name] = config_value(config, f"search.{there[0]}")
    if isinstance(found.get("around"), str):
        found["around"] = {"name": found["around"], **strategy_options(found["around"], config)}
    return found
