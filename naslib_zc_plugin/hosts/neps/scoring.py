"""Scores of configurations' networks, once per network and run; and what else the optimizers of a run share."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Union

import torch
from neps import runtime
from neps.space.neps_spaces.parameters import PipelineSpace
from neps.state.trial import Trial
from torch import nn
from torch.nn.parameter import is_lazy

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.candidates import stand_in
from naslib_zc_plugin.hosts._scoring import BatchSource, Images, JoinedProxies, NamedProxy, proxy_fitness
from naslib_zc_plugin.hosts.neps.pipelines import Config, Named, Pipelines
from naslib_zc_plugin.hosts.neps.records import RunRecord, objective
from naslib_zc_plugin.passes.inputs import tree_map
from naslib_zc_plugin.passes.seeding import Turn, derived_seed, kept_random_states, seed_everything
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.registry import check_options
from naslib_zc_plugin.scoring import Score, score
from naslib_zc_plugin.strategies import HOPELESS, AllFailed, NoScore, ProxyAgreement, Trust, is_control, proxy_agreement
from naslib_zc_plugin.strategies._strategy import LOWEST, one_of

Proxy = Union[NamedProxy, Callable[..., Any]]
Members = Mapping[str, Score]
Trials = Mapping[str, Trial]
_TOLD = 10  # results between two lines of the log
logger = logging.getLogger(__name__)


class PipelineScorer:
    """Scores the networks of a space's configurations; higher is better.

    All that is random depends on the seed and the network: a score is the same in every process and order.

    Args:
        pipelines: the networks.
        record: where scores are kept.
        proxy: name of a proxy, a mapping with ``name`` and its options, name of an aggregate such as
            ``"recommended"``, or a function of the network, higher is better.
        dataset: name of images of this project, such as ``"digits"``, or a mapping with ``source`` and its options
            (:class:`naslib_zc_plugin.hosts._scoring.BatchSource`).
        batch: instead of it, a function that returns inputs and labels, inputs alone or a DataLoader: itself, or
            ``"module:function"``.
        shape: instead of both, of a sample of noise, such as (3, 32, 32), for proxies that need no data.
        preset, batch_size: likewise.
        seed: of the images, the weights, the proxy's draws and an aggregate's sample.
        device: where networks are scored.
        sample: number of networks in an aggregate's sample.

    Raises:
        ValueError: the proxy or preset is unknown, not one of dataset, batch and shape is given, a function has no
            name, or the images are too few.
        DataError: the images cannot be read.
    """

    def __init__(
        self, pipelines: Pipelines, record: RunRecord, proxy: Proxy, *, dataset: Images | None = None,
        batch: Named | None = None, shape: Sequence[int] | None = None, preset: str = "", batch_size: int = 64,
        seed: int = 0, device: str = "cpu", sample: int = SAMPLE,
    ) -> None:  # fmt: skip
        self.pipelines, self._record, self._seed, self._device = pipelines, record, seed, torch.device(device)
        self._function: Callable[[Any], float] | None = None
        self.known: dict[str, Members] = {}
        if callable(proxy):
            self._function, self.label = proxy_fitness(named_function("proxy", proxy)), proxy.__name__
            if dataset is not None or batch is not None or shape is not None:
                raise ValueError("a function as proxy gets the network alone: leave dataset, batch and shape out")
            return
        for option, given in (("proxy", proxy), ("dataset", dataset)):
            if not isinstance(given, (str, Mapping, type(None))):
                raise ValueError(
                    f"{option}= must be a name, or a mapping with a name and options, not a {type(given).__name__}: "
                    "NePS compares options by what it can write to disk"
                )
        self.proxies = JoinedProxies(proxy, sample)
        self.label = self.proxies.label
        if sum(each is not None for each in (dataset, batch, shape)) != 1:
            raise ValueError(
                "give one of dataset= (images of this project), batch= (a function that returns a batch, or its name "
                "'module:function') and shape= (of a sample of noise, such as (3, 32, 32))"
            )
        made = None if batch is None else named_function("batch", batch)()
        if shape is not None:
            made = stand_in(tuple(shape), None, batch_size, seed)
        self._source = BatchSource(dataset, made, preset, batch_size, seed)

    def __call__(self, config: Config) -> float:
        """Return the score of a configuration's network.

        Raises:
            NoScore: it has none; the message gives the reason.
        """
        key = self.pipelines.key(config)
        return self.fitness(self._members(key, config))

    def fitness(self, found: Members) -> float:
        """Return the score that a network's members make.

        Raises:
            NoScore: they make none.
        """
        if self._function is None:
            return self.proxies.fitness(self.proxies.joined(found, self._sample))
        only = found[self.label]
        if only.value is None:
            raise NoScore(only.reason, only.status == "failed")
        return only.value

    def learn(self, line: Mapping[str, Any]) -> None:
        """Take over a line of the record that holds a network's scores.

        Raises:
            ValueError: the scores are another proxy's.
        """
        read = {label: {**each, "detours": tuple(each.get("detours", ()))} for label, each in line["scores"].items()}
        found = {label: Score(**each) for label, each in read.items()}
        wanted = [self.label] if self._function else [each.label for each in self.proxies.requests]
        if list(found) != wanted:
            raise ValueError(
                f"{self._record.path} holds scores by {', '.join(found)}, not by {', '.join(wanted)}: another search "
                "has run there; take another root_directory"
            )
        self.known[line["network"]] = found

    def _sample(self, count: int) -> Iterator[Members]:
        for config in self.pipelines.draw(count, self._seed, "sample"):
            yield self._members(self.pipelines.key(config), config)

    def _members(self, key: str, config: Config) -> Members:
        if key not in self.known:
            found = self._score(key, config)
            self.known[key] = found
            self._record.add({"network": key, "scores": {label: asdict(each) for label, each in found.items()}})
        return self.known[key]

    def _score(self, key: str, config: Config) -> Members:
        start, seed = time.perf_counter(), derived_seed(self._seed, key)
        batch = None if self._function else self._source.batch("", key)
        try:
            net = materialized(self.pipelines.network(config, seed), batch, seed)
        except Exception as error:
            return self._failed(f"the network cannot be built: {type(error).__name__}: {error}")
        if self._function is not None:
            try:
                value, status, reason = self._function(net), "ok", ""
            except NoScore as error:
                value, status, reason = None, "failed" if error.failed else "undefined", str(error)
            return {self.label: Score(value, status, reason, time.perf_counter() - start, None, self.label, 1)}
        batch = tree_map(lambda each: each.to(self._device), batch)
        asked = [self._source.request(each, "") for each in self.proxies.requests]
        return score(net.to(self._device), batch, asked, seed=seed, weights=self.proxies.weights)

    def _failed(self, reason: str) -> Members:
        failed = partial(Score, None, "failed", reason, 0.0, None)
        if self._function is not None:
            return {self.label: failed(self.label, 1)}
        infos = {each.label: describe(each.name) for each in self.proxies.requests}
        return {label: failed(info.name, info.version) for label, info in infos.items()}


class Guide:
    """What the optimizers of one run share: the proxy, its record, and whether it is still followed.

    Attributes:
        scorer: the proxy.
        keys: names of the trials' networks, by trial.
        asked: these names, and those of what was proposed since.
        proposed: scores by trial, as they were known when it was proposed.
        number: of the trial that is proposed next, from 0.
        ranked: configurations that a warm-up evaluates, the best first; None until they are known.
        last_error: message of the last call that failed.
    """

    def __init__(
        self, space: PipelineSpace, proxy: Proxy, trust: str, if_all_fail: str, build: Named | None, argument: str,
        **scoring: Any,
    ) -> None:  # fmt: skip
        check_options("the proxy", PipelineScorer, scoring | {"pipelines": 0, "record": 0, "proxy": 0})
        one_of("if_all_fail", if_all_fail, "stop", "go_on")
        automatic = one_of("trust", trust, "always", "auto") == "auto"
        self._stop = if_all_fail == "stop"
        made_by = None if build is None else named_function("build", build)
        self.record = RunRecord()
        self.pipelines = Pipelines(space, made_by, argument)
        self.scorer = PipelineScorer(self.pipelines, self.record, proxy, **scoring)
        self.asked: set[str] = set()
        self.proposed: dict[str, float | None] = {}
        self.ranked: list[Config] | None = None
        self.number = 0
        self._trust = Trust(automatic)
        self._before = runtime._WORKER_NEPS_STATE  # of a run that this optimizer has no part in
        self.keys: dict[str, str] = {}
        self._told: dict[str, tuple[float | None, float]] = {}  # by trial
        self._first = self._warned = ""  # reason
        self._several = False
        self.last_error = ""

    def look(self, trials: Trials) -> None:
        """Take in what is known: the record's new lines, and the trials with their results."""
        self.record.open(self._folder(trials))
        for line in self.record.news():
            if "scores" in line:
                self.scorer.learn(line)
            elif "warm_up" in line:
                self.ranked = line["warm_up"]
            elif "trial" in line:
                self.proposed[line["trial"]] = line["score"]
        for name, trial in trials.items():
            if name not in self.keys:
                self.keys[name] = self.pipelines.key(trial.config)
        self.asked = {self.keys[name] for name in trials}
        ended = [(trial.metadata.time_end or 0.0, name) for name, trial in trials.items() if name not in self._told]
        for _, name in sorted(ended):
            self._tell(name, trials[name])

    def _tell(self, name: str, trial: Trial) -> None:
        result = objective(trial)
        if result is None:
            if trial.report is not None and isinstance(trial.report.objective_to_minimize, list) and not self._several:
                self._several = True
                logger.warning("results of several objectives: whether the proxy agrees with them is not known")
            return
        value = self.proposed.get(name)
        self._told[name] = (value, -result)
        if value is not None:
            self._trust.score(self.keys[name], value)
        self._trust.tell(self.keys[name], -result)
        self.follows()  # after each result, so that a run that goes on decides as it did
        if len(self._told) % _TOLD == 0:
            logger.info("%s", self.agreement().sentence())

    def value(self, key: str) -> float | None:
        """Return the score of a network that was scored; None: it has none, or was not."""
        try:
            return self.scorer.fitness(self.scorer.known[key]) if key in self.scorer.known else None
        except NoScore:
            return None

    def follows(self) -> float:
        """Return how far the proxy is followed, controls apart, from 0 to 1."""
        return self._trust.follows()

    def is_control(self, is_warm_up: bool = False) -> bool:
        """Return whether the trial of the number is chosen without the proxy, which is still followed."""
        since = 0 if is_warm_up else self._trust.since
        return self._trust.automatic and is_control(self.number, since) and self.follows() > 0

    def control(self, config: Config) -> tuple[Config, str]:
        """Score a configuration that was chosen without the proxy; return it with what has chosen it."""
        self.asked.add(self.pipelines.key(config))
        self.scored([config])
        return config, "control"

    def agreement(self) -> ProxyAgreement:
        """Return how well the proxy agrees with the results so far."""
        both = [(value, fitness) for value, fitness in self._told.values() if value is not None]
        return proxy_agreement([value for value, _ in both], [fitness for _, fitness in both])

    def scored(self, configs: Sequence[Config], least: int = HOPELESS) -> list[float]:
        """Return the scores of configurations, :data:`LOWEST` where there is none.

        Raises:
            AllFailed: ``least`` networks or more were scored in all, and none has a score.
        """
        found = [self._scored(config) for config in configs]
        if self._first and len(self.scorer.known) >= least:
            message = f"none of {len(self.scorer.known)} networks has a score by {self.scorer.label}: {self._first}"
            if self._stop:
                raise AllFailed(f"{message}. Mend that, or search on without the proxy with if_all_fail='go_on'")
            if self._first != self._warned:
                logger.warning("%s; the search goes on without the proxy", message)
            self._warned = self._first
        return found

    def _scored(self, config: Config) -> float:
        try:
            value = self.scorer(config)
        except NoScore as error:
            logger.info("a network has no score: %s", error)
            if not any(self.value(key) is not None for key in self.scorer.known):
                self._first = self._first or str(error)
            return LOWEST
        self._first = ""
        return value

    def _folder(self, trials: Trials) -> Path | None:
        """Return the directory of the run that asks; None where NePS's ask-and-tell does."""
        state = runtime._WORKER_NEPS_STATE
        if state is None or state is self._before:
            return None
        folder = Path(state.path)
        if trials and not any(Path(each.metadata.location).is_relative_to(folder) for each in trials.values()):
            return None
        return folder


def materialized(net: nn.Module, batch: Any, seed: int) -> nn.Module:
    """Return a network whose lazy modules have the parameters that a run on a batch gives them, drawn by the seed."""
    if batch is not None and any(map(is_lazy, [*net.parameters(), *net.buffers()])):
        few, training = tree_map(lambda each: each[:1], batch[0]), net.training
        with Turn("states"), kept_random_states(), torch.no_grad():
            seed_everything(seed, "lazy modules")
            net.eval()
            net(**few) if isinstance(few, dict) else net(*few) if isinstance(few, (tuple, list)) else net(few)
        net.train(training)
    return net


def named_function(option: str, given: Any) -> Callable[..., Any]:
    """Return a function that NePS can name in its files: itself, or that of ``"module:function"``.

    NePS compares options by their names when a run goes on, so that what has none could be another one then.

    Raises:
        ValueError: it has no name, or cannot be found.
    """
    if isinstance(given, str):
        module, _, name = given.partition(":")
        try:
            given = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{option}={module}:{name} names no function: write 'module:function' ({error})"
            ) from error
    if not inspect.isfunction(given) or "<" in given.__qualname__:
        raise ValueError(
            f"{option}= must be a function at the top of a module, or its name 'module:function', not "
            f"{str(given)[:80]}: NePS writes options to disk by name, and compares them when a run goes on"
        )
    return given
