"""Search spaces: what an architecture key means, and the network that it builds.

One folder is one space, unless its name begins with ``_``: what several share. It offers ``SPACE``, an object that
keeps to :class:`~naslib_zc_plugin.spaces.base.Space`. A new space is a new folder and no edit here, or an object of
another distribution, registered in the entry-point group ``naslib_zc_plugin.spaces`` (name = module:object). Keys need
no torch, only ``build`` does.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from naslib_zc_plugin.registry import installed
from naslib_zc_plugin.spaces.base import Space

__all__ = ["Space", "space", "spaces"]

GROUP = "naslib_zc_plugin.spaces"


def spaces() -> list[str]:
    """Names of the search spaces, sorted; none of them is imported."""
    return sorted({*_folders(), *(point.name for point in installed(GROUP))})


def space(name: str) -> Space:
    """The search space called ``name``.

    Raises:
        ValueError: no such space; the message lists the known ones.
        TypeError: what is registered by that name cannot be loaded, or is no search space of that name.
    """
    if name in _folders():
        return cast(Space, import_module(f"{__name__}.{name}").SPACE)
    for point in installed(GROUP):
        if point.name == name:
            try:
                found = point.load()
            except (ImportError, AttributeError) as error:
                raise TypeError(f"search space {name!r} cannot be loaded from {point.value}: {error}") from error
            if isinstance(found, Space) and found.name == name:
                return found
            raise TypeError(f"{point.value} is not a search space named {name!r}: it needs what spaces/base.py lists")
    known = spaces()
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"unknown search space {name!r}; known: {', '.join(known)}.{hint}")


@cache  # tables ask for their space at every row
def _folders() -> tuple[str, ...]:
    return tuple(module.name for module in iter_modules(__path__) if module.ispkg and not module.name.startswith("_"))
