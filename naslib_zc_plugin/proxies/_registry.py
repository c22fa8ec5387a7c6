"""Which proxies there are. Listing looks at names of files and entry points; a file is loaded when it is used."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.plugins import registered
from naslib_zc_plugin.request import ProxyInfo, ProxyRequest

if TYPE_CHECKING:
    from naslib_zc_plugin.record import Proxy

PACKAGE = "naslib_zc_plugin.proxies"
GROUP = "naslib_zc_plugin.proxies"


def _sources() -> dict[str, EntryPoint]:
    path = importlib.import_module(PACKAGE).__path__
    files = [module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")]
    sources: dict[str, EntryPoint] = {}
    for point in [EntryPoint(name, f"{PACKAGE}.{name}:{name}", GROUP) for name in files] + registered(GROUP):
        if point.name in sources and sources[point.name].value != point.value:
            raise ValueError(
                f"two proxies are called {point.name!r}: {sources[point.name].value} and {point.value}; "
                "rename one, or uninstall the distribution that brings it"
            )
        sources[point.name] = point
    return sources


def proxies(pattern: str = "*") -> list[str]:
    """Names of the proxies that match a shell-style pattern, in alphabetical order.

    >>> proxies("grad*")
    ['grad_norm', 'gradalign1', 'gradalign2', 'gradsign']

    Raises:
        ValueError: two proxies have the same name.
    """
    return sorted(name for name in _sources() if fnmatchcase(name, pattern))


@cache
def load(name: str) -> Proxy:
    """The proxy of a name.

    Raises:
        ValueError: there is none; the message names the closest.
        TypeError: what stands at that name is no proxy record, or one of another name.
    """
    from naslib_zc_plugin.record import Proxy

    sources = _sources()
    if name not in sources:
        close = difflib.get_close_matches(name, sources, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(sorted(sources))}"
        raise ValueError(f"no proxy is called {name!r}; {hint}")
    try:
        found = sources[name].load()
    except (ImportError, AttributeError) as error:
        raise TypeError(f"proxy {name!r} cannot be loaded from {sources[name].value}: {error}") from error
    if not isinstance(found, Proxy) or found.name != name:
        raise TypeError(
            f"{sources[name].value} is not a proxy named {name!r}: decorate a function of that name with @proxy"
        )
    return found


def describe(name: str) -> ProxyInfo:
    """Facts of a proxy: version, paper, direction, needs, options, documentation.

    Raises:
        ValueError: no proxy has that name.
    """
    return load(name).info()


def proxy(name: str, *, label: str = "", **options: Any) -> ProxyRequest:
    """A proxy with options, to be asked for in :func:`naslib_zc_plugin.score`.

    Args:
        name: name of the proxy.
        label: key of its score, to ask for one proxy several times with different options.
        options: see ``describe(name).options``.

    Raises:
        ValueError: no proxy has that name, or an option's value is not one that it takes.
        TypeError: the proxy has no such option.
    """
    load(name).observations(options)
    return ProxyRequest(name, options, label)
