"""Hosts: toolkits that own a loop, search spaces and evaluators, and that our strategies and proxies are plugged into.

One folder is one host, and the only one that imports it. A host that runs whole searches offers ``run_search`` (see
:data:`naslib_zc_plugin.search.loop.RunSearch`). Other distributions add theirs in the entry-point group
``naslib_zc_plugin.hosts``.

>>> list_hosts()
['naslib', 'neps', 'nni', 'none', 'optuna']
"""

from __future__ import annotations

from naslib_zc_plugin.search.loop import HOSTS

__all__ = ["list_hosts"]


def list_hosts(pattern: str = "*") -> list[str]:
    """Return the sorted names of the hosts that match a shell-style pattern, installed or not."""
    return HOSTS.names(pattern)
