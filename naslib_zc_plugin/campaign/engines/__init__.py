"""Engines, which run scoring processes: one file is one engine, found by its name, ours or another distribution's.

A file ``<name>.py`` offers ``engine(config, **options)``, which returns an :class:`Engine`; another distribution names
such a function in the entry-point group ``naslib_zc_plugin.engines``. Tasks go in, outcomes come out; an engine knows
neither the store nor the plan. Tasks and outcomes travel as JSON.

>>> list_engines()
['dask', 'local']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Callable, Protocol

from naslib_zc_plugin import __version__
from naslib_zc_plugin.registry import Registry, check_options


@dataclass(frozen=True)
class Task:
    """An architecture to score.

    Attributes:
        key: its key.
        labels: the proxies to score it by.
    """

    key: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One proxy's score of an architecture: see :class:`naslib_zc_plugin.Score`; ``seconds`` is None if never run.

    ``detour`` are the score's detours, in one text.
    """

    label: str
    value: float | None
    status: str
    reason: str
    seconds: float | None = None
    detour: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of a task.

    Attributes:
        key: the architecture.
        rows: one per label of the task.
        seconds: from the key to the scores, building included; None if a process died of it.
        memory: bytes, of the scoring process at its largest meanwhile, with what it keeps of earlier ones; None where
            it cannot be measured.
        exhausted: the process ran out of memory, and should be replaced.
    """

    key: str
    rows: tuple[Row, ...]
    seconds: float | None = None
    memory: int | None = None
    exhausted: bool = False

    def plain(self) -> dict[str, Any]:
        """Return the outcome as values that JSON can hold; :meth:`of` is the inverse."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Outcome:
        """Return the outcome of which :meth:`plain` made these values."""
        return cls(**{**plain, "rows": tuple(Row(**row) for row in plain["rows"])})

    @classmethod
    def failed(cls, task: Task, reason: str) -> Outcome:
        """Return the outcome of a task without a single score, for one reason."""
        return cls(task.key, tuple(Row(label, None, "failed", reason) for label in task.labels))


class EngineError(OSError):
    """Scoring processes cannot be started or reached: no architecture's fault, and nothing scored is lost."""


class Engine(Protocol):
    """Scores tasks somewhere.

    Every task that is submitted comes back exactly once, as an outcome, also if its process hangs, crashes or is
    killed.
    """

    @property
    def capacity(self) -> int:
        """The number of tasks to hold, so that no worker waits for the next one."""

    def submit(self, task: Task) -> None:
        """Take a task."""

    def collect(self, timeout: float) -> Sequence[Outcome]:
        """Return the outcomes since the last call; wait for up to ``timeout`` seconds if there are none.

        Raises:
            EngineError: no process is left that could score.
        """

    def close(self) -> None:
        """End all scoring at once; drop the tasks in flight."""


class NamesEngine(Protocol):
    """A campaign's configuration, as far as it is needed here."""

    @property
    def engine(self) -> Mapping[str, Any]:
        """The engine's name, as ``name``, and its options."""


ENGINES: Registry[Callable[..., Engine]] = Registry(
    "engine",
    __name__,
    "naslib_zc_plugin.engines",
    attribute="engine",
    is_entry=lambda name, found: callable(found),
    requirement="it must be a function engine(config, **options)",
)


def versions() -> dict[str, str]:
    """Return the versions that a campaign and all its workers must agree on; they are stored beside every score."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "missing"
    return {"naslib-zc-plugin": __version__, "torch": torch}


def list_engines(pattern: str = "*") -> list[str]:
    """Return the sorted names of the engines that match a shell-style pattern; nothing is imported."""
    return ENGINES.names(pattern)


def check_engine(given: Mapping[str, Any]) -> None:
    """Check that the ``engine`` of a configuration exists and has the given options.

    Raises:
        ValueError: there is no such engine, or it has no such option; the message names the closest.
    """
    options = dict(given)
    name = options.pop("name")
    check_options(f"engine {name}", ENGINES.load(name), options, first=1)


def engine(config: NamesEngine) -> Engine:
    """Start the engine that a configuration names, with the options that it gives.

    Raises:
        ValueError: an option has an impossible value.
        EngineError: it cannot be started.
    """
    options = dict(config.engine)
    try:
        return ENGINES.load(options.pop("name"))(config, **options)
    except (ValueError, TypeError) as error:
        raise ValueError(f"engine: {error}") from error
