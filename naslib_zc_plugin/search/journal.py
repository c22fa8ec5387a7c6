"""What happened in an experiment: one SQLite file, one writer, whole after every kill."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign.database import read, told, write
from naslib_zc_plugin.campaign.schema import Format
from naslib_zc_plugin.search.scores import Scored

_VERSION_1 = """
CREATE TABLE architecture (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE search (id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, facts TEXT NOT NULL);
CREATE TABLE evaluation (
    search INTEGER NOT NULL REFERENCES search (id),
    repeat INTEGER NOT NULL,
    step INTEGER NOT NULL,
    architecture INTEGER NOT NULL REFERENCES architecture (id),
    fitness REAL,
    seconds REAL NOT NULL,
    clock REAL NOT NULL,         -- seconds of the whole search up to here, scores included
    scored INTEGER NOT NULL,     -- architectures that were scored up to here
    reason TEXT,
    told TEXT,
    PRIMARY KEY (search, repeat, step)
) WITHOUT ROWID;
CREATE TABLE score (
    proxy TEXT NOT NULL,
    architecture INTEGER NOT NULL REFERENCES architecture (id),
    worth REAL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (proxy, architecture)
) WITHOUT ROWID;
"""
JOURNAL = Format(0x5A43_4A31, (_VERSION_1,))  # "ZCJ1"
_EVERY = 0.5  # seconds that cheap entries may wait for others, to be written together


@dataclass(frozen=True)
class Entry:
    """An evaluation that was done.

    Attributes:
        key: the architecture.
        fitness: higher is better; None: there is none.
        seconds: what the evaluation cost.
        clock: seconds of the search up to here, evaluations and scores.
        scored: architectures that were scored up to here.
        reason: why there is no fitness.
        told: what else the evaluator found.
    """

    key: str
    fitness: float | None
    seconds: float
    clock: float
    scored: int
    reason: str = ""
    told: Mapping[str, float] = field(default_factory=dict)


class Journal:
    """A journal that is open for writing.

    Args:
        path: the file; made if it is not there.

    Raises:
        StoreError: it cannot be opened, is damaged, is no journal, is of a newer version, or has another writer.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._connection, self._lock = write(self.path, JOURNAL)
        self._waiting: list[tuple[str, int, int, Entry]] = []
        self._since = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and close the file."""
        try:
            self.flush()
        finally:
            self._connection.close()
            self._lock.close()

    def facts(self) -> dict[str, dict[str, Any]]:
        """By search, what its history depends on."""
        with told(self.path):
            return _facts(self._connection)

    def declare(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """Note searches and what their histories depend on."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO search (label, facts) VALUES (?, ?)",
                [(label, json.dumps(each)) for label, each in facts.items()],
            )

    def history(self, search: str, repeat: int) -> list[Entry]:
        """What was recorded of a repeat, step by step."""
        self.flush()
        with told(self.path):
            return history(self._connection, search, repeat)

    def add(self, search: str, repeat: int, step: int, entry: Entry, at_once: bool) -> None:
        """Record a step; with others, half a second later at most, unless it is to be done at once."""
        self._waiting.append((search, repeat, step, entry))
        if at_once or time.monotonic() - self._since > _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what waits, in one transaction."""
        if self._waiting:
            with self._transaction():
                self._connection.executemany(
                    "INSERT OR IGNORE INTO architecture (key) VALUES (?)",
                    [(entry.key,) for *_, entry in self._waiting],
                )
                self._connection.executemany(
                    "INSERT OR REPLACE INTO evaluation VALUES ((SELECT id FROM search WHERE label = ?), ?, ?, "
                    "(SELECT id FROM architecture WHERE key = ?), ?, ?, ?, ?, ?, ?)",
                    [(search, repeat, step, *_values(entry)) for search, repeat, step, entry in self._waiting],
                )
            self._waiting = []
        self._since = time.monotonic()

    def score(self, proxy: str, key: str) -> Scored | None:
        """A score that was noted; None if there is none."""
        with told(self.path):
            row = self._connection.execute(
                "SELECT worth, status, reason, seconds FROM score WHERE proxy = ? AND architecture = "
                "(SELECT id FROM architecture WHERE key = ?)",
                (proxy, key),
            ).fetchone()
        return Scored(*row) if row else None

    def note(self, proxy: str, key: str, found: Scored) -> None:
        """Note a score, at once."""
        with self._transaction():
            self._connection.execute("INSERT OR IGNORE INTO architecture (key) VALUES (?)", (key,))
            self._connection.execute(
                "INSERT OR REPLACE INTO score VALUES (?, (SELECT id FROM architecture WHERE key = ?), ?, ?, ?, ?)",
                (proxy, key, found.worth, found.status, found.reason, found.seconds),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # An interrupt may come between any two steps: what is begun is taken back, at the latest by the next
        # transaction, and what was committed may be written again.
        with told(self.path):
            self._roll_back()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def histories(path: str | Path) -> dict[str, dict[int, list[Entry]]]:
    """All that a journal holds, by search and repeat; also while an experiment writes to it.

    Raises:
        StoreError: there is none, or it is damaged or no journal.
    """
    with told(Path(path)), closing(read(path, JOURNAL)) as connection:
        connection.execute("BEGIN")  # one moment, however long the reading takes
        found: dict[str, dict[int, list[Entry]]] = {label: {} for label in _facts(connection)}
        repeats = connection.execute(
            "SELECT DISTINCT label, repeat FROM evaluation JOIN search ON search = search.id ORDER BY 1, 2"
        ).fetchall()
        for label, repeat in repeats:
            found[label][repeat] = history(connection, label, repeat)
        return found


def history(connection: sqlite3.Connection, search: str, repeat: int) -> list[Entry]:
    """What was recorded of a repeat, step by step."""
    rows = connection.execute(
        "SELECT key, fitness, seconds, clock, scored, reason, told FROM evaluation JOIN architecture "
        "ON architecture = architecture.id WHERE search = (SELECT id FROM search WHERE label = ?) AND repeat = ? "
        "ORDER BY step",
        (search, repeat),
    )
    return [
        Entry(key, fitness, seconds, clock, scored, reason or "", json.loads(others or "{}"))
        for key, fitness, seconds, clock, scored, reason, others in rows
    ]


def _values(entry: Entry) -> tuple[Any, ...]:
    others = json.dumps(dict(entry.told)) if entry.told else None
    return entry.key, entry.fitness, entry.seconds, entry.clock, entry.scored, entry.reason or None, others


def _facts(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    return {label: json.loads(facts) for label, facts in connection.execute("SELECT label, facts FROM search")}
