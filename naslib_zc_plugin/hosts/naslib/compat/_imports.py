"""Do something around the import of a module, or now if it is imported: nothing is imported for its own sake."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Callable

Around = Callable[[ModuleType], AbstractContextManager[None]]
"""Entered before the module is executed, left afterwards."""

_AROUND: dict[str, list[Around]] = {}


def around_import(name: str, around: Around) -> None:
    """Have the module ``name`` executed inside ``around(module)``; if it is there, pass through ``around`` at once."""
    if name in sys.modules:
        with around(sys.modules[name]):
            return
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _AROUND.setdefault(name, []).append(around)


class _Finder(MetaPathFinder):
    """Finds the modules of :data:`_AROUND` where Python would, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _AROUND:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Around(spec.loader, _AROUND[fullname])
        return spec


class _Around(Loader):
    """Another loader, with something done around its work; the module does not notice."""

    def __init__(self, loader: Loader, around: Sequence[Around]) -> None:
        self._loader, self._around = loader, around

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with ExitStack() as stack:
            for around in self._around:
                stack.enter_context(around(module))
            self._loader.exec_module(module)
