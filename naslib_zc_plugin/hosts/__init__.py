"""Hosts: toolkits that own a loop, search spaces and evaluators, and into which strategies and proxies are put.

One folder is one host, and the only one that imports it; ``none`` is our own loop. A host that runs whole searches
offers ``drive``.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Callable, Optional, cast

from naslib_zc_plugin.strategies import Strategy

Evaluate = Callable[[str], Optional[float]]
"""What a key is worth, higher is better; None: it failed, or its worth is undefined."""
Drive = Callable[[Strategy, Evaluate, Callable[[], bool], str], None]
"""``drive(strategy, evaluate, goes_on, space)``: asks, evaluates and tells, one key after the other, for as long as
``goes_on()`` holds and the strategy is not exhausted; ``space`` names the search space of the keys."""


def hosts() -> list[str]:
    """Names of the hosts, installed or not."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def drive(name: str) -> Drive:
    """The loop of a host.

    Raises:
        ValueError: no such host, or one that runs no whole searches.
        ImportError: it is not installed; the message says how to.
    """
    if name not in hosts():
        raise ValueError(f"unknown host {name!r}; there are {', '.join(hosts())}")
    module = import_module(f"{__name__}.{name}")
    if not hasattr(module, "drive"):
        raise ValueError(f"host {name!r} runs no whole searches")
    return cast(Drive, module.drive)
