"""What engines are given and give back, as plain values that travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """An architecture to score, and the labels of the proxies that are missing."""

    key: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One proxy's score of an architecture: see :class:`naslib_zc_plugin.Score`; ``seconds`` is None if never run."""

    label: str
    value: float | None
    status: str
    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        key: the architecture.
        rows: one per label asked for.
        seconds: from its key to its scores, building included; None if a process died of it.
        memory: bytes, the scoring process at its largest meanwhile; None where it cannot be told.
        exhausted: the process ran out of memory, and should be replaced.
    """

    key: str
    rows: tuple[Row, ...]
    seconds: float | None = None
    memory: int | None = None
    exhausted: bool = False

    def plain(self) -> dict[str, Any]:
        """As values that JSON knows; inverse of :func:`outcome`."""
        return asdict(self)


def outcome(plain: Mapping[str, Any]) -> Outcome:
    """The outcome that :meth:`Outcome.plain` was made of."""
    return Outcome(**{**plain, "rows": tuple(Row(**row) for row in plain["rows"])})


def failed(task: Task, reason: str, labels: Sequence[str] = ()) -> Outcome:
    """The outcome of a task without a single score, for one reason."""
    return Outcome(task.key, tuple(Row(label, None, "failed", reason) for label in labels or task.labels))
