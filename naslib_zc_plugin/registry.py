"""The one way to find an entry by its name: entries of this package, and those of other distributions.

A room declares one :class:`Registry`. Its own entries are the files of one folder; other distributions add entries
through an entry-point group. Listing looks at file names and at installed metadata alone; a module is imported when
its entry is loaded.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import logging
import os
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Callable, Generic, TypeVar

logger = logging.getLogger(__name__)
Entry = TypeVar("Entry")


def closest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the closest known names, else all of them.

    >>> closest("naswott", ["naswot", "synflow"])
    'did you mean naswot?'
    >>> closest("accuracy", ["naswot", "synflow"])
    'there are naswot, synflow'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names) or 'none'}"


def check_options(what: str, function: Callable[..., Any], given: Iterable[str], first: int = 0) -> None:
    """Check that a function takes the named keyword arguments.

    Args:
        what: the function's name in the message, such as ``"engine local"``.
        function: its parameters after the first ``first`` are the options.
        given: names of the options asked for.
        first: number of leading parameters that are no options.

    Raises:
        ValueError: an option is unknown, or one without a default is missing.
    """
    parameters = list(inspect.signature(function).parameters.values())[first:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known, names = [parameter.name for parameter in parameters], list(given)
    for name in names:
        if name not in known:
            raise ValueError(f"{what} has no option {name!r}; {closest(name, known)}")
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in names:
            raise ValueError(f"{what} needs the option {parameter.name!r}")


class Registry(Generic[Entry]):
    """Entries of one kind, found by name.

    A fault of another distribution stays with its entry: one that cannot be loaded, or that takes a name twice, fails
    when it is loaded, with a message that names it. Where it takes the name of an entry of this package, ours
    is used and a warning is logged.

    Args:
        kind: the entries' kind in messages, such as ``"search space"``.
        package: the package whose modules are the entries, except those whose names start with ``_``. Empty: none are.
        group: the entry-point group of other distributions.
        attribute: the name under which a module offers its entry; ``"{name}"`` stands for the entry's own name.
            Empty: the module itself is the entry.
        is_entry: whether a loaded object is an entry of that name.
        requirement: what an entry must be, for the message where it is not.
        others: modules of the package that are no entries.
        more: further entries of this package, name → ``"module:attribute"``.
        aliases: other spellings, alias → name, or a function that returns them. They are looked up only for a name
            that is unknown.

    >>> codecs = Registry("encoding", "encodings", "a.group", attribute="getregentry", aliases={"ansi": "cp1252"})
    >>> codecs.names("utf_8*")
    ['utf_8', 'utf_8_sig']
    >>> codecs.canonical("ansi"), codecs.load("ansi")().name
    ('cp1252', 'cp1252')
    >>> codecs.load("koi8_rr")
    Traceback (most recent call last):
    ValueError: unknown encoding 'koi8_rr'; did you mean koi8_r or koi8_u or koi8_t?
    """

    def __init__(
        self,
        kind: str,
        package: str,
        group: str,
        *,
        attribute: str = "{name}",
        is_entry: Callable[[str, Any], bool] = lambda name, found: True,
        requirement: str = "",
        others: Iterable[str] = (),
        more: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._aliases = aliases or {}
        self._attribute, self._is_entry, self._requirement = attribute, is_entry, requirement
        self._others, self._more = frozenset(others), dict(more or {})
        self._added: dict[str, Entry] = {}
        self._own: dict[str, str] | None = None
        self._ignored: set[str] = set()
        self._loaded: dict[tuple[str, str], Entry] = {}

    def names(self, pattern: str = "*") -> list[str]:
        """Return the sorted names that match a shell-style pattern; nothing is imported."""
        known = {*self._ours(), *self._added, *self._theirs()}
        return sorted(name for name in known if fnmatchcase(name, pattern))

    def canonical(self, name: str) -> str:
        """Return the name of an entry, given its name or an alias.

        Raises:
            ValueError: the name is unknown; the message names the closest.
        """
        if name in self._ours() or name in self._added or name in self._theirs():
            return name
        aliases = self._aliases() if callable(self._aliases) else self._aliases
        if name in aliases:
            return aliases[name]
        raise ValueError(f"unknown {self.kind} {name!r}; {closest(name, self.names())}")

    def load(self, name: str) -> Entry:
        """Return the entry of a name or an alias.

        Raises:
            ValueError: the name is unknown, or two distributions take it.
            TypeError: another distribution's entry cannot be loaded, or is no entry of that name.
        """
        name = self.canonical(name)
        if name in self._added:
            return self._added[name]
        ours = self._ours().get(name)
        found = [ours] if ours else self._theirs()[name]
        if len(found) > 1:
            raise ValueError(
                f"the {self.kind} {name!r} is registered twice, by {' and by '.join(found)}; "
                "uninstall one of the distributions, or rename its entry"
            )
        (source,) = found
        if (name, source) not in self._loaded:
            self._loaded[name, source] = self._import(name, source, ours is not None)
        return self._loaded[name, source]

    def add(self, name: str, entry: Entry) -> None:
        """Add an entry to this process.

        Raises:
            ValueError: the name belongs to another entry.
        """
        if name in self._ours() or self._added.get(name, entry) is not entry:
            raise ValueError(f"there is another {self.kind} named {name!r}; choose another name")
        self._added[name] = entry

    def _ours(self) -> dict[str, str]:
        if self._own is None:
            path = importlib.import_module(self.package).__path__ if self.package else ()
            names = [module.name for module in pkgutil.iter_modules(path)]
            entries = [name for name in names if not name.startswith("_") and name not in self._others]
            own = {name: f"{self.package}.{name}:{self._attribute.format(name=name)}" for name in entries}
            self._own = {**own, **self._more}
        return self._own

    def _theirs(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for point in installed(self.group):
            if point.name in self._ours():
                if point.value not in self._ignored:  # once is enough
                    logger.warning(
                        "the %s %r of another distribution (%s) is ignored, for this package has one of that name; "
                        "rename its entry", self.kind, point.name, point.value,
                    )  # fmt: skip
                self._ignored.add(point.value)
            elif point.value not in found.setdefault(point.name, []):
                found[point.name].append(point.value)
        return found

    def _import(self, name: str, source: str, ours: bool) -> Entry:
        module, _, attribute = source.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split(".") if attribute else ():
                found = getattr(found, part)
        except Exception as error:
            if ours:  # an extra that is not installed, say: its own message is the right one
                raise
            raise TypeError(
                f"the {self.kind} {name!r} of another distribution cannot be loaded from {source} "
                f"({type(error).__name__}: {error}); repair or uninstall that distribution"
            ) from error
        if not self._is_entry(name, found):
            raise TypeError(f"{source} is no {self.kind} named {name!r}: {self._requirement}")
        entry: Entry = found
        return entry


def installed(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, of all installed distributions."""
    return list(_installed(group, tuple((folder, _changed(folder)) for folder in sys.path)))


@lru_cache(maxsize=64)
def _installed(group: str, folders: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    """Read the entry points of all distributions, anew only where a folder of Python's path is new or has changed."""
    points = entry_points()
    # Python 3.9 gives a mapping of groups.
    return tuple(points.select(group=group) if hasattr(points, "select") else points.get(group, ()))


def _changed(folder: str) -> int:
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0
