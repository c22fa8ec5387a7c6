"""The public names that the lock uses, each found at one place: under its new name, else under the one it had.

Nothing else in this folder imports the package.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

import naslib_zc_plugin as zc
from naslib_zc_plugin.spaces import space

PLACE = os.path.dirname(os.path.abspath(zc.__file__))
"""Folder of the package that is recorded."""


def proxy(name: str, label: str = "", **options: Any) -> Any:
    """A proxy with options."""
    return zc.proxy(name, label=label or name, **options)


def score(net: Any, batch: Any, asked: Any, seed: int, **more: Any) -> dict[str, tuple[str, Any, Any]]:
    """Status, value and spread of each asked proxy, by label."""
    found = zc.score(net, batch, asked, seed=seed, **more)
    return {label: (each.status, each.value, each.spread) for label, each in found.items()}


def build(name: str, key: str, variant: str = "", **sizes: Any) -> Any:
    """The network of a key; ``variant`` is what was called flavour at first."""
    made = space(name)
    if not variant:
        return made.build(key, **sizes)
    try:
        return made.build(key, variant=variant, **sizes)
    except TypeError:
        return made.build(key, flavour=variant, **sizes)


def strategy(name: str, domain: Any, **options: Any) -> Any:
    """A search strategy."""
    return _strategies().strategy(name, domain, **options)


def protocol(name: str) -> Any:
    """A published protocol of scoring."""
    room = _first("protocols", "presets")
    return (room.protocol if hasattr(room, "protocol") else room.preset)(name)


def images(name: str, pixels: Any, labels: Any, classes: int) -> Any:
    """Labelled images that bear the name of a data set."""
    return import_module("naslib_zc_plugin.probes").Probe(name, pixels, labels, classes)


def tokens(name: str, words: Any, vocabulary: int, targets: Any) -> Any:
    """Sequences of tokens."""
    return import_module("naslib_zc_plugin.probes").Tokens(name, words, vocabulary, targets)


def probe(source: str, **options: Any) -> Any:
    """Images or tokens of a source."""
    return import_module("naslib_zc_plugin.probes").probe(source, **options)


def host(name: str) -> ModuleType:
    """The module of a host, ``nni`` or ``naslib``."""
    return import_module(f"naslib_zc_plugin.hosts.{name}")


def strays() -> list[str]:
    """Modules of the package that were imported from another place than it: another tree is installed, too."""
    loaded = {name: getattr(each, "__file__", None) for name, each in list(sys.modules.items())}
    ours = {name: file for name, file in loaded.items() if name.split(".")[0] == zc.__name__ and file}
    return sorted(name for name, file in ours.items() if not os.path.abspath(file).startswith(PLACE + os.sep))


def _strategies() -> ModuleType:
    return _first("strategies", "search")


def _first(*rooms: str) -> ModuleType:
    """The first of the modules that the package has, looked for in its own folder alone."""
    for room in rooms:
        if PathFinder.find_spec(f"{zc.__name__}.{room}", zc.__path__) is not None:
            return import_module(f"{zc.__name__}.{room}")
    raise ModuleNotFoundError(f"{PLACE} has none of {rooms}")


__all__ = [
    "PLACE", "build", "host", "images", "probe", "protocol", "proxy", "score", "space", "strategy", "strays",
    "tokens",
]  # fmt: skip
