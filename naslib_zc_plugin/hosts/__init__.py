"""Hosts: toolkits that own a loop, search spaces and evaluators, and that our strategies and proxies are plugged into.

One folder is one host, and the only one that imports it. A host that runs whole searches offers ``run_search``. Other
distributions add theirs in the entry-point group ``naslib_zc_plugin.hosts``.

>>> from naslib_zc_plugin.hosts import hosts
>>> hosts()
['naslib', 'nni', 'none']
"""

from __future__ import annotations

from typing import Callable, Optional

from naslib_zc_plugin.registry import Registry
from naslib_zc_plugin.strategies import Strategy

Evaluate = Callable[[str], Optional[float]]
"""Evaluates a key: its fitness, higher is better; None: the evaluation failed, or the fitness is undefined."""
RunSearch = Callable[[Strategy, Evaluate, Callable[[], bool], str], None]
"""``run_search(strategy, evaluate, within_budget, space)`` asks, evaluates and tells one key after the other while
``within_budget()`` holds and the strategy is not exhausted; ``space`` names the search space of the keys."""

HOSTS: Registry[RunSearch] = Registry(
    "host", __name__, "naslib_zc_plugin.hosts", attribute="run_search", more={"none": f"{__name__}.none:drive"}
)


def hosts() -> list[str]:
    """Return the sorted names of the hosts, installed or not."""
    return HOSTS.names()
