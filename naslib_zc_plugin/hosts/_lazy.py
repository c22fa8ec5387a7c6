"""The face of a host: names that are imported when they are used, so that nothing of the host is imported before."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Callable


class LazyFace:
    """The names of a package, each with the file that has it.

    A package has ``__getattr__ = FACE.__getitem__`` and ``__dir__ = FACE.__dir__`` of its own.

    Args:
        package: the package's ``__name__``.
        files: file of the package -> names in it, with blanks between.
        load: imports the file of a full name, and says what is missing where that fails.

    >>> face = LazyFace("naslib_zc_plugin.hosts", {"_lazy": "LazyFace"})
    >>> face["LazyFace"] is LazyFace, face.names
    (True, ['LazyFace'])
    """

    def __init__(self, package: str, files: Mapping[str, str], load: Callable[[str], Any] = import_module) -> None:
        self._package, self._load = package, load
        self._places = {name: file for file, names in files.items() for name in names.split()}
        self.names = sorted(self._places)

    def __getitem__(self, name: str) -> Any:
        """Return what has a name; AttributeError, as of any module, where nothing has."""
        if name not in self._places:
            raise AttributeError(f"module {self._package!r} has no attribute {name!r}")
        return getattr(self._load(f"{self._package}.{self._places[name]}"), name)

    def __dir__(self) -> list[str]:
        """Return the package's names, whether they are imported or not."""
        return sorted({*vars(sys.modules[self._package]), *self.names})
