"""Where scoring processes run: one file is one engine, found by its name.

A file ``<name>.py`` offers ``engine(config, **options)``, which returns an :class:`Engine`. The door is narrow on
purpose: tasks go in, outcomes come out, and an engine knows neither the store nor the plan.
"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Callable, cast

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines.base import Engine, EngineError

__all__ = ["Engine", "EngineError", "engine", "engines", "starter"]


def engines() -> list[str]:
    """Names of the engines."""
    names = (module.name for module in iter_modules(__path__))
    return sorted(name for name in names if name != "base" and not name.startswith("_"))


def engine(config: Config) -> Engine:
    """The engine that a configuration names, with the options that it gives.

    Raises:
        ValueError: no such engine, or an option that it does not have.
        EngineError: it cannot be started.
    """
    return starter(config)()


def starter(config: Config) -> Callable[[], Engine]:
    """What starts the engine that a configuration names; until it is called, nothing is.

    Raises:
        ValueError: no such engine, or an option that it does not have.
    """
    options = dict(config.engine)
    name = options.pop("name")
    if name not in engines():
        close = get_close_matches(name, engines(), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown engine {name!r}; known: {', '.join(engines())}.{hint}")
    start = import_module(f"{__name__}.{name}").engine
    try:
        inspect.signature(start).bind(config, **options)
    except TypeError as error:
        raise ValueError(f"engine {name}: {error}") from error
    return lambda: cast(Engine, start(config, **options))
