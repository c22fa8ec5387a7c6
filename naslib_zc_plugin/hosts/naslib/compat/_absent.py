"""Packages that are not installed and that NASLib hardly uses: it is imported without them, and using them says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from naslib_zc_plugin.hosts.naslib.compat._imports import around_import
from naslib_zc_plugin.hosts.naslib.compat._packages import CORNERS, command, corners, missing
from naslib_zc_plugin.hosts.naslib.compat._record import Repair


class _Absent(ModuleType):
    """A module whose every name is a class that cannot be made an object of."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        top = self.__name__.partition(".")[0]

        def refuse(*_: Any, **__: Any) -> NoReturn:
            raise ImportError(f"{self.__name__}.{name} is used, and {top} is not installed: {command(top)}")

        found = type(name, (), {"__new__": refuse})
        setattr(self, name, found)
        return found


class _Stand(Loader, MetaPathFinder):
    """Finds an empty module for each of ``names`` and whatever is below them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in self._names else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it stays empty."""


@contextmanager
def _standing_in(names: Sequence[str], module: ModuleType) -> Iterator[None]:
    """While NASLib's ``module`` is executed, and for no other, have something to import in place of ``names``."""
    stand = _Stand(names)
    sys.meta_path.insert(0, stand)
    try:
        yield
    finally:
        sys.meta_path.remove(stand)
        for name in [name for name, found in sys.modules.items() if isinstance(found, _Absent)]:
            del sys.modules[name]


def _apply() -> None:
    for module, needs in CORNERS.items():
        lacking = missing(list(needs))
        if lacking:
            around_import(module, partial(_standing_in, lacking))


ABSENT = Repair(
    name="missing-packages",
    breaks="NASLib imports packages for one predictor, plot or search space each (two of them for nothing): without "
    "any of them `import naslib.predictors` or `import naslib.optimizers` fails",
    remedy="those that are missing are left out where NASLib imports them; what uses them says what to install",
    detect=lambda: bool(missing(corners())),
    apply=_apply,
)
