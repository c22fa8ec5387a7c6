"""The store of a campaign: one SQLite file, one writer, a transaction for each group of architectures."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign.database import told, write
from naslib_zc_plugin.campaign.outcome import Outcome, Task
from naslib_zc_plugin.table import STATUSES


@dataclass(frozen=True)
class Counts:
    """Architectures asked for and done, and scores by status (of all that is stored)."""

    asked: int
    done: int
    ok: int
    undefined: int
    failed: int


class Store:
    """A store that is open for writing.

    Args:
        path: the file; made if it is not there.

    Attributes:
        path: the file.
        connection: to SQLite, for the modules of this room.

    Raises:
        StoreError: it cannot be opened, is damaged, is no store, is of a newer version, or has another writer.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.connection, self._lock = write(self.path)
        self._reasons: dict[str, int] = {}

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is whole without closing, too."""
        self.connection.close()
        self._lock.close()

    def facts(self) -> dict[str, Any]:
        """How the scores are made, as :func:`.identity.facts` gives it; empty in a new store."""
        with told(self.path):
            return facts_of(self.connection)

    def declare(self, facts: Mapping[str, Any]) -> None:
        """Say how the scores are made, proxies included."""
        with self.transaction():
            for name, value in facts.items():
                self.connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))
            for label, plain in facts["proxies"].items():
                self.connection.execute(
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
        with self.transaction():
            for canonical in dict.fromkeys(keys.values()):
                self.connection.execute(
                    "INSERT OR IGNORE INTO architecture (key, asked, canonical) "
                    "VALUES (?, 0, (SELECT coalesce(max(id), 0) + 1 FROM architecture))",
                    (canonical,),
                )
            self.connection.executemany(
                "INSERT INTO architecture (key, asked, canonical) "
                "VALUES (?, 1, (SELECT id FROM architecture WHERE key = ?)) "
                "ON CONFLICT (key) DO UPDATE SET asked = 1 WHERE asked = 0",
                keys.items(),
            )
            tasks = [self._missing(canonical, labels, wanted) for canonical in dict.fromkeys(keys.values())]
        return [task for task in tasks if task.labels]

    def _missing(self, key: str, labels: Sequence[str], wanted: Sequence[int]) -> Task:
        found = self.connection.execute(
            "SELECT proxy FROM score WHERE architecture = (SELECT id FROM architecture WHERE key = ?)", (key,)
        )
        there = {proxy for (proxy,) in found}
        return Task(key, tuple(label for label, proxy in zip(labels, wanted) if proxy not in there))

    def add(self, outcomes: Iterable[Outcome], origin: Mapping[str, Any]) -> None:
        """Write outcomes of tasks, in one transaction.

        Args:
            outcomes: of architectures that were asked for.
            origin: where they were made (device, threads, seed, versions), as plain values.

        Raises:
            ValueError: an ok score without a finite value, or another one with a value.
        """
        proxies = self._proxies()
        with self.transaction():
            source = self._named("origin", "plain", json.dumps(origin, sort_keys=True))
            for outcome in map(_checked, outcomes):
                (number,) = self.connection.execute(
                    "SELECT id FROM architecture WHERE key = ?", (outcome.key,)
                ).fetchone()
                self.connection.execute(
                    "UPDATE architecture SET seconds = coalesce(seconds, 0) + coalesce(?, 0), "
                    "memory = max(coalesce(memory, 0), coalesce(?, 0)) WHERE id = ?",
                    (outcome.seconds, outcome.memory, number),
                )
                self.connection.executemany(
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
        with self.transaction():
            done = self.connection.execute("DELETE FROM score WHERE status = ?", (STATUSES.index("failed"),))
        return done.rowcount

    def counts(self) -> Counts:
        """What is there."""
        with told(self.path):
            return counts(self.connection)

    def _reason(self, text: str) -> int:
        if text not in self._reasons:
            self._reasons[text] = self._named("reason", "text", text)
        return self._reasons[text]

    def _named(self, table: str, column: str, value: str) -> int:
        """The id of a value in a table of different values."""
        self.connection.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (value,))
        (number,) = self.connection.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()
        return int(number)

    def _proxies(self) -> dict[str, int]:
        return dict(self.connection.execute("SELECT label, id FROM proxy"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Statements that are committed together, or not at all; within another transaction, with that."""
        if self.connection.in_transaction:
            yield
            return
        with told(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                self._reasons = {}
                raise


def _checked(outcome: Outcome) -> Outcome:
    for row in outcome.rows:
        number = row.value is not None and math.isfinite(row.value)
        if not (number if row.status == "ok" else row.value is None):
            raise ValueError(f"{row.label} of {outcome.key} is {row.status!r} with the value {row.value}")
    return outcome


def facts_of(connection: sqlite3.Connection) -> dict[str, Any]:
    """How the scores of a store are made, as :func:`.identity.facts` gives it."""
    return {name: json.loads(value) for name, value in connection.execute("SELECT * FROM fact")}


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
