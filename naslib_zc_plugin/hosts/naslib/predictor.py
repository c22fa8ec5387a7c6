"""Proxies as NASLib's predictors: one, or a set by name, and the numbers that NASLib gets for their scores.

A number is always finite, higher is better, and there is one for a score that does not exist. NASLib ranks predictions,
and feeds them to trees, in single precision. So a number is negated where lower is better; of a synaptic flow, which
reaches 1e50, it is the logarithm (0 stays 0) as in NASLib; beyond ±1e30 it is cut there. A graph without a score comes
last: in a list just below the lowest of the list; alone, where nothing is known of the others, at :data:`LAST`, which
nothing else reaches and which does not depend on earlier questions.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np
from naslib.predictors.predictor import Predictor

from naslib_zc_plugin.aggregates import SAMPLE, aggregate_named
from naslib_zc_plugin.campaign.naslib_json import NAMES, below, naslib_number
from naslib_zc_plugin.hosts._scoring import BatchSource, Images, JoinedProxies, NamedProxy
from naslib_zc_plugin.hosts.naslib.domains import domain
from naslib_zc_plugin.hosts.naslib.shared_scoring import ScorePool, draw_batch, query_of, runs_network
from naslib_zc_plugin.proxies import describe, list_proxies
from naslib_zc_plugin.scoring import Score
from naslib_zc_plugin.strategies import NoScore

ALIASES: Mapping[str, NamedProxy] = MappingProxyType(
    {**{theirs: ours for ours, theirs in NAMES.items()}, "synflow_bn": {"name": "synflow", "keep_norm": "*"}}
)
"""NASLib's names of proxies that have another name here."""
LAST = -2e30
"""The number of a graph without a score, on its own."""
logger = logging.getLogger(__name__)


class ZeroCostPredictor(Predictor):
    """A proxy as a predictor: higher is better, also for proxies whose own direction is the other.

    It takes one graph, as ``ZeroCost`` does, and a list of them, as ``PredictorEvaluator`` gives; it needs no
    training. A graph comes back as it was. What is random depends on the seed and the architecture alone: scores are
    the same whatever was asked before. To share passes among several predictors, make them by :func:`predictors`.

    Args:
        method_type: proxy: name, ours or NASLib's (:data:`ALIASES`); or a mapping with ``name`` and the proxy's
            options; or what :func:`naslib_zc_plugin.proxy` makes; or the name of an aggregate such as
            ``"recommended"``, which ranks a graph, by fresh weights, in a random sample of ``search_space``.
        dataset: images: a source of :func:`naslib_zc_plugin.probes.probe`, a mapping with ``source`` and its options,
            or a ``Probe``.
        batch: instead of it, inputs and labels, or a DataLoader of such pairs, whose first is taken once. With either,
            the loaders that NASLib hands over are not looked at.
        preset: published protocol (:mod:`naslib_zc_plugin.protocols`): how images become a batch, and proxies' options.
        batch_size: images in the batch, without a preset; all where there are fewer.
        seed: of the images, of proxies' draws, and of the weights of graphs that are built here.
        device: where networks are scored; empty: where they are.
        search_space: a graph without architecture, in which specs are built, and an aggregate's sample is drawn.
        dataset_api: for the spaces that need one to set an architecture.
        undefined: result of :meth:`query` where a score does not exist, instead of a number that ranks last.
        ss_type, encoding_type: see NASLib's ``Predictor``; neither matters here.
        pool: scores shared with other predictors, whose images, preset, seed and device it has. :func:`predictors`
            makes it. An aggregate has one of its own, of fresh weights.
        sample: number of graphs in an aggregate's sample.

    Raises:
        ValueError: the proxy or preset is unknown, dataset and batch are both given, or the images are too few.
        TypeError: the proxy or the source has no such option.
        DataError: the images cannot be read.

    >>> from naslib_zc_plugin.hosts.naslib import ZeroCostPredictor  # doctest: +SKIP
    >>> ZeroCostPredictor("naswot", {"source": "digits", "size": 32}).query(graph)  # doctest: +SKIP
    """

    def __init__(
        self, method_type: NamedProxy, dataset: Images | None = None, batch: Any = None, *, preset: str = "",
        batch_size: int = 64, seed: int = 0, device: str = "", search_space: Any = None, dataset_api: Any = None,
        undefined: float | None = None, ss_type: str | None = None, encoding_type: Any = None,
        pool: ScorePool | None = None, sample: int = SAMPLE,
    ) -> None:  # fmt: skip
        super().__init__(ss_type, encoding_type)
        self.proxies = JoinedProxies(_known(method_type), sample)
        self.method_type = method_type if isinstance(method_type, str) else self.proxies.label
        self.search_space, self.dataset_api, self.undefined = search_space, dataset_api, undefined
        self.seed, self.hyperparams, self._runs = seed, None, any(map(runs_network, self.proxies.requests))
        if pool is None or pool.weights != self.proxies.weights:
            asked = self.proxies.requests if self.proxies.aggregate else ()
            pool = score_pool(dataset, batch, preset, batch_size, seed, device, asked, self.proxies.weights)
        self._pool = pool

    def __reduce__(self) -> Any:
        """Return the parts of a copy: one in this process shares the pool."""
        (first, *_), aggregate = self.proxies.requests, self.proxies.aggregate
        proxy = aggregate.text if aggregate else {"name": first.name, **first.options}
        space: dict[str, Any] = {"search_space": self.search_space, "dataset_api": self.dataset_api}
        state = {name: vars(self)[name] for name in ("ss_type", "encoding_type", "method_type")}
        space["undefined"] = self.undefined
        sizes: dict[str, Any] = {"seed": self.seed, "sample": self.proxies.sample, "pool": self._pool}
        return partial(type(self), proxy, **sizes, **space), (), state

    def query(self, graph: Any, dataloader: Any = None, info: Any = None) -> Any:
        """Return the score of a graph as a finite float, or those of a list as an array.

        Args:
            graph: a graph, parsed or not, or a spec (see :func:`.shared_scoring.query_of`); or a list of such.
            dataloader: the images, where the predictor has none of its own: a loader, whose first batch is drawn under
                the predictor's seed, or inputs and labels. NASLib hands a list's ``info`` over in this place.
            info: not looked at.

        Raises:
            ValueError: images or labels are missing, or the search space of a spec.
            TypeError: the batch is no pair.
        """
        joined = self.proxies.aggregate is not None
        if not isinstance(graph, list):
            return naslib_value(self.score(graph, dataloader), self.undefined, joined)
        infos = dataloader if isinstance(dataloader, list) else [dataloader]
        loader = None if all(isinstance(each, Mapping) for each in infos) else dataloader
        return naslib_values(self.scores(graph, loader), self.undefined, joined)

    def score(self, graph: Any, dataloader: Any = None) -> Score:
        """Return the score of a graph as the proxy defines it, with the reason if it has none; see :meth:`query`."""
        return self.scores([graph], dataloader)[0]

    def scores(self, graphs: list[Any], dataloader: Any = None) -> list[Score]:
        """Return the scores of graphs, on one batch where a loader is given; see :meth:`query`.

        The loader that evaluators of NASLib set as ``train_loader`` is used where none is given.
        """
        loader = dataloader if dataloader is not None else getattr(self, "train_loader", None)
        batch = None
        if self._runs and not self._pool.has_images:
            if loader is None:
                raise ValueError("there are no images: give query() a dataloader, or the predictor dataset= or batch=")
            batch = draw_batch(loader, self.seed)
        return [
            self.proxies.joined(self._members(each, batch), lambda count: self._drawn(count, batch)) for each in graphs
        ]

    def _members(self, graph: Any, batch: Any) -> dict[str, Score]:
        """Return the scores of a graph by label."""
        query = query_of(graph, self.search_space, self.dataset_api, self.seed)
        return {each.label: self._pool.scores([query], each, batch)[0] for each in self.proxies.requests}

    def _drawn(self, count: int, batch: Any) -> Iterator[dict[str, Score]]:
        """Yield the scores of random graphs of the search space."""
        if self.search_space is None:
            raise ValueError(
                f"{self.proxies.label} ranks a graph in a sample of its space: give the predictor search_space="
            )
        found, rng = domain(self.search_space, self.dataset_api), Random(f"{self.seed} sample")
        return (self._members(found.sample(rng), batch) for _ in range(count))

    def fitness(self, graph: Any, dataloader: Any = None) -> float | None:
        """Return the score of a graph, negated if lower is better; None where it is undefined or fails (logged)."""
        try:
            return self.proxies.fitness(self.score(graph, dataloader))
        except NoScore as error:
            logger.info("%s", error)
            return None


class Predictors(Mapping[str, ZeroCostPredictor]):
    """Predictors with equal settings, each made when it is first asked for.

    Args:
        names: name → proxy.
        declared: they will be asked for on each graph: the first question about it scores them all.
        options: of every predictor, see :class:`ZeroCostPredictor`.
    """

    def __init__(self, names: Mapping[str, NamedProxy], declared: bool, options: Mapping[str, Any]) -> None:
        self._names, self._declared, self._options = dict(names), declared, dict(options)
        self._made: dict[str, ZeroCostPredictor] = {}

    def __getitem__(self, name: str) -> ZeroCostPredictor:
        """Return the predictor of a name.

        Raises:
            KeyError: no predictor has that name.
            ValueError, TypeError, DataError: an option is wrong.
        """
        if name not in self._made:
            asked = self._names[name]
            if not self._made:
                declared = [each for each in self._names.values() if self._declared and aggregate_named(each) is None]
                keys = ("dataset", "batch", "preset", "batch_size", "seed", "device")
                settings = {key: self._options[key] for key in keys if key in self._options}
                self._pool = score_pool(**settings, declared=declared)
            self._made[name] = made = ZeroCostPredictor(asked, **{**self._options, "pool": self._pool})
            made.method_type = name
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names  # none is made

    def features(
        self, graph: Any, dataloader: Any = None, known: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[str, float]:
        """Return the number of each predictor, as NASLib's ensembles take them for ``zero_cost_scores``.

        Args:
            graph: a graph or a spec, as for a predictor's ``query``.
            dataloader: likewise, or a function that returns one, called if it is needed; one batch is drawn for all.
            known: the architecture's entry in a ``zc_api``: scores that are not computed again.
        """
        found = {name: known_value(known[name]["score"]) for name in self if known and name in known}
        missing = [name for name in self if name not in found]
        if missing and dataloader is not None:
            loader = dataloader() if callable(dataloader) else dataloader
            dataloader = draw_batch(loader, self[missing[0]].seed) if loader is not None else None
        return {name: found[name] if name in found else self[name].query(graph, dataloader) for name in self}


def predictors(names: Iterable[str] | Mapping[str, NamedProxy] | None = None, **options: Any) -> Predictors:
    """Return the ``{name: predictor}`` mapping that NASLib's scripts keep; a predictor is made once it is asked for.

    Args:
        names: of proxies, ours or NASLib's, or a mapping from any names to proxies with options. Those that are named
            are declared: they will be asked for on each graph, and share their passes. None: all proxies, of which a
            graph is scored by the one that is asked for.
        options: of every predictor, see :class:`ZeroCostPredictor`.

    Raises:
        ValueError: a proxy is unknown.

    >>> from naslib_zc_plugin.hosts.naslib import predictors  # doctest: +SKIP
    >>> predictors(["naswot", "synflow"], dataset="digits").features(graph)  # doctest: +SKIP
    """
    if isinstance(names, Mapping):
        return Predictors(names, True, options)
    known: dict[str, NamedProxy] = {**{name: name for name in list_proxies()}, **ALIASES}
    asked = known if names is None else dict.fromkeys(names)
    unknown = sorted(name for name in set(asked) - set(known) if aggregate_named(name) is None)
    if unknown:
        raise ValueError(f"no proxy is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return Predictors({name: known.get(name, name) for name in asked}, names is not None, options)


def score_pool(
    dataset: Images | None = None, batch: Any = None, preset: str = "", batch_size: int = 64, seed: int = 0,
    device: str = "", declared: Iterable[NamedProxy] = (), weights: str = "given",
) -> ScorePool:  # fmt: skip
    """Return the pool of predictors with these settings; arguments as of :class:`ZeroCostPredictor` and of a pool."""
    batch = None if batch is None else draw_batch(batch, seed)
    source = BatchSource(dataset, batch, preset, batch_size, seed)
    return ScorePool(source, seed, device, map(_known, declared), weights)


def naslib_value(found: Score, undefined: float | None = None, joined: bool = False) -> float:
    """Return a score as NASLib gets it.

    Args:
        found: score.
        undefined: instead of :data:`LAST` where it has no value.
        joined: whether it is an aggregate's, higher better.
    """
    if found.value is None:
        logger.info("%s is %s: %s", found.name, found.status, found.reason)
        return LAST if undefined is None else undefined
    if joined:
        return naslib_number("", 0, True, found.value)
    return naslib_number(found.name, found.version, describe(found.name).higher_is_better, found.value)


def naslib_values(found: Sequence[Score], undefined: float | None = None, joined: bool = False) -> np.ndarray:
    """Return the scores of a list as NASLib gets them, float64, shape (len(found),).

    Args:
        found: scores of one proxy.
        undefined: for a score without a value; by default a number below the lowest
            (:func:`naslib_zc_plugin.campaign.naslib_json.below`), :data:`LAST` where none has a value.
        joined: whether they are an aggregate's.
    """
    known = [naslib_value(each, joined=joined) for each in found if each.value is not None]
    if undefined is None and known:
        undefined = below(min(known), max(known))
    return np.array([naslib_value(each, undefined, joined) for each in found], dtype=np.float64)


def known_value(value: Any) -> float:
    """Return a score of a ``zc_api``, a number of NASLib's already; :data:`LAST` where it is none or not finite."""
    return naslib_number("", 0, True, float(value)) if value is not None and math.isfinite(value) else LAST


def _known(asked: NamedProxy) -> NamedProxy:
    return ALIASES.get(asked, asked) if isinstance(asked, str) else asked
