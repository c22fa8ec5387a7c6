"""NASLib's search spaces by their specs: what they mean, which differ in one thing, what others call them. No torch.

One file is one space. It offers ``check(spec)``, which raises ``ValueError`` for what is no spec of it, and
``neighbours(spec)``; ``mutate(spec, rng)`` where NASLib's own cannot be used.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def known(space: str) -> ModuleType | None:
    """What we know of a space of NASLib; None for one of which we know nothing."""
    names = {module.name for module in iter_modules(__path__)}
    return import_module(f"{__name__}.{space}") if space in names else None


def check(spec: Any, space: str) -> None:
    """Nothing, for a spec of a space; whatever the spec, for a space that we do not know.

    Raises:
        ValueError: it is none.
    """
    module = known(space)
    if module is not None:
        module.check(spec)
