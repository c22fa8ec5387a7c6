"""NASLib (Develop) as host: proxies as predictors, strategies as optimizers, graphs as keys, our tables as its data.

Nothing of NASLib is imported before one of these names is used, and nothing of it is changed unless :mod:`.compat` is
asked to.

>>> from naslib_zc_plugin.hosts.naslib import compat
>>> [each.name for each in compat.repairs()][:2]
['collections', 'missing-packages']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable

from naslib_zc_plugin.hosts._lazy import LazyFace

if TYPE_CHECKING:
    from naslib_zc_plugin.search.loop import Evaluate
    from naslib_zc_plugin.strategies import Strategy

_FILES = {
    "domains": "GraphDomain domain",
    "graphs": "build key_of space_of spec_from spec_of",
    "guided": "Bananas Npenas ZCEnsembleEvaluator",
    "measure_registry": "register registered unregister",
    "optimizers": "AgingEvolution Area Move RandomSearch Search WarmUp",
    "predictor": "ZeroCostPredictor predictors",
    "settings": "configuration optimizer_of predictor_of",
    "suite": "ZcApi zc_api",
    "tables": "dataset_api",
}


def run_search(strategy: Strategy, evaluate: Evaluate, within_budget: Callable[[], bool], space: str) -> None:
    """Ask, evaluate and tell as the loop without a host does, in NASLib's ``Trainer``.

    One epoch is one evaluation: every key becomes the spec of NASLib's graph, and a key again for ``evaluate``. Nothing
    is written. Selecting NASLib as the host of a search implies applying the repairs of :mod:`.compat` that are needed,
    in this process and for good.

    Args:
        strategy: a strategy that is ready.
        evaluate: fitness of a key; an error that it raises ends the search and is raised here.
        within_budget: whether to ask once more.
        space: name of the search space of the keys.

    Raises:
        ValueError: NASLib has no such space.
        ImportError: NASLib cannot be imported; the message says how to get it.

    >>> from naslib_zc_plugin.hosts.naslib import run_search  # doctest: +SKIP
    >>> run_search(strategy, accuracies.get, lambda: len(told) < 100, "nasbench201")  # doctest: +SKIP
    """
    from naslib_zc_plugin.hosts.naslib import compat

    compat.repair()
    _load(f"{__name__}.trainer_loop").run(strategy, evaluate, within_budget, space)


def _load(file: str) -> Any:
    try:
        return import_module(file)
    except (ImportError, RuntimeError) as error:
        from naslib_zc_plugin.hosts.naslib.compat import advice

        raise ImportError(advice(error)) from error


_FACE = LazyFace(__name__, _FILES, _load)
__all__ = [*_FACE.names, "run_search"]
__getattr__, __dir__ = _FACE.__getitem__, _FACE.__dir__
