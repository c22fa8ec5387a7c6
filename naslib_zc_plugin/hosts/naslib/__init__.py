"""NASLib (Develop) as host: proxies as its predictors, our strategies as its optimizers, its graphs as keys, our tables
as its data.

Nothing of NASLib is imported before one of these names is asked for, and nothing of it is changed unless
:mod:`.compat` is asked to.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naslib_zc_plugin.hosts.naslib.adapter import Search
    from naslib_zc_plugin.hosts.naslib.bananas import Bananas, Npenas
    from naslib_zc_plugin.hosts.naslib.catalogue import predictors
    from naslib_zc_plugin.hosts.naslib.domains import GraphDomain, domain
    from naslib_zc_plugin.hosts.naslib.ensemble import ZCEnsembleEvaluator
    from naslib_zc_plugin.hosts.naslib.experiment import drive
    from naslib_zc_plugin.hosts.naslib.graphs import build, key_of, space_of, spec_from, spec_of
    from naslib_zc_plugin.hosts.naslib.measures import register, registered, unregister
    from naslib_zc_plugin.hosts.naslib.optimizers import AgingEvolution, Area, Move, RandomSearch, WarmUp
    from naslib_zc_plugin.hosts.naslib.predictor import ZeroCostPredictor
    from naslib_zc_plugin.hosts.naslib.settings import configuration, optimizer_of, predictor_of
    from naslib_zc_plugin.hosts.naslib.suite import ZcApi, zc_api
    from naslib_zc_plugin.hosts.naslib.tables import dataset_api

__all__ = [
    "AgingEvolution",
    "Area",
    "Bananas",
    "GraphDomain",
    "Move",
    "Npenas",
    "RandomSearch",
    "Search",
    "WarmUp",
    "ZCEnsembleEvaluator",
    "ZcApi",
    "ZeroCostPredictor",
    "build",
    "configuration",
    "dataset_api",
    "domain",
    "drive",
    "key_of",
    "optimizer_of",
    "predictor_of",
    "predictors",
    "register",
    "registered",
    "space_of",
    "spec_from",
    "spec_of",
    "unregister",
    "zc_api",
]

_FILES: dict[str, tuple[str, ...]] = {
    "adapter": ("Search",),
    "bananas": ("Bananas", "Npenas"),
    "catalogue": ("predictors",),
    "domains": ("GraphDomain", "domain"),
    "ensemble": ("ZCEnsembleEvaluator",),
    "experiment": ("drive",),
    "graphs": ("build", "key_of", "space_of", "spec_from", "spec_of"),
    "measures": ("register", "registered", "unregister"),
    "optimizers": ("AgingEvolution", "Area", "Move", "RandomSearch", "WarmUp"),
    "predictor": ("ZeroCostPredictor",),
    "settings": ("configuration", "optimizer_of", "predictor_of"),
    "suite": ("ZcApi", "zc_api"),
    "tables": ("dataset_api",),
}
_PLACES = {name: file for file, names in _FILES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    except (ImportError, RuntimeError) as error:
        from naslib_zc_plugin.hosts.naslib.help import advice

        raise ImportError(advice(error)) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
