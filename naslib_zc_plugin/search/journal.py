"""The record of an experiment: one SQLite file, one writer, whole after every kill."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from naslib_zc_plugin.store.database import SEALED, Format, ResultsFile, reading, sqlite_errors

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
JOURNAL = Format(0x5A43_4A31, (_VERSION_1, SEALED), readable=1)  # "ZCJ1"
_EVERY = 0.5  # seconds that cheap entries may wait for others, to be written together


@dataclass(frozen=True)
class Entry:
    """An evaluation, as the journal keeps it.

    Attributes:
        key: the architecture.
        fitness: higher is better; None: there is none.
        seconds: cost of the evaluation.
        clock: seconds of the search up to here, evaluations and scores.
        scored: architectures that were scored up to here.
        reason: the reason if there is no fitness.
        metrics: other numbers of the evaluator, by name.
    """

    key: str
    fitness: float | None
    seconds: float
    clock: float
    scored: int
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ProxyScore:
    """A proxy's score of an architecture.

    Attributes:
        fitness: the value, oriented so that higher is better; None unless the status is ok.
        status: ``ok``, ``undefined``, ``failed``, or that of a table without a score.
        reason: the reason if there is no value.
        seconds: of every pass that the proxy needed.
    """

    fitness: float | None
    status: str
    reason: str
    seconds: float


class Journal(ResultsFile):
    """A journal that is open for writing.

    Args:
        path: the file; made if it is not there.

    Raises:
        StoreError: it cannot be opened, is damaged, is no journal, is of a newer version, or has another writer.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, JOURNAL)
        self._waiting: list[tuple[str, int, int, Entry]] = []
        self._since = time.monotonic()

    def close(self) -> None:
        """Write waiting steps, and close the file."""
        try:
            self.flush()
        finally:
            super().close()

    def provenance(self) -> dict[str, dict[str, Any]]:
        """Return the provenance of each search, by label."""
        with sqlite_errors(self.path):
            return _provenance(self.connection)

    def declare(self, provenance: Mapping[str, Mapping[str, Any]]) -> None:
        """Record searches and their provenance, unless the journal has them."""
        with self.transaction():
            self.connection.executemany(
                "INSERT OR IGNORE INTO search (label, facts) VALUES (?, ?)",
                [(label, json.dumps(made)) for label, made in provenance.items()],
            )

    def history(self, search: str, repeat: int) -> list[Entry]:
        """Return the recorded steps of a repeat."""
        self.flush()
        with sqlite_errors(self.path):
            return _history(self.connection, search, repeat)

    def add(self, search: str, repeat: int, step: int, entry: Entry, at_once: bool) -> None:
        """Record a step; with others, half a second later at most, unless ``at_once``."""
        self._waiting.append((search, repeat, step, entry))
        if at_once or time.monotonic() - self._since > _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write waiting steps, in one transaction."""
        if self._waiting:
            with self.transaction():
                self.connection.executemany(
                    "INSERT OR IGNORE INTO architecture (key) VALUES (?)",
                    [(entry.key,) for *_, entry in self._waiting],
                )
                self.connection.executemany(
                    "INSERT OR REPLACE INTO evaluation VALUES ((SELECT id FROM search WHERE label = ?), ?, ?, "
                    "(SELECT id FROM architecture WHERE key = ?), ?, ?, ?, ?, ?, ?)",
                    [(search, repeat, step, *_values(entry)) for search, repeat, step, entry in self._waiting],
                )
            self._waiting = []
        self._since = time.monotonic()

    def find_score(self, proxy: str, key: str) -> ProxyScore | None:
        """Return the score of a key by a proxy's name in the journal; None if there is none."""
        with sqlite_errors(self.path):
            row = self.connection.execute(
                "SELECT worth, status, reason, seconds FROM score WHERE proxy = ? AND architecture = "
                "(SELECT id FROM architecture WHERE key = ?)",
                (proxy, key),
            ).fetchone()
        return ProxyScore(*row) if row else None

    def add_score(self, proxy: str, key: str, found: ProxyScore) -> None:
        """Record the score of a key by a proxy's name in the journal, at once."""
        with self.transaction():
            self.connection.execute("INSERT OR IGNORE INTO architecture (key) VALUES (?)", (key,))
            self.connection.execute(
                "INSERT OR REPLACE INTO score VALUES (?, (SELECT id FROM architecture WHERE key = ?), ?, ?, ?, ?)",
                (proxy, key, found.fitness, found.status, found.reason, found.seconds),
            )


def histories(path: str | Path) -> dict[str, dict[int, list[Entry]]]:
    """Return all steps in a journal, by search and repeat; also while an experiment writes to it.

    Raises:
        StoreError: there is no such file, it is damaged, or it is no journal.
    """
    with reading(path, JOURNAL) as connection:
        found: dict[str, dict[int, list[Entry]]] = {label: {} for label in _provenance(connection)}
        repeats = connection.execute(
            "SELECT DISTINCT label, repeat FROM evaluation JOIN search ON search = search.id ORDER BY 1, 2"
        ).fetchall()
        for label, repeat in repeats:
            found[label][repeat] = _history(connection, label, repeat)
        return found


def scores_of(path: str | Path, proxy: str) -> dict[str, float | None]:
    """Return the scores by a proxy's name in a journal, key → fitness; None where it is undefined, NaN where it failed.

    Raises:
        StoreError: there is no such file, it is damaged, or it is no journal.
    """
    with reading(path, JOURNAL) as connection:
        rows = connection.execute(
            "SELECT key, worth, status FROM score JOIN architecture ON architecture = architecture.id WHERE proxy = ?",
            (proxy,),
        )
        return {key: worth if status in ("ok", "undefined") else math.nan for key, worth, status in rows}


# Columns keep the names of their first version: ``worth`` is a score's fitness, ``told`` an evaluation's metrics,
# ``facts`` a search's provenance.


def _history(connection: sqlite3.Connection, search: str, repeat: int) -> list[Entry]:
    rows = connection.execute(
        "SELECT key, fitness, seconds, clock, scored, reason, told FROM evaluation JOIN architecture "
        "ON architecture = architecture.id WHERE search = (SELECT id FROM search WHERE label = ?) AND repeat = ? "
        "ORDER BY step",
        (search, repeat),
    )
    return [
        Entry(key, fitness, seconds, clock, scored, reason or "", json.loads(metrics or "{}"))
        for key, fitness, seconds, clock, scored, reason, metrics in rows
    ]


def _values(entry: Entry) -> tuple[Any, ...]:
    metrics = json.dumps(dict(entry.metrics)) if entry.metrics else None
    return entry.key, entry.fitness, entry.seconds, entry.clock, entry.scored, entry.reason or None, metrics


def _provenance(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    return {label: json.loads(facts) for label, facts in connection.execute("SELECT label, facts FROM search")}
