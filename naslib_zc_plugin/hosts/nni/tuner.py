"""A tuner for NNI's experiments on hyperparameters: our strategies over its search spaces.

``nnictl algo register --meta`` with the file ``tuner.yml`` beside this one makes it ``AlgorithmConfig(name="zc")``;
:func:`register` does the same. ``experiment.config.tuner = TunerConfig(...)`` checks all of it, the experiment's search
space too, before NNI starts its server.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Callable

import nni
from nni.experiment.config import AlgorithmConfig
from nni.tuner import Tuner

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts._session import SearchSession
from naslib_zc_plugin.registry import closest

META = Path(__file__).with_name("tuner.yml")
"""The file for ``nnictl algo register --meta``."""
_CHANNEL = "NNI_TUNER_COMMAND_CHANNEL"
"""In the environment of the process that NNI's server starts for a tuner, and for whose answer it waits ten seconds."""
_ARGUMENTS = ("strategy", "optimize_mode", "seed", "proxy", "build", "dataset", "preset")
_KINDS = {"choice": None, "randint": 2, "uniform": 2, "loguniform": 2, "quniform": 3}  # numbers that a kind takes
_STEPS = 1_000  # at most so many whole numbers or steps are listed
_DRAWN = 8  # neighbours by a parameter whose values cannot be listed
logger = logging.getLogger("nni.tuner.zc")


class ProxyTuner(Tuner):
    """Searches hyperparameters by any strategy of :mod:`naslib_zc_plugin.strategies`.

    Args:
        strategy: its name.
        optimize_mode: ``"maximize"`` or ``"minimize"``.
        seed: of all that is drawn.
        proxy: for strategies that score: a proxy's name, or a mapping with its options.
        build: ``module:function`` that makes a network of the parameters, for the proxy.
        dataset: images for the proxy (:class:`.scoring.Scorer`).
        options: the strategy's own, perhaps with ``preset``.

    Raises:
        ValueError, TypeError: an argument is wrong, or a proxy has no network or no images.

    >>> from naslib_zc_plugin.hosts.nni import ProxyTuner  # doctest: +SKIP
    >>> tuner = ProxyTuner("aging_evolution", population=20, sample=5)  # doctest: +SKIP
    """

    def __init__(
        self, strategy: str = "aging_evolution", optimize_mode: str = "maximize", seed: int = 0, proxy: Any = None,
        build: str = "", dataset: Any = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if optimize_mode not in ("maximize", "minimize"):
            raise ValueError(f"optimize_mode must be 'maximize' or 'minimize', not {optimize_mode!r}")
        strategies.check_settings(strategy, _ARGUMENTS, **options)
        if proxy is None and strategies.STRATEGIES.load(strategy).follows_score:
            raise ValueError(f"{strategy} needs proxy=, build= and dataset=")
        self._sign = 1.0 if optimize_mode == "maximize" else -1.0
        self._strategy, self._seed, self._options = strategy, seed, options
        self._build = None if proxy is None else cache(partial(_ScoredBuild, proxy, build, dataset, seed))
        if self._build and _CHANNEL not in os.environ:
            self._build()  # there later: it imports torch
        self._session: SearchSession | None = None
        self._open: dict[int, str] = {}

    def update_search_space(self, search_space: Mapping[str, Any]) -> None:
        """Begin to search a space.

        In the process that NNI starts for a tuner an error ends that process, for NNI's server would wait for ever.

        Raises:
            ValueError: a parameter of a type that is not searched, or with wrong values.
        """
        try:
            space = ParameterDomain(search_space)
            score = self._build().of(space) if self._build else None
            self._session = SearchSession(self._strategy, space, score, seed=self._seed, **self._options)
        except Exception as error:
            if _CHANNEL in os.environ:
                logger.critical("the tuner ends: %s", error)
                logging.shutdown()
                os._exit(1)
            raise

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, Any]:
        """Return the parameters to try next.

        Raises:
            nni.NoMoreTrialError: all were tried.
        """
        assert self._session is not None, "NNI calls update_search_space first"
        try:
            key = self._session.ask()
        except (strategies.Exhausted, strategies.AllFailed) as error:
            logger.error("%s", error)
            raise nni.NoMoreTrialError(str(error)) from error
        self._open[parameter_id] = key
        return dict(json.loads(key))

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:
        """Take in a trial's result: a number, or a mapping with ``default``."""
        value = value.get("default") if isinstance(value, Mapping) else value
        self._tell(parameter_id, None if value is None else self._sign * float(value))

    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:
        """Note that a trial has no fitness if it ends without a result."""
        self._tell(parameter_id, None)

    def agreement(self) -> strategies.ProxyAgreement | None:
        """Return how well the proxy agrees with the results so far; None without a proxy."""
        return self._session.agreement() if self._session else None

    def _on_exit(self) -> None:
        if self._session is not None:
            self._session.say_ending(logger)

    def _tell(self, parameter_id: int, fitness: float | None) -> None:
        key = self._open.pop(parameter_id, None)
        if key is not None and self._session is not None:
            self._session.tell(key, fitness if fitness is None or math.isfinite(fitness) else None)


@dataclass(init=False)
class TunerConfig(AlgorithmConfig):
    """The tuner of an experiment, checked with the experiment's search space before NNI starts its server.

    Args:
        options: arguments of :class:`ProxyTuner`.

    Raises:
        ValueError, TypeError: an argument is wrong; where an experiment starts, also for its search space.

    >>> from naslib_zc_plugin.hosts.nni import TunerConfig  # doctest: +SKIP
    >>> experiment.config.tuner = TunerConfig(strategy="aging_evolution", population=20)  # doctest: +SKIP
    """

    def __init__(self, **options: Any) -> None:
        ProxyTuner(**options)
        super().__init__(name="zc", class_args=options)

    def _canonicalize(self, parents: Any) -> None:
        super()._canonicalize(parents)
        for each in parents:
            space, file = getattr(each, "search_space", None), getattr(each, "search_space_file", None)
            if space is None and file is not None and str(file).endswith(".json"):
                space = json.loads(Path(file).read_text(encoding="utf-8"))
            if space is not None:
                ProxyTuner(**(self.class_args or {})).update_search_space(space)


class ParameterDomain:
    """A search space of NNI's, by keys that are the parameters as JSON.

    A parameter is drawn as NNI's own tuners draw it. A mutation gives one of them another value.

    Args:
        space: as NNI writes it, ``{name: {"_type": "choice", "_value": [...]}}``, with the types ``choice``,
            ``randint``, ``uniform``, ``quniform`` and ``loguniform``.

    Attributes:
        size: number of keys; None where a number has no steps, or too many.

    Raises:
        ValueError: a parameter of another type, nested choices, or wrong values.

    >>> from naslib_zc_plugin.hosts.nni.tuner import ParameterDomain  # doctest: +SKIP
    >>> ParameterDomain({"lr": {"_type": "quniform", "_value": [0, 1, 0.5]}}).size  # doctest: +SKIP
    3
    """

    def __init__(self, space: Mapping[str, Any]) -> None:
        if not isinstance(space, Mapping) or not space:
            raise ValueError(f"a search space is a mapping of parameters, found {space!r}")
        self._values: dict[str, list[Any]] = {}
        self._draws: dict[str, Callable[[Random], Any]] = {}
        for name, each in space.items():
            kind, values = _checked_parameter(name, each)
            self._draws[name] = _draw(kind, values)
            listed = _listed(kind, values)
            if listed is not None:
                self._values[name] = listed
        listable = len(self._values) == len(self._draws)
        self.size = math.prod(map(len, self._values.values())) if listable else None

    def sample(self, rng: Random) -> str:
        """Return a random key."""
        return json.dumps({name: draw(rng) for name, draw in self._draws.items()})

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """Return a key with one parameter, of those with a choice, drawn anew from its other values."""
        if rule != "one":
            raise ValueError(f"unknown mutation rule {rule!r}; here is 'one'")
        before = json.loads(key)
        others = {name: self._others(name, before[name]) for name in self._draws}
        open_ones = [name for name, values in others.items() if values is None or values]
        if not open_ones:
            return key
        name = rng.choice(open_ones)
        values = others[name]
        return json.dumps({**before, name: self._draws[name](rng) if values is None else rng.choice(values)})

    def neighbours(self, key: str) -> list[str]:
        """List all keys that differ in one parameter; of numbers without steps eight, which the key draws."""
        before, found = json.loads(key), []
        for name, draw in self._draws.items():
            values, rng = self._others(name, before[name]), Random(f"{name} of {key}")
            drawn = [draw(rng) for _ in range(_DRAWN)] if values is None else values
            found += [json.dumps({**before, name: value}) for value in drawn]
        return found

    def _others(self, name: str, value: Any) -> list[Any] | None:
        """List the other values of a parameter; None where they cannot be listed."""
        return [each for each in self._values[name] if each != value] if name in self._values else None


def _checked_parameter(name: str, given: Any) -> tuple[str, list[Any]]:
    """Return type and values of a parameter.

    Raises:
        ValueError: they are not searched.
    """
    about = f"parameter {name!r} is {given!r}"
    kind, values = (given.get("_type"), given.get("_value")) if isinstance(given, Mapping) else (None, None)
    if kind not in _KINDS:
        hint = closest(kind, _KINDS) if isinstance(kind, str) else 'it must be {"_type": ..., "_value": [...]}'
        raise ValueError(f"{about}: the types {', '.join(_KINDS)} are searched; {hint}")
    if not isinstance(values, (list, tuple)) or not values:
        raise ValueError(f"{about}: _value must be a list")
    if kind == "choice":
        if any(isinstance(value, Mapping) and "_name" in value for value in values):
            raise ValueError(f"{about}: nested choices are not searched")
        return kind, list(values)
    numbers = [value for value in values if isinstance(value, (int, float)) and math.isfinite(value)]
    if len(numbers) != len(values) or len(values) != _KINDS[kind] or numbers[0] >= numbers[1]:
        raise ValueError(f"{about}: _value must be {_KINDS[kind]} numbers, the second above the first")
    if kind == "loguniform" and numbers[0] <= 0 or kind == "quniform" and numbers[2] <= 0:
        raise ValueError(f"{about}: {'the lower end' if kind == 'loguniform' else 'the step'} must be above 0")
    if kind == "randint" and not all(isinstance(value, int) for value in values):
        raise ValueError(f"{about}: the ends of randint must be whole numbers")
    return kind, numbers


def _draw(kind: str, values: list[Any]) -> Callable[[Random], Any]:
    """Return the draw of a parameter."""
    if kind == "choice":
        return lambda rng: rng.choice(values)
    low, high, *step = values
    if kind == "randint":
        return lambda rng: rng.randrange(low, high)
    if kind == "uniform":
        return lambda rng: rng.uniform(low, high)
    if kind == "loguniform":
        return lambda rng: min(high, max(low, math.exp(rng.uniform(math.log(low), math.log(high)))))
    return lambda rng: _stepped(rng.uniform(low, high), *values)


def _listed(kind: str, values: list[Any]) -> list[Any] | None:
    """List the values of a parameter; None where it has no steps, or too many."""
    if kind == "choice":
        return values
    low, high, *step = values
    if kind == "randint":
        return list(range(low, high)) if high - low <= _STEPS else None
    if kind == "quniform" and (high - low) / step[0] <= _STEPS:
        around = range(math.floor(low / step[0]), math.ceil(high / step[0]) + 1)
        return list(dict.fromkeys(_stepped(number * step[0], *values) for number in around))
    return None


def _stepped(number: float, low: float, high: float, step: float) -> float:
    """Return a number rounded to steps, and cut off at the ends, as NNI does it."""
    return float(min(high, max(low, round(number / step) * step)))


def register() -> str:
    """Register the tuner in NNI, as ``nnictl algo register`` does, and return its name there.

    NNI keeps it in the folder of ``NNI_CONFIG_DIR``, else in the environment's.
    """
    import yaml
    from nni.tools.package_utils import AlgoMeta, register_algo_meta

    meta = AlgoMeta.load(yaml.safe_load(META.read_text(encoding="utf-8")))
    register_algo_meta(meta)
    return str(meta.name)


class _ScoredBuild:
    """The fitness of a key by a proxy, its network drawn from the seed and the key."""

    def __init__(self, proxy: Any, build: str, dataset: Any, seed: int) -> None:
        from naslib_zc_plugin.hosts.nni.scoring import Scorer

        module, colon, name = build.partition(":")
        if not colon:
            raise ValueError(f"build must be 'module:function' that makes a network of the parameters, not {build!r}")
        self._make, self._seed = getattr(import_module(module), name), seed
        self._scorer = Scorer(proxy, dataset, seed=seed)

    def of(self, space: ParameterDomain) -> Callable[[str], float]:
        """Return the fitness of a space's keys; an aggregate ranks them in a sample of the space."""
        from naslib_zc_plugin.hosts._scoring import proxy_fitness

        def drawn(count: int) -> Iterator[tuple[Any, str]]:
            rng = Random(f"{self._seed} sample")
            keys = (space.sample(rng) for _ in range(count))
            return ((self._network(key), key) for key in keys)

        return proxy_fitness(lambda key: self._scorer.oriented(self._scorer.of_network(self._network(key), key, drawn)))

    def _network(self, key: str) -> Any:
        from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything

        with kept_random_states():
            seed_everything(self._seed, "weights", key)
            return self._make(json.loads(key))
