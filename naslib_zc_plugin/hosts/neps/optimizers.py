"""Optimizers by NePS's protocol that a proxy guides, around NePS's own: a warm-up, and candidates ranked by it."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any, Union

from neps.optimizers import algorithms
from neps.optimizers.optimizer import Artifact, ArtifactType, ImportedConfig, SampledConfig
from neps.space.neps_spaces.neps_space import (
    NepsCompatConverter,
    construct_sampling_path,
    convert_neps_to_classic_search_space,
)
from neps.space.neps_spaces.parameters import Categorical, Domain, Fidelity, PipelineSpace
from neps.state.trial import Report, Trial

from naslib_zc_plugin.hosts.neps.pipelines import Config, Named, plain
from naslib_zc_plugin.hosts.neps.records import objective
from naslib_zc_plugin.hosts.neps.scoring import Guide, Proxy, Trials
from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything
from naslib_zc_plugin.registry import check_options, closest
from naslib_zc_plugin.strategies import ProxyAgreement
from naslib_zc_plugin.strategies._strategy import at_least

Proposal = tuple[Config, str]
Around = Union[str, Mapping[str, Any], Sequence[Any]]
_EVOLUTION, _RANDOM, _CANDIDATES = "neps_regularized_evolution", "neps_random_search", "proxy_candidates"
_BAYESIAN = ("bayesian_optimization", "pibo")
_AROUND = {name: name for name in (_EVOLUTION, _RANDOM, "complex_random_search", *_BAYESIAN, _CANDIDATES)}
_AROUND["random_search"] = _RANDOM
_PROBES = 30
logger = logging.getLogger(__name__)


class _Inside(ABC):
    """An optimizer that proposes configurations; ids, records and results are not its business."""

    @abstractmethod
    def propose(self, trials: Trials, budget: Any, count: int) -> list[Proposal]:
        """Return so many configurations, each with what has chosen it."""


class _Optimizer(_Inside):
    """An optimizer by NePS's protocol (``AskFunction``) that a guide helps."""

    _guide: Guide

    def __call__(
        self, trials: Trials, budget_info: Any = None, n: int | None = None
    ) -> SampledConfig | list[SampledConfig]:
        """Return the next configuration to evaluate, or ``n`` of them in a list.

        Args:
            trials: all trials of the run, by id.
            budget_info: handed to the optimizer inside.
            n: how many.

        Raises:
            AllFailed: no network has a score, and ``if_all_fail`` is ``"stop"``.
        """
        guide, first = self._guide, _next_id(trials)
        try:
            guide.look(trials)
            guide.number = first - 1
            chosen = self.propose(trials, budget_info, 1 if n is None else n)
        except Exception as error:
            if str(error) != guide.last_error:  # NePS asks again some times before it shows one
                logger.error("%s", error)
            guide.last_error = str(error)
            raise
        made = [SampledConfig(str(first + place), config) for place, (config, _) in enumerate(chosen)]
        for sampled, (config, by) in zip(made, chosen):
            key = guide.pipelines.key(config)
            guide.proposed[sampled.id] = guide.value(key)
            guide.record.add({"trial": sampled.id, "by": by, "network": key, "score": guide.value(key)})
        return made[0] if n is None else made

    def import_trials(self, external_evaluations: Sequence[tuple[Config, Any]], trials: Trials) -> list[ImportedConfig]:
        """Return results from elsewhere as trials, with the ids that are next."""
        first = _next_id(trials)
        return [ImportedConfig(str(first + n), *each) for n, each in enumerate(external_evaluations)]

    def get_trial_artifacts(self, trials: Trials | None = None) -> list[Artifact] | None:
        """Return the trials' scores and their agreement with the results, which NePS keeps with ``live_plots=True``."""
        guide = self._guide
        guide.look(trials or {})
        rows = {name: {"network": key, "score": guide.proposed.get(name)} for name, key in guide.keys.items()}
        found = {"proxy": guide.scorer.label, "agreement": list(astuple(guide.agreement())), "trials": rows}
        return [Artifact("proxy_scores", found, ArtifactType.JSON)]

    def agreement(self) -> ProxyAgreement:
        """Return how well the proxy agrees with the results so far."""
        return self._guide.agreement()


class WarmUp(_Optimizer):
    """Warm-up: the best k of a pool, ranked by a proxy, are evaluated first; an optimizer of NePS goes on from them.

    The pool is drawn by the seed, scored once, and written into the run's directory before the first of it is trained:
    a run that goes on neither scores nor evaluates it again. A network that some trial has already is left out. The
    proxy gives no result and is no fidelity: NePS sees trials that were trained, and nothing else.

    NePS takes it as ``optimizer=functools.partial(WarmUp, ...)``; a tuple with a class is refused there. Its options
    are written to disk and compared when a run goes on, so all are names and numbers.

    Args:
        space: NePS gives it.
        proxy: name of a proxy or of an aggregate such as ``"recommended"``, a mapping with ``name`` and the proxy's
            options, or a function of the network, higher is better.
        pool: number of random configurations.
        evaluate: k.
        around: name of an optimizer of NePS, or a mapping with ``name`` and its options: evolution, random search,
            Bayesian optimisation; or ``"proxy_candidates"`` with those of :class:`ProxyCandidates`, which shares the
            proxy.
            Evolution's population is k unless it is given.
        trust: follow the proxy ``"always"``; or ``"auto"``, as far as its agreement with the results deserves
            (:class:`naslib_zc_plugin.strategies.Trust`): each fifth trial is one of the optimizer inside, scored, and
            what is left of the k once trust is lost is not evaluated.
        if_all_fail: what to do if nothing in the pool has a score: ``"stop"`` or ``"go_on"``.
        build: function that makes the network of the arguments that it names, for spaces without a network among their
            arguments; or its name ``"module:function"``.
        argument: which argument is the network, where several are.
        scoring: ``dataset``, ``batch``, ``shape``, ``preset``, ``batch_size``, ``seed``, ``device``, ``sample``
            (:class:`.scoring.PipelineScorer`).

    Raises:
        ValueError: an option is wrong, nothing in the space can be scored, or the optimizer cannot be guided.

    >>> from functools import partial
    >>> from naslib_zc_plugin.hosts.neps import WarmUp  # doctest: +SKIP
    >>> optimizer = partial(WarmUp, proxy="synflow", shape=(3, 32, 32), pool=200, evaluate=10)  # doctest: +SKIP
    >>> neps.run(train, Space(), optimizer=optimizer, total_evaluations_to_spend=50)  # doctest: +SKIP
    """

    def __init__(
        self, space: PipelineSpace, *, proxy: Proxy = "recommended", pool: int = 500, evaluate: int = 20,
        around: Around = _EVOLUTION, trust: str = "always", if_all_fail: str = "stop", build: Named | None = None,
        argument: str = "", **scoring: Any,
    ) -> None:  # fmt: skip
        if at_least("evaluate", evaluate) > at_least("pool", pool):
            raise ValueError(f"evaluate={evaluate} of a pool of {pool}: at most the whole pool can be evaluated")
        self._pool, self._k, self._seed = pool, evaluate, scoring.get("seed", 0)
        self._guide = Guide(space, proxy, trust, if_all_fail, build, argument, **scoring)
        name, options = _named_optimizer(_with_population(around, evaluate))
        self._inside = _inside(space, self._guide, name, options)

    def propose(self, trials: Trials, budget: Any, count: int) -> list[Proposal]:
        """Return what is left of the pool's best; after them, what the optimizer inside proposes."""
        guide = self._guide
        if guide.ranked is None:
            guide.ranked = self._rank()
            guide.record.add({"warm_up": guide.ranked})
        keyed = {guide.pipelines.key(config): config for config in (guide.ranked if guide.follows() else [])}
        left = [key for key in keyed if key not in guide.asked]
        chosen: list[Proposal] = []
        while left and len(chosen) < count:
            if guide.is_control(is_warm_up=True):
                ((config, _),) = self._inside.propose(trials, budget, 1)
                chosen.append(guide.control(config))
                left = [key for key in left if key not in guide.asked]
            else:
                guide.asked.add(left[0])
                chosen.append((keyed[left.pop(0)], "warm_up"))
            guide.number += 1
        if len(chosen) < count:
            chosen += self._inside.propose(trials, budget, count - len(chosen))
        return chosen

    def _rank(self) -> list[Config]:
        """Return the k best of the pool, each network once."""
        guide = self._guide
        drawn: dict[str, Config] = {}
        for config in guide.pipelines.draw(self._pool, self._seed, "pool"):
            drawn.setdefault(guide.pipelines.key(config), config)
        configs = list(drawn.values())
        logger.info("warm-up: %d networks of a pool of %d are scored", len(configs), self._pool)
        scores = guide.scored(configs, least=1)
        best = sorted(range(len(configs)), key=lambda place: -scores[place])[: self._k]
        return [configs[place] for place in best]


class ProxyCandidates(_Optimizer):
    """For each trial an optimizer of NePS proposes several candidates, of which the best-scored is evaluated.

    A candidate whose network some trial has already is taken only if all are such. Without any score the first
    candidate is taken, which is what the optimizer would have proposed by itself. With ``trust="auto"`` there are as
    many candidates as the proxy deserves, one in each fifth trial and in two of three while results get no better, and
    one that is not scored once there is no trust.

    Bayesian optimisation proposes its candidates as one batch that it holds for good together.

    Args:
        space: NePS gives it.
        proxy, trust, if_all_fail, build, argument, scoring: as for :class:`WarmUp`.
        candidates: how many are drawn for one trial.
        around: as for :class:`WarmUp`.

    Raises:
        ValueError: an option is wrong, nothing in the space can be scored, or the optimizer cannot be guided.
    """

    def __init__(
        self, space: PipelineSpace, *, proxy: Proxy = "recommended", candidates: int = 32, around: Around = _EVOLUTION,
        trust: str = "always", if_all_fail: str = "stop", build: Named | None = None, argument: str = "",
        **scoring: Any,
    ) -> None:  # fmt: skip
        guide = Guide(space, proxy, trust, if_all_fail, build, argument, **scoring)
        self._follow(space, guide, candidates, around)

    def _follow(self, space: PipelineSpace, guide: Guide, candidates: int = 32, around: Around = _EVOLUTION) -> None:
        self._guide, self._candidates = guide, at_least("candidates", candidates)
        name, options = _named_optimizer(around)
        if name == _CANDIDATES:
            raise ValueError("candidates of candidates: put proxy_candidates around an optimizer of NePS")
        self._inside = _inside(space, guide, name, options)

    @classmethod
    def within(cls, space: PipelineSpace, guide: Guide, options: Mapping[str, Any]) -> ProxyCandidates:
        """Make one that shares a guide."""
        check_options(_CANDIDATES, cls._follow, options, first=3)
        made = cls.__new__(cls)
        made._follow(space, guide, **options)
        return made

    def propose(self, trials: Trials, budget: Any, count: int) -> list[Proposal]:
        """Return the best-scored candidate of each of ``count`` draws."""
        chosen: list[Proposal] = []
        for _ in range(count):
            chosen.append(self._best(trials, budget))
            self._guide.number += 1
        return chosen

    def _best(self, trials: Trials, budget: Any) -> Proposal:
        guide, is_control = self._guide, self._guide.is_control()
        share = guide.follows()
        if self._candidates == 1 or not share or is_control:
            ((config, by),) = self._inside.propose(trials, budget, 1)
            guide.asked.add(guide.pipelines.key(config))
            return guide.control(config) if is_control and self._candidates > 1 else (config, by)
        drawn: dict[str, Config] = {}
        for config, _ in self._inside.propose(trials, budget, 1 + round((self._candidates - 1) * share)):
            drawn.setdefault(guide.pipelines.key(config), config)
        fresh = [key for key in drawn if key not in guide.asked] or list(drawn)
        scores = guide.scored([drawn[key] for key in fresh])
        best = fresh[scores.index(max(scores))]
        guide.asked.add(best)
        return drawn[best], "candidates"


# NePS's own optimizers --------------------


class _NepsOptimizer(_Inside):
    """An optimizer of NePS, given trials as it understands them."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask

    def propose(self, trials: Trials, budget: Any, count: int) -> list[Proposal]:
        """Return configurations that it proposes."""
        shown = {name: replace(trial, config=self._shown(trial.config)) for name, trial in trials.items()}
        return [(plain(self._config(each.config)), "around") for each in self._sampled(shown, budget, count)]

    def _sampled(self, trials: Trials, budget: Any, count: int) -> list[SampledConfig]:
        found = self._ask(trials, budget, count)
        return found if isinstance(found, list) else [found]

    def _shown(self, config: Config) -> Config:
        return config

    def _config(self, config: Config) -> Config:
        return config


class _Evolution(_NepsOptimizer):
    """NePS's evolution, which finds in its trials what it mutates and crosses.

    It looks for choices by their paths, while trials hold them by path and prefix: of NePS 0.17 each child is a random
    draw. Trials are shown to it without the prefix, unless it understands them as they are.
    """

    def __init__(self, space: PipelineSpace, ask: Any, options: Mapping[str, Any]) -> None:
        super().__init__(ask)
        self._blind = _is_blind(space, options.get("ignore_fidelity", False))

    def _shown(self, config: Config) -> Config:
        return NepsCompatConverter.from_neps_config(config).predefined_samplings if self._blind else config


def _is_blind(space: PipelineSpace, ignore_fidelity: Any) -> bool:
    """Return whether children of a single mutation differ from their parent in more than one choice that both have."""
    evolution = algorithms.neps_regularized_evolution(
        space, population_size=1, tournament_size=1, mutation_type="mutate_best", n_mutations=1,
        ignore_fidelity=ignore_fidelity,
    )  # fmt: skip
    highest = {"ignore_fidelity": "highest_fidelity"} if space.fidelity_attrs else {}
    with kept_random_states():
        seed_everything(0, "blind")
        first = algorithms.neps_random_search(space, **highest)({}, None, None)
        assert isinstance(first, SampledConfig)
        trial = Trial.new(
            trial_id="1", config=first.config, location="", previous_trial=None, previous_trial_location=None,
            time_sampled=0.0, worker_id="",
        )  # fmt: skip
        trial.report = Report(0.0, None, None, {}, None, None, "success", None)
        parent = NepsCompatConverter.from_neps_config(first.config).predefined_samplings
        if not parent:
            return False
        for _ in range(_PROBES):
            child = evolution({"1": trial}, None, None)
            assert isinstance(child, SampledConfig)
            chosen = NepsCompatConverter.from_neps_config(child.config).predefined_samplings
            if sum(chosen[path] != value for path, value in parent.items() if path in chosen) > 1:
                return True
    return False


class _Bayesian(_NepsOptimizer):
    """NePS's Bayesian optimisation, which knows spaces of plain values alone, by the names of the arguments."""

    def __init__(self, space: PipelineSpace, name: str, options: Mapping[str, Any]) -> None:
        values = convert_neps_to_classic_search_space(space)
        if values is None:
            raise ValueError(
                f"{name} searches spaces of plain values (categories of one type, integers, floats); this one holds "
                f"operations, or mixed categories: take around={_EVOLUTION!r}, or choose values and give build="
            )
        super().__init__(_made(name, values, options))
        self._domains = {each: domain for each, domain in space.get_attrs().items() if isinstance(domain, Domain)}
        self._fidelities = [each for each, domain in space.get_attrs().items() if isinstance(domain, Fidelity)]
        self._constants = dict(values.constants)
        self._paths = {each: construct_sampling_path(["Resolvable", each], d) for each, d in self._domains.items()}

    def _sampled(self, trials: Trials, budget: Any, count: int) -> list[SampledConfig]:
        evaluated = sum(objective(trial) is not None for trial in trials.values())
        if evaluated >= self._ask.n_initial_design:
            return super()._sampled(trials, budget, count)[:count]
        # Of its first design it gives one at a time, whatever is asked for.
        return [self._ask(trials, budget, None) for _ in range(count)]

    def _shown(self, config: Config) -> Config:
        known = NepsCompatConverter.from_neps_config(config)
        found = {each: known.predefined_samplings[path] for each, path in self._paths.items()}
        for each, domain in self._domains.items():
            if isinstance(domain, Categorical):
                found[each] = tuple(domain.choices)[found[each]]
        return {**self._constants, **known.environment_values, **found}

    def _config(self, config: Config) -> Config:
        prefix, environment = NepsCompatConverter._SAMPLING_PREFIX, NepsCompatConverter._ENVIRONMENT_PREFIX
        made = {f"{environment}{each}": config[each] for each in self._fidelities}
        for each, domain in self._domains.items():
            value = config[each]
            if isinstance(domain, Categorical):
                value = tuple(domain.choices).index(value)
            made[f"{prefix}{self._paths[each]}"] = value
        return made


def _named_optimizer(around: Around) -> tuple[str, dict[str, Any]]:
    """Return name and options of an optimizer.

    Raises:
        ValueError: it is none that can be guided.
    """
    options: dict[str, Any] = {}
    name: Any = around
    if isinstance(around, Mapping):
        options = dict(around)
        name = options.pop("name", "")
    elif isinstance(around, (tuple, list)) and len(around) == 2:  # as NePS takes them
        name, options = around[0], dict(around[1])
    if not isinstance(name, str):
        raise ValueError(
            f"around= must be the name of an optimizer, or a mapping with name and options, not {name!r:.80}"
        )
    if name in _AROUND:
        return _AROUND[name], options
    if name in algorithms.PredefinedOptimizers:
        raise ValueError(
            f"around={name!r} cannot be guided: it gives one configuration several fidelities or objectives, or goes "
            f"through a grid. Take one of {', '.join(_AROUND)}"
        )
    raise ValueError(f"no optimizer {name!r} to stand around; {closest(name, _AROUND)}")


def _with_population(around: Around, evaluated: int) -> Around:
    """Return an optimizer's name and options, with those of evolution that follow from what a warm-up evaluates."""
    name, options = _named_optimizer(around)
    if name == _CANDIDATES:
        options["around"] = _with_population(options.get("around", _EVOLUTION), evaluated)
    elif name == _EVOLUTION and "population_size" not in options:
        options = {"tournament_size": min(5, evaluated), **options}
        options["population_size"] = max(evaluated, options["tournament_size"])
    return {"name": name, **options}


def _inside(space: PipelineSpace, guide: Guide, name: str, options: Mapping[str, Any]) -> _Inside:
    """Make the optimizer inside another."""
    if name == _CANDIDATES:
        return ProxyCandidates.within(space, guide, options)
    if name in _BAYESIAN:
        return _Bayesian(space, name, options)
    if space.fidelity_attrs:  # what is trained is trained in full, unless one says otherwise
        options = {"ignore_fidelity": "highest_fidelity", **options}
    ask = _made(name, space, options)
    return _Evolution(space, ask, options) if name == _EVOLUTION else _NepsOptimizer(ask)


def _made(name: str, space: Any, options: Mapping[str, Any]) -> Any:
    function = algorithms.PredefinedOptimizers[name]
    check_options(name, function, options, first=1)
    return function(space, **options)


def _next_id(trials: Trials) -> int:
    return 1 + max((int(name.split("_")[0]) for name in trials), default=0)
