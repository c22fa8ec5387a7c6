"""One file per proxy: its mathematics as a pure function of observations, and one ``@proxy`` record.

The file's name is the proxy's name, and being here is all it takes to be found; files whose names begin with an
underscore are no proxies. Other distributions register theirs in the entry-point group ``naslib_zc_plugin.proxies``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from naslib_zc_plugin.record import NO_OPTIONS, Proxy, ProxyInfo, ProxyRequest
from naslib_zc_plugin.registry import Registry

__all__ = ["PROXIES", "canonical", "describe", "list_proxies", "measured_costs", "proxy"]
logger = logging.getLogger(__name__)


def _aliases() -> dict[str, str]:
    """Return other spellings → names, of all proxies that can be loaded."""
    found: dict[str, str] = {}
    for name in PROXIES.names():
        try:
            aliases = PROXIES.load(name).aliases
        except (TypeError, ValueError) as error:  # of another distribution: its own failure, and nobody else's
            logger.debug("aliases of %s are unknown: %s", name, error)
        else:
            found.update({alias: found.get(alias, name) for alias in aliases})
    return found


PROXIES: Registry[Proxy] = Registry(
    "proxy",
    __name__,
    "naslib_zc_plugin.proxies",
    is_entry=lambda name, found: isinstance(found, Proxy) and found.name == name,
    requirement="decorate a function of that name with @proxy",
    aliases=_aliases,
)
"""All proxies, by name."""


def list_proxies(pattern: str = "*") -> list[str]:
    """Return the names of the proxies that match a shell-style pattern, in alphabetical order.

    Args:
        pattern: such as ``"grad*"``.

    >>> list_proxies("grad*")
    ['grad_norm', 'gradalign1', 'gradalign2', 'gradsign']
    """
    return PROXIES.names(pattern)


def describe(name: str) -> ProxyInfo:
    """Return the facts of a proxy: version, paper, direction, needs, options, other names, documentation, cost.

    Args:
        name: its name, or another spelling of the field's.

    Raises:
        ValueError: no proxy has that name.

    >>> describe("nwot").name, describe("gradalign1").options["gram"].choices
    ('naswot', ('sign', 'cosine', 'raw'))
    """
    found = PROXIES.load(name).info()
    return replace(found, units=measured_costs().get(found.name, {}).get("units"))


@cache
def measured_costs() -> dict[str, dict[str, Any]]:
    """Return the cost of each proxy alone, as it was measured: name → ``units`` of time, ``memory``, ``on``.

    A unit of time is a forward and a backward pass of the same network and batch; memory is the peak as a multiple of
    theirs. Without ``on``, which names another space and batch, the network is one of NAS-Bench-201 (16 channels, 15
    cells) on 64 images. There is no entry for what was not measured.

    >>> measured_costs()["naswot"]["units"]
    0.5
    """
    text = Path(__file__).parents[1].joinpath("measured_costs.json").read_text(encoding="utf-8")
    entries: dict[str, dict[str, Any]] = json.loads(text)["entries"]
    return entries


def canonical(name: str) -> tuple[str, Mapping[str, Any]]:
    """Return the name of a proxy, and the options that the given spelling stands for.

    Args:
        name: its name, or another spelling of the field's.

    Raises:
        ValueError: no proxy has that name; the message names the closest.

    >>> canonical("synflow_bn")
    ('synflow', {'keep_norm': '*'})
    """
    found = PROXIES.canonical(name)
    return found, NO_OPTIONS if found == name else PROXIES.load(found).aliases[name]


def proxy(name: str, *, label: str = "", **options: Any) -> ProxyRequest:
    """Return a proxy with options, to be asked for in :func:`naslib_zc_plugin.score`.

    Args:
        name: name of the proxy, or another spelling of the field's.
        label: key of its score; the name as it is spelled here unless given. With labels, one proxy can be asked for
            several times with different options.
        options: see ``describe(name).options``.

    Raises:
        ValueError: no proxy has that name, or an option does not take the value.
        TypeError: the proxy has no such option.

    >>> proxy("nwot")
    ProxyRequest(name='naswot', options={}, label='nwot')
    """
    found, usual = canonical(name)
    request = ProxyRequest(found, {**usual, **options}, label or name)
    PROXIES.load(found).observations(request.options)
    return request
