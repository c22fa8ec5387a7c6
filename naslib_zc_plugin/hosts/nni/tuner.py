"""A tuner for NNI's experiments on hyperparameters: our strategies over ``choice`` parameters.

``nnictl algo register --meta`` with the file ``tuner.yml`` beside this one makes it ``AlgorithmConfig(name="zc")``;
:func:`register` does the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Callable

import nni
from nni.tuner import Tuner

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts.nni.parameters import ChoiceDomain

META = Path(__file__).with_name("tuner.yml")
"""What ``nnictl algo register --meta`` reads."""
logger = logging.getLogger(__name__)


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
        ValueError, TypeError: an argument that cannot be, or a proxy without network or images.
    """

    def __init__(
        self,
        strategy: str = "aging_evolution",
        optimize_mode: str = "maximize",
        seed: int = 0,
        proxy: Any = None,
        build: str = "",
        dataset: Any = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if optimize_mode not in ("maximize", "minimize"):
            raise ValueError(f"optimize_mode must be 'maximize' or 'minimize', not {optimize_mode!r}")
        strategies.STRATEGIES.load(strategy)
        self._sign = 1.0 if optimize_mode == "maximize" else -1.0
        self._strategy, self._seed, self._options = strategy, seed, options
        self._score = None if proxy is None else _score(proxy, build, dataset, seed)
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
        """What to try next.

        Raises:
            nni.NoMoreTrialError: there is nothing left.
        """
        assert self._search is not None, "NNI calls update_search_space first"
        try:
            key = self._search.ask()
        except strategies.Exhausted as error:
            raise nni.NoMoreTrialError(str(error)) from error
        self._open[parameter_id] = key
        found: dict[str, Any] = json.loads(key)
        return found

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:
        """Take in a trial's result: a number, or a mapping with ``default``."""
        worth = value.get("default") if isinstance(value, Mapping) else value
        self._tell(parameter_id, None if worth is None else self._sign * float(worth))

    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:
        """A trial that ends without a result has no worth."""
        self._tell(parameter_id, None)

    def _tell(self, parameter_id: int, worth: float | None) -> None:
        key = self._open.pop(parameter_id, None)
        if key is not None and self._search is not None:
            self._search.tell(key, worth)


def register() -> str:
    """Make the tuner known to NNI, as ``nnictl algo register`` does; its name there.

    Where NNI keeps it: the folder of ``NNI_CONFIG_DIR``, else the environment's.
    """
    import yaml
    from nni.tools.package_utils import AlgoMeta, register_algo_meta

    meta = AlgoMeta.load(yaml.safe_load(META.read_text(encoding="utf-8")))
    register_algo_meta(meta)
    return str(meta.name)


def _score(proxy: Any, build: str, dataset: Any, seed: int) -> Callable[[str], float | None]:
    """The score of a key, its network drawn from the seed and the key."""
    from naslib_zc_plugin.hosts._scoring import NoScore
    from naslib_zc_plugin.hosts.nni.scoring import Scorer
    from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything

    module, colon, name = build.partition(":")
    if not colon:
        raise ValueError(f"build must be 'module:function' that makes a network of the parameters, not {build!r}")
    make, scorer = getattr(import_module(module), name), Scorer(proxy, dataset, seed=seed)

    def found(key: str) -> float | None:
        with kept_random_states():
            seed_everything(seed, "weights", key)
            net = make(json.loads(key))
        try:
            return scorer.turned(scorer.of_network(net, key))
        except NoScore as error:
            logger.info("%s: %s", key, error)
            return None

    return found
