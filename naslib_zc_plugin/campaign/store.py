"""The store of a campaign: one SQLite file, one writer, a transaction for each group of architectures."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign import schema
from naslib_zc_plugin.campaign.outcome import Outcome, Task
from naslib_zc_plugin.table import STATUSES


class StoreError(RuntimeError):
    """A store that cannot be used as asked; the message says what to do, and nothing that was committed is lost."""


@dataclass(frozen=True)
class Counts:
    """Architectures asked for and done, and scores by status (of all that is stored)."""

    asked: int
    done: int
    ok: int
    undefined: int
    failed: int


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's complaints as :class:`StoreError`, with what to do about them."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        advice = next((advice for sign, advice in _ADVICE.items() if sign in text), "")
        raise StoreError(f"{path}: {text}{advice}") from error


_ADVICE = {
    "disk is full": ": free some space and give the same command again; what was committed is kept",
    "disk I/O": ": see to the disk and give the same command again; what was committed is kept",
    "readonly": ": make it writable, or write elsewhere (store: in the configuration)",
    "unable to open": ": is its folder there, and writable?",
    "malformed": ": the file is damaged; restore a copy, or give another store: and score again",
    "not a database": ": it is no store; give another path as store:",
    "locked": ": another campaign writes to it; wait for that one, or give another store:",
}


class Store:
    """A store that is open for writing.

    Args:
        path: the file; made if it is not there.

    Raises:
        StoreError: it cannot be opened, is damaged, is no store, is of a newer version, or has another writer.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = _locked(self.path)
        try:
            with told(self.path):
                self._connection = sqlite3.connect(self.path, isolation_level=None)
                _open(self._connection, self.path)
        except StoreError:
            self._lock.close()
            raise
        self._reasons: dict[str, int] = {}

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is whole without closing, too."""
        self._connection.close()
        self._lock.close()

    def facts(self) -> dict[str, Any]:
        """How the scores are made, as :func:`.identity.facts` gives it; empty in a new store."""
        with told(self.path):
            return {name: json.loads(value) for name, value in self._connection.execute("SELECT * FROM fact")}

    def declare(self, facts: Mapping[str, Any]) -> None:
        """Say how the scores are made, proxies included."""
        with self._transaction():
            for name, value in facts.items():
                self._connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))
            for label, plain in facts["proxies"].items():
                self._connection.execute(
                    "INSERT OR IGNORE INTO proxy (label, plain) VALUES (?, ?)", (label, json.dumps(plain))
                )

    def ask(self, keys: Mapping[str, str], labels: Sequence[str]) -> list[Task]:
        """Note architectures that are to be scored, and tell what of them is missing.

        Args:
            keys: canonical key by key.
            labels: of the proxies that are wanted.

        Returns:
            A task for each canonical key that lacks scores, in the order of ``keys``.
        """
        wanted = [self._proxies()[label] for label in labels]
        with self._transaction():
            for canonical in dict.fromkeys(keys.values()):
                self._connection.execute(
                    "INSERT OR IGNORE INTO architecture (key, asked, canonical) "
                    "VALUES (?, 0, (SELECT coalesce(max(id), 0) + 1 FROM architecture))",
                    (canonical,),
                )
            self._connection.executemany(
                "INSERT INTO architecture (key, asked, canonical) "
                "VALUES (?, 1, (SELECT id FROM architecture WHERE key = ?)) "
                "ON CONFLICT (key) DO UPDATE SET asked = 1 WHERE asked = 0",
                keys.items(),
            )
            tasks = [self._missing(canonical, labels, wanted) for canonical in dict.fromkeys(keys.values())]
        return [task for task in tasks if task.labels]

    def _missing(self, key: str, labels: Sequence[str], wanted: Sequence[int]) -> Task:
        found = self._connection.execute(
            "SELECT proxy FROM score WHERE architecture = (SELECT id FROM architecture WHERE key = ?)", (key,)
        )
        there = {proxy for (proxy,) in found}
        return Task(key, tuple(label for label, proxy in zip(labels, wanted) if proxy not in there))

    def add(self, outcomes: Iterable[Outcome], origin: Mapping[str, Any]) -> None:
        """Write outcomes of tasks, in one transaction.

        Args:
            outcomes: of architectures that were asked for.
            origin: where they were made (device, threads, seed, versions), as plain values.
        """
        proxies = self._proxies()
        with self._transaction():
            source = self._named("origin", "plain", json.dumps(origin, sort_keys=True))
            for outcome in outcomes:
                (number,) = self._connection.execute(
                    "SELECT id FROM architecture WHERE key = ?", (outcome.key,)
                ).fetchone()
                self._connection.execute(
                    "UPDATE architecture SET seconds = coalesce(seconds, 0) + coalesce(?, 0), "
                    "memory = max(coalesce(memory, 0), coalesce(?, 0)) WHERE id = ?",
                    (outcome.seconds, outcome.memory, number),
                )
                self._connection.executemany(
                    "INSERT OR REPLACE INTO score VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (
                            number, proxies[row.label], row.value, STATUSES.index(row.status), self._reason(row.reason),
                            row.seconds, source,
                        )
                        for row in outcome.rows
                    ],
                )  # fmt: skip

    def forget_failures(self) -> int:
        """Take failed scores out, so that they are made again; returns how many."""
        with self._transaction():
            done = self._connection.execute("DELETE FROM score WHERE status = ?", (STATUSES.index("failed"),))
        return done.rowcount

    def counts(self) -> Counts:
        """What is there."""
        with told(self.path):
            return counts(self._connection)

    def _reason(self, text: str) -> int:
        if text not in self._reasons:
            self._reasons[text] = self._named("reason", "text", text)
        return self._reasons[text]

    def _named(self, table: str, column: str, value: str) -> int:
        """The id of a value in a table of different values."""
        self._connection.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (value,))
        (number,) = self._connection.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()
        return int(number)

    def _proxies(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT label, id FROM proxy"))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._reasons = {}
                raise


def counts(connection: sqlite3.Connection) -> Counts:
    """What is in a store."""
    (asked,) = connection.execute("SELECT count(*) FROM architecture WHERE asked").fetchone()
    (proxies,) = connection.execute("SELECT count(*) FROM proxy").fetchone()
    (done,) = connection.execute(
        "SELECT count(*) FROM architecture JOIN (SELECT architecture FROM score GROUP BY architecture "
        "HAVING count(*) = ?) ON architecture = canonical WHERE asked",
        (proxies,),
    ).fetchone()
    by_status = dict(connection.execute("SELECT status, count(*) FROM score GROUP BY status"))
    numbers = (by_status.get(STATUSES.index(name), 0) for name in ("ok", "undefined", "failed"))
    return Counts(asked, done, *numbers)


def read(path: str | Path) -> sqlite3.Connection:
    """A store opened for reading, while a campaign may be writing to it.

    Raises:
        StoreError: there is none, or it is damaged, of another version, or no store.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    with told(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        found = schema.version(connection)
        _check(connection, path, found)
    if found == 0:
        raise StoreError(f"{path} is empty: no store")
    if found != schema.VERSION:  # written by an older version of this package
        connection.close()
        Store(path).close()
        return read(path)
    return connection


def _open(connection: sqlite3.Connection, path: Path) -> None:
    found = schema.version(connection)
    _check(connection, path, found)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    schema.migrate(connection, found or 0)


def _check(connection: sqlite3.Connection, path: Path, found: int | None) -> None:
    if found is None:
        raise StoreError(f"{path} is an SQLite file, but no store; give another path as store:")
    if found > schema.VERSION:
        raise StoreError(f"{path} was written by a newer version of this package (format {found}); update the package")
    ((pages, size),) = connection.execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    wal = path.with_name(path.name + "-wal")
    if path.stat().st_size < pages * size and not (wal.exists() and wal.stat().st_size):
        raise StoreError(f"{path}: {pages * size:,} bytes expected, {path.stat().st_size:,} found{_ADVICE['malformed']}")


def _locked(path: Path) -> sqlite3.Connection:
    """The right to write, which the system takes back when its holder dies: a lock on an empty database beside the store."""
    with told(path):
        lock = sqlite3.connect(path.with_name(path.name + "-lock"), timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:
            lock.close()
            raise
    return lock
