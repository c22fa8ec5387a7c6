"""Strategies by name, those of this package and of others."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from naslib_zc_plugin.registry import installed
from naslib_zc_plugin.strategies.base import Domain, Fitness, Seed, Strategy
from naslib_zc_plugin.strategies.presets import preset as settings

GROUP = "naslib_zc_plugin.strategies"
"""The entry-point group in which other distributions register theirs (name = module:class)."""


def strategies() -> list[str]:
    """Names of the strategies, sorted."""
    return sorted({*_files(), *(point.name for point in installed(GROUP))})


def strategy(
    name: str, domain: Domain, *, score: Fitness | None = None, seed: Seed = 0, preset: str = "", **options: Any
) -> Strategy:
    """A strategy by its name.

    Args:
        name: one of :func:`strategies`.
        domain: the search space.
        score: fitness without evaluation, for the strategies that use one.
        seed: of all that is drawn.
        preset: published settings, which ``options`` overrule (:mod:`.presets`).
        options: the strategy's own, see its class.

    Raises:
        ValueError: no such strategy or preset, a preset of other strategies, or an option out of range.
        TypeError: an option that the strategy does not have.
    """
    found = strategy_class(name)
    published = settings(preset) if preset else {name: {}}
    if name not in published:
        raise ValueError(f"the settings {preset!r} are of {', '.join(published)}, not of {name}")
    try:
        return found(domain, score=score, seed=seed, **{**published[name], **options})
    except TypeError as error:
        text = re.sub(r"^\S*__init__\(\) got an unexpected keyword argument", "has no option", str(error))
        raise TypeError(f"strategy {name!r}: {text}") from error


def strategy_class(name: str) -> type[Strategy]:
    """The class of a strategy.

    Raises:
        ValueError: there is none; the message names the closest.
        TypeError: what is registered by that name is no strategy.
    """
    if name in _files():
        found: type[Strategy] = import_module(f"naslib_zc_plugin.strategies.{name}").STRATEGY
        return found
    for point in installed(GROUP):
        if point.name == name:
            found = point.load()
            if not (isinstance(found, type) and issubclass(found, Strategy)):
                raise TypeError(f"{point.value}, registered as the strategy {name!r}, is no subclass of Strategy")
            return found
    close = get_close_matches(name, strategies(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(strategies())}"
    raise ValueError(f"unknown strategy {name!r}; {hint}")


def _files() -> list[str]:
    path = import_module("naslib_zc_plugin.strategies").__path__
    others = ("base", "checks", "presets", "registry")
    return [module.name for module in iter_modules(path) if module.name not in others]
