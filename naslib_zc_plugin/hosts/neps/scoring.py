"""The score of a configuration's network: computed once per network and run, kept in the run's record."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from typing import Any, Callable, Union

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.candidates import stand_in
from naslib_zc_plugin.hosts._scoring import BatchSource, Images, JoinedProxies, NamedProxy, proxy_fitness
from naslib_zc_plugin.hosts.neps.pipelines import Config, Named, Pipelines
from naslib_zc_plugin.hosts.neps.records import RunRecord
from naslib_zc_plugin.passes.inputs import tree_map
from naslib_zc_plugin.passes.seeding import Turn, derived_seed, kept_random_states, seed_everything
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.scoring import Score, score
from naslib_zc_plugin.strategies import NoScore

Proxy = Union[NamedProxy, Callable[..., Any]]
Members = Mapping[str, Score]


class PipelineScorer:
    """Scores the networks of a space's configurations; higher is better.

    All that is random depends on the seed and the network: a score is the same in every process and order.

    Args:
        pipelines: the networks.
        record: where scores are kept.
        proxy: name of a proxy, a mapping with ``name`` and its options, name of an aggregate such as
            ``"recommended"``, or a function of the network, higher is better.
        dataset: images of this project, such as ``"digits"`` (:class:`naslib_zc_plugin.hosts._scoring.BatchSource`).
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
