"""A tuner for NNI's experiments on hyperparameters: our strategies over ``choice`` parameters.

``nnictl algo register --meta`` with the file ``tuner.yml`` beside this one makes it ``AlgorithmConfig(name="zc")``;
:func:`register` does the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Callable

import nni
from nni.tuner import Tuner

from naslib_zc_plugin import strategies

META = Path(__file__).with_name("tuner.yml")
"""The file for ``nnictl algo register --meta``."""


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
        strategies.STRATEGIES.load(strategy)
        self._sign = 1.0 if optimize_mode == "maximize" else -1.0
        self._strategy, self._seed, self._options = strategy, seed, options
        self._score = None if proxy is None else _scored_build(proxy, build, dataset, seed)
        self._search: strategies.Strategy | None = None
        self._open: dict[int, str] = {}

    def update_search_space(self, search_space: Mapping[str, Any]) -> None:
        """Begin to search a space.

        Raises:
            ValueError: a parameter of another type than ``choice``.
        """
        self._search = strategies.strategy(
            self._strategy, ChoiceDomain(search_space), score=self._score, seed=self._seed, **self._options
        )

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, Any]:
        """Return the parameters to try next.

        Raises:
            nni.NoMoreTrialError: all were tried.
        """
        assert self._search is not None, "NNI calls update_search_space first"
        try:
            key = self._search.ask()
        except strategies.Exhausted as error:
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

    def _tell(self, parameter_id: int, fitness: float | None) -> None:
        key = self._open.pop(parameter_id, None)
        if key is not None and self._search is not None:
            self._search.tell(key, fitness)


class ChoiceDomain:
    """A search space of ``choice`` parameters, by keys that are the parameters as JSON.

    Args:
        space: as NNI writes it, ``{name: {"_type": "choice", "_value": [...]}}``.

    Raises:
        ValueError: a parameter of another type, without values, or with nested ones.
    """

    def __init__(self, space: Mapping[str, Any]) -> None:
        self._values: dict[str, list[Any]] = {}
        self.size = 1
        for name, each in space.items():
            values = each.get("_value") if isinstance(each, Mapping) and each.get("_type") == "choice" else None
            nested = [value for value in values or () if isinstance(value, Mapping) and "_name" in value]
            if not isinstance(values, list) or not values or nested:
                raise ValueError(f"parameter {name!r} must be a choice of values, not {each!r}")
            self._values[name] = list(values)
            self.size *= len(values)

    def sample(self, rng: Random) -> str:
        """Return a key, every parameter drawn uniformly."""
        return json.dumps({name: rng.choice(values) for name, values in self._values.items()})

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """Return a key with one parameter, of those with a choice, drawn uniformly from its other values."""
        if rule != "one":
            raise ValueError(f"unknown mutation rule {rule!r}; here is 'one'")
        before = json.loads(key)
        open_ones = {name: values for name, values in self._others(before).items() if values}
        if not open_ones:
            return key
        name = rng.choice(list(open_ones))
        return json.dumps({**before, name: rng.choice(open_ones[name])})

    def neighbours(self, key: str) -> list[str]:
        """List all keys that differ in one parameter."""
        before = json.loads(key)
        others = self._others(before).items()
        return [json.dumps({**before, name: value}) for name, values in others for value in values]

    def _others(self, before: Mapping[str, Any]) -> dict[str, list[Any]]:
        return {name: [each for each in values if each != before[name]] for name, values in self._values.items()}


def register() -> str:
    """Register the tuner in NNI, as ``nnictl algo register`` does, and return its name there.

    NNI keeps it in the folder of ``NNI_CONFIG_DIR``, else in the environment's.
    """
    import yaml
    from nni.tools.package_utils import AlgoMeta, register_algo_meta

    meta = AlgoMeta.load(yaml.safe_load(META.read_text(encoding="utf-8")))
    register_algo_meta(meta)
    return str(meta.name)


def _scored_build(proxy: Any, build: str, dataset: Any, seed: int) -> Callable[[str], float | None]:
    """Return the fitness of a key by a proxy, its network drawn from the seed and the key."""
    from naslib_zc_plugin.hosts._scoring import proxy_fitness
    from naslib_zc_plugin.hosts.nni.scoring import Scorer
    from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything

    module, colon, name = build.partition(":")
    if not colon:
        raise ValueError(f"build must be 'module:function' that makes a network of the parameters, not {build!r}")
    make, scorer = getattr(import_module(module), name), Scorer(proxy, dataset, seed=seed)

    def score(key: str) -> float:
        with kept_random_states():
            seed_everything(seed, "weights", key)
            net = make(json.loads(key))
        return scorer.oriented(scorer.of_network(net, key))

    return proxy_fitness(score, str)
