"""The store of a campaign: one SQLite file, one writer, a transaction for each group of architectures."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.campaign.engines import Outcome, Task
from naslib_zc_plugin.store.database import SEALED, Format, ResultsFile, reading, rows_of, sqlite_errors
from naslib_zc_plugin.store.embedded import is_embedded, read_embedded
from naslib_zc_plugin.store.parquet import parquet_reasons, read_parquet
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

_VERSION_1 = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE origin (id INTEGER PRIMARY KEY, plain TEXT NOT NULL UNIQUE);
CREATE TABLE reason (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE proxy (id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, plain TEXT NOT NULL);
CREATE TABLE architecture (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    asked INTEGER NOT NULL,       -- 0: here only because others share its scores
    canonical INTEGER NOT NULL,   -- whose scores it has: its own id, or that of the provably identical one
    seconds REAL,
    memory INTEGER
);
CREATE TABLE score (
    architecture INTEGER NOT NULL REFERENCES architecture (id),
    proxy INTEGER NOT NULL REFERENCES proxy (id),
    value REAL,
    status INTEGER NOT NULL,
    reason INTEGER NOT NULL REFERENCES reason (id),
    seconds REAL,
    origin INTEGER NOT NULL REFERENCES origin (id),
    PRIMARY KEY (architecture, proxy)
) WITHOUT ROWID;
"""

STORE = Format(0x5A43_5331, (_VERSION_1, SEALED), readable=1)  # "ZCS1"
Record = dict[str, Any]

_SCORES = """
SELECT a.key, p.label, p.plain, s.value, s.status, r.text, s.seconds, c.memory, o.plain
FROM architecture a
JOIN architecture c ON c.id = a.canonical
JOIN score s ON s.architecture = c.id
JOIN proxy p ON p.id = s.proxy
JOIN reason r ON r.id = s.reason
JOIN origin o ON o.id = s.origin
WHERE a.asked
ORDER BY a.key, p.label
"""

_REASONS = f"""
SELECT p.label, r.text, count(*) FROM architecture a
JOIN score s ON s.architecture = a.canonical JOIN proxy p ON p.id = s.proxy JOIN reason r ON r.id = s.reason
WHERE a.asked AND s.status <> {STATUSES.index("ok")} GROUP BY p.label, r.text
"""
_POSITIVE = "({0} IS NULL OR typeof({0}) = '{1}' AND {0} >= 0 AND {0} < 9e999)"
_CODES = {name: STATUSES.index(name) for name in ("ok", "undefined", "failed")}
# NULL where a status is not known; an affinity makes texts of numbers to numbers, other texts stay.
_INVALID_SCORES = f"""
SELECT a.key, p.label, s.status, s.value, s.seconds
FROM score s LEFT JOIN architecture a ON a.id = s.architecture LEFT JOIN proxy p ON p.id = s.proxy
WHERE NOT coalesce(
    CASE s.status
        WHEN {_CODES["ok"]} THEN typeof(s.value) = 'real' AND abs(s.value) < 9e999
        WHEN {_CODES["undefined"]} THEN s.value IS NULL
        WHEN {_CODES["failed"]} THEN s.value IS NULL
    END
    AND {_POSITIVE.format("s.seconds", "real")} AND s.proxy IN (SELECT id FROM proxy)
    AND s.reason IN (SELECT id FROM reason) AND s.origin IN (SELECT id FROM origin), 0)
LIMIT 1
"""
_INVALID_ARCHITECTURES = f"""
SELECT key, seconds, memory FROM architecture
WHERE NOT coalesce({_POSITIVE.format("seconds", "real")} AND {_POSITIVE.format("memory", "integer")}
    AND typeof(key) = 'text' AND canonical IN (SELECT id FROM architecture), 0)
LIMIT 1
"""
_DENSE, _CELLS = 64, 10**7
_VARIABLES = 500  # of one statement; older builds of SQLite take 999


@dataclass(frozen=True)
class Counts:
    """Numbers of architectures that are asked for and done, and of scores of each status."""

    asked: int
    done: int
    ok: int
    undefined: int
    failed: int


class Store(ResultsFile):
    """A store that is open for writing.

    Args:
        path: the file; made if it is not there.

    Raises:
        StoreError: it cannot be opened, is damaged, is no store, is of a newer version, or has another writer.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, STORE)
        try:
            with sqlite_errors(self.path):
                refuse_invalid(self.connection)
        except BaseException:
            self.close()
            raise

    def facts(self) -> dict[str, Any]:
        """Return the provenance of the scores (:func:`.config.provenance`); empty in a new store."""
        with sqlite_errors(self.path):
            return facts_of(self.connection)

    def declare(self, facts: Mapping[str, Any]) -> None:
        """Write the provenance of the scores, proxies included."""
        with self.transaction():
            for name, value in facts.items():
                self.connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))
            for label, plain in facts["proxies"].items():
                self.connection.execute(
                    "INSERT OR IGNORE INTO proxy (label, plain) VALUES (?, ?)", (label, json.dumps(plain))
                )

    def ask(self, keys: Mapping[str, str], labels: Sequence[str]) -> list[Task]:
        """Record architectures that are to be scored, and return those with missing scores.

        Args:
            keys: canonical key by key.
            labels: of the proxies that are wanted.

        Returns:
            A task for each canonical key without all scores, in the order of ``keys``.
        """
        with self.transaction():
            numbers = self._proxies()
            wanted = [numbers[label] for label in labels]
            asked, whole = self._known(list(dict.fromkeys([*keys, *keys.values()])), len(numbers))
            lacking = [key for key in dict.fromkeys(keys.values()) if key not in whole]
            for canonical in lacking:
                self.connection.execute(
                    "INSERT OR IGNORE INTO architecture (key, asked, canonical) "
                    "VALUES (?, 0, (SELECT coalesce(max(id), 0) + 1 FROM architecture))",
                    (canonical,),
                )
            self.connection.executemany(
                "INSERT INTO architecture (key, asked, canonical) "
                "VALUES (?, 1, (SELECT id FROM architecture WHERE key = ?)) "
                "ON CONFLICT (key) DO UPDATE SET asked = 1 WHERE asked = 0",
                [(key, canonical) for key, canonical in keys.items() if key not in asked],
            )
            tasks = [self._missing(canonical, labels, wanted) for canonical in lacking]
        return [task for task in tasks if task.labels]

    def _known(self, keys: Sequence[str], proxies: int) -> tuple[set[str], set[str]]:
        """Return those of the keys that were asked for, and those that have a score by each of the store's proxies."""
        asked, whole = set(), set()
        for place in range(0, len(keys), _VARIABLES):
            part = keys[place : place + _VARIABLES]
            found = self.connection.execute(
                "SELECT key, asked, (SELECT count(*) FROM score WHERE architecture = id) FROM architecture "
                f"WHERE key IN ({', '.join('?' * len(part))})",
                part,
            )
            for key, was_asked, count in found:
                if was_asked:
                    asked.add(key)
                if count == proxies:
                    whole.add(key)
        return asked, whole

    def _missing(self, key: str, labels: Sequence[str], wanted: Sequence[int]) -> Task:
        found = self.connection.execute(
            "SELECT proxy FROM score WHERE architecture = (SELECT id FROM architecture WHERE key = ?)", (key,)
        )
        there = {proxy for (proxy,) in found}
        return Task(key, tuple(label for label, proxy in zip(labels, wanted) if proxy not in there))

    def add(self, outcomes: Iterable[Outcome], origin: Mapping[str, Any]) -> None:
        """Write outcomes of tasks, in one transaction.

        Args:
            outcomes: the outcomes, of architectures that were passed to :meth:`ask`.
            origin: device, threads, seed and versions, as values that JSON can hold; a score's detour is added to it.

        Raises:
            ValueError: an ok score without a finite value, another one with a value, or negative seconds.
        """
        reason = cache(lambda text: self._named("reason", "text", text))
        source = cache(
            lambda way: self._named(
                "origin", "plain", json.dumps({**origin, **({"detour": way} if way else {})}, sort_keys=True)
            )
        )
        with self.transaction():
            proxies = self._proxies()
            for outcome in map(_valid, outcomes):
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
                            number, proxies[row.label], row.value, STATUSES.index(row.status), reason(row.reason),
                            row.seconds, source(row.detour),
                        )
                        for row in outcome.rows
                    ],
                )  # fmt: skip

    def forget_failures(self) -> int:
        """Delete failed scores, so that they are made again, and return their number."""
        with self.transaction():
            done = self.connection.execute("DELETE FROM score WHERE status = ?", (STATUSES.index("failed"),))
        return done.rowcount

    def most_frequent_reason(self) -> str:
        """Return the reason of most of the failed scores; the first in the alphabet if there are several."""
        with sqlite_errors(self.path):
            (found,) = self.connection.execute(
                "SELECT text FROM score JOIN reason ON reason = reason.id WHERE status = ? "
                "GROUP BY text ORDER BY count(*) DESC, text LIMIT 1",
                (STATUSES.index("failed"),),
            ).fetchone() or ("",)
        return str(found)

    def clear(self) -> None:
        """Forget the provenance and the architectures of a store in which there is no score."""
        with self.transaction():
            for table in ("fact", "proxy", "architecture"):
                self.connection.execute(f"DELETE FROM {table} WHERE NOT EXISTS (SELECT * FROM score)")

    def counts(self) -> Counts:
        """Count the architectures and scores."""
        with sqlite_errors(self.path):
            return counts(self.connection)

    def _named(self, table: str, column: str, value: str) -> int:
        """Return the id of a value in a table of different values."""
        self.connection.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (value,))
        (number,) = self.connection.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()
        return int(number)

    def _proxies(self) -> dict[str, int]:
        return dict(self.connection.execute("SELECT label, id FROM proxy"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the block's statements together, or not at all; within another transaction, with that."""
        with nullcontext() if self.connection.in_transaction else super().transaction():
            yield


def _valid(outcome: Outcome) -> Outcome:
    """Return the outcome, if exactly its ok scores have a finite value, and no time is negative."""
    for row in outcome.rows:
        number = row.value is not None and math.isfinite(row.value)
        if not (number if row.status == "ok" else row.value is None):
            raise ValueError(f"{row.label} of {outcome.key} is {row.status!r} with the value {row.value}")
        if row.seconds is not None and not 0 <= row.seconds < math.inf:
            raise ValueError(f"{row.label} of {outcome.key} took {row.seconds} seconds")
    return outcome


def facts_of(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the provenance of a store's scores."""
    found = {name: json.loads(value) for name, value in connection.execute("SELECT * FROM fact")}
    if not isinstance(found.get("proxies", {}), dict):
        raise sqlite3.DatabaseError("malformed provenance")
    return found


def detours_of(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Return the numbers of a store's scores that were made by a detour (:class:`.Score`): label → detour → number."""
    found: dict[str, dict[str, int]] = {}
    ways = {
        number: way
        for number, plain in connection.execute("SELECT id, plain FROM origin")
        if (way := json.loads(plain).get("detour"))
    }
    for number, way in ways.items():
        query = "SELECT label, count(*) FROM score JOIN proxy ON proxy = id WHERE origin = ? GROUP BY label"
        for label, count in connection.execute(query, (number,)):
            by_way = found.setdefault(label, {})
            by_way[way] = by_way.get(way, 0) + count
    return found


def counts(connection: sqlite3.Connection) -> Counts:
    """Count the architectures and scores of a store."""
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


# Reading --------------------


def read_table(path: str | Path) -> ScoreTable:
    """Read the scores of the architectures that a campaign asked for, in the order of their keys.

    Args:
        path: a store, also while a campaign writes to it; its export, if the name ends in ``.parquet``; or the name of
            scores in the package, such as ``embedded:nasbench201_cifar10_whole``.

    Raises:
        StoreError: no such store, or one that is damaged or no store at all.
        DataError: no such export or name, or a file that is none.
    """
    if is_embedded(path):
        return read_embedded(path)
    path = Path(path)
    if path.suffix == ".parquet":
        return read_parquet(path)
    with reading(path, STORE, ("fact", "proxy", "reason", "origin")) as connection:
        refuse_invalid(connection)
        return _table(path.stem, connection)


def read_reasons(path: str | Path) -> dict[str, dict[str, int]]:
    """Return by label how many scores do not exist for each reason; scores in the package come without reasons.

    Args:
        path: as of :func:`read_table`.

    Raises:
        StoreError: no such store, or one that is damaged.
        DataError: no such export, or a file that is none.
    """
    if is_embedded(path):
        return {}
    path = Path(path)
    if path.suffix == ".parquet":
        return parquet_reasons(path)
    found: dict[str, dict[str, int]] = {}
    with reading(path, STORE, ("proxy", "reason")) as connection:
        for label, reason, number in connection.execute(_REASONS):
            found.setdefault(str(label), {})[str(reason)] = number
    return found


def refuse_invalid(connection: sqlite3.Connection) -> None:
    """Raise an error of SQLite that names a score or an architecture which no campaign writes."""
    for key, label, status, value, seconds in connection.execute(_INVALID_SCORES):
        what = {code: name for name, code in _CODES.items()}.get(status, f"of the status {status!r:.20}")
        found = f"{label!s:.100} of {key!r:.200} is {what} with the value {value!r:.50}, after {seconds!r:.50} seconds"
        raise sqlite3.DatabaseError(f"{found}, which is not as it was written")
    for key, seconds, memory in connection.execute(_INVALID_ARCHITECTURES):
        found = f"architecture {key!r:.200} has seconds {seconds!r:.50}, memory {memory!r:.50}"
        raise sqlite3.DatabaseError(f"{found} or an unknown twin, which is not as it was written")


def _table(name: str, connection: sqlite3.Connection) -> ScoreTable:
    """Return the table of a store."""
    numbers, asked = _architectures(connection)
    proxies = connection.execute("SELECT id, label, plain FROM proxy ORDER BY id").fetchall()
    ids = np.array([number for number, _, _ in proxies], dtype=np.float64)
    (scores,) = connection.execute("SELECT count(*) FROM score").fetchone()
    shape = len(ids), len(numbers)
    if shape[0] * shape[1] > max(_CELLS, _DENSE * scores):
        raise sqlite3.DatabaseError(
            f"{shape[1]:,} architectures by {shape[0]:,} proxies, of which {scores:,} are scored: more than {_CELLS:,} "
            f"are tabulated only where one in {_DENSE} is scored; export the store"
        )
    values, seconds, status = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.uint8)
    for rows in rows_of(connection, STORE, "score"):
        block = np.array(rows, dtype=np.float64)  # architecture, proxy, value, status, reason, seconds, origin
        places = _places(ids, block[:, 1]), _places(numbers, block[:, 0])
        values[places], status[places], seconds[places] = block[:, 2], block[:, 3].astype(np.uint8), block[:, 5]
    at = _places(numbers, np.array([canonical for _, canonical in asked], dtype=np.float64))
    columns = {}
    for row, (_, label, plain) in enumerate(proxies):
        known = json.loads(plain)
        if not isinstance(known, dict) or not {"name", "version", "higher_is_better", "options"} <= known.keys():
            raise sqlite3.DatabaseError(f"malformed proxy {label!r:.100}")
        columns[label] = Column(
            known["name"], known["version"], known["higher_is_better"],
            values[row, at], status[row, at], seconds[row, at], known["options"],
        )  # fmt: skip
    facts = facts_of(connection)
    if not facts.get("proxies", {}).keys() <= columns.keys():
        raise sqlite3.DatabaseError("malformed provenance (other proxies than those of the scores)")
    ordered = {label: columns[label] for label in facts.get("proxies", ())}
    return ScoreTable(name, [key for key, _ in asked], ordered, facts)


def _architectures(connection: sqlite3.Connection) -> tuple[NDArray[np.float64], list[tuple[str, int]]]:
    """Return the ids of all architectures, ascending, and by key those asked for, with the id that has the scores."""
    numbers: list[NDArray[np.float64]] = [np.empty(0)]
    asked: list[tuple[str, int]] = []
    for rows in rows_of(connection, STORE, "architecture"):
        numbers.append(np.array([row[0] for row in rows], dtype=np.float64))
        asked += [(row[1], row[3]) for row in rows if row[2]]
    return np.concatenate(numbers), sorted(asked)


def _places(ids: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the places of some ids among all of them, which ascend."""
    places = np.minimum(np.searchsorted(ids, wanted), max(len(ids) - 1, 0))
    if len(wanted) and (not len(ids) or (ids[places] != wanted).any()):
        raise sqlite3.DatabaseError("malformed (scores of an unknown architecture or proxy)")
    return places


def records(path: str | Path) -> Iterator[Record]:
    """Yield the scores of the architectures asked for, by key and proxy, as mappings of :data:`.exchange.FIELDS`.

    Raises:
        StoreError: no such store, or one that is damaged.
    """
    plain = cache(json.loads)  # a handful of texts, each in many rows
    with reading(path, STORE) as connection:
        refuse_invalid(connection)
        for key, label, proxy, value, status, reason, seconds, memory, origin in connection.execute(_SCORES):
            yield {
                "key": key, "proxy": label, "version": plain(proxy)["version"], "value": value,
                "status": STATUSES[status], "reason": reason, "seconds": seconds, "memory": memory,
                **{name: plain(origin)[name] for name in ("device", "threads", "seed")},
            }  # fmt: skip


def provenance_of(path: Path) -> dict[str, Any]:
    """Return the provenance of the scores of a store, and as ``detours`` the numbers of those made by one, if any.

    Raises:
        StoreError: no such store, or one that is damaged.
    """
    with reading(path, STORE, ["fact", "proxy", "origin"]) as connection:
        detours = detours_of(connection)
        return {**facts_of(connection), **({"detours": detours} if detours else {})}
