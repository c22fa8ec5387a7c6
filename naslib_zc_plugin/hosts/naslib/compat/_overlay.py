"""A library as one module of NASLib sees it: the same but for a few names. Nobody else sees these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from naslib_zc_plugin.hosts.naslib.compat._imports import around_import


class _Overlay(ModuleType):
    """A module with other names before its own."""

    def __init__(self, below: Any, names: dict[str, Any]) -> None:
        super().__init__(below.__name__, below.__doc__)
        self.__dict__.update(names, _below=below)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_below"], name)


def overlay(modules: Iterable[str], library: str, **names: Any) -> None:
    """In modules of NASLib, let the global ``library`` have other ``names``, now or when they are imported."""

    @contextmanager
    def around(found: ModuleType) -> Iterator[None]:
        yield
        setattr(found, library, _Overlay(getattr(found, library), names))

    for module in modules:
        around_import(module, around)
