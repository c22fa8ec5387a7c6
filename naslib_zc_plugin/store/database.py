"""SQLite files of results: formats, migrations and checksums, one writer, many readers, errors with a remedy.

Each table of a file has a total of its rows' checksums, changed in the transaction that changes the rows and compared
whenever the file is opened: a row that was damaged, lost or added by something else is found. Files that were written
before there were checksums get them from their next writer.
"""

from __future__ import annotations

import json
import marshal
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

File = TypeVar("File", bound="ResultsFile")

SEALED = "CREATE TABLE seal (name TEXT PRIMARY KEY, total INTEGER NOT NULL) WITHOUT ROWID;\n"
"""The migration from which on a kind of file has checksums: by table, the sum of those of its rows."""
_BLOCK = 100_000


@dataclass(frozen=True)
class Format:
    """A kind of SQLite file: its tables, and the way from each older version to the next.

    Attributes:
        application: a number in the file's header, different from those of other kinds of SQLite files.
        migrations: the script at position n makes version n + 1 of version n; never change one that was released.
        readable: the oldest version that is read as it is; older ones are brought up to date first. None: the newest.
    """

    application: int
    migrations: tuple[str, ...]
    readable: int | None = None

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.migrations)

    def found(self, connection: sqlite3.Connection) -> int | None:
        """Return the version of a file; 0 for an empty one, None for a file of another kind."""
        asked = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        application, found, tables = (connection.execute(each).fetchone()[0] for each in asked)
        if application != self.application:
            return None if tables or application else 0
        if found < 1:
            raise sqlite3.DatabaseError(f"malformed (format {found})")
        return int(found)

    def migrate(self, connection: sqlite3.Connection, found: int) -> None:
        """Bring a file of version ``found`` up to :attr:`version`, in one transaction."""
        if found < self.version:
            script = "".join(self.migrations[found:])
            header = f"PRAGMA application_id = {self.application};PRAGMA user_version = {self.version};"
            connection.executescript(f"BEGIN IMMEDIATE;{script}{header}")
            for name in _sealed(self.migrations):
                total = sum(map(_checksum, connection.execute(f"SELECT * FROM {name}")))
                connection.execute("INSERT OR REPLACE INTO seal VALUES (?, ?)", (name, total))
            connection.execute("COMMIT")


class StoreError(OSError):
    """A file of results cannot be used; the message contains a remedy, and nothing that was committed is lost."""


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors within the block as :class:`StoreError`, with a remedy."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        advice = next((advice for sign, advice in _ADVICE.items() if sign in text), "")
        raise StoreError(f"{path}: {text}{advice}") from error
    except (json.JSONDecodeError, RecursionError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: {error!s:.200}{_ADVICE['malformed']}") from error


_ADVICE = {
    "disk is full": ": free some space and give the same command again; what was committed is kept",
    "disk I/O": ": see to the disk and give the same command again; what was committed is kept",
    "readonly": ": make it writable, or write elsewhere (store: in the configuration)",
    "unable to open": ": is its folder there, and writable?",
    "malformed": ": the file is damaged; restore a copy, or give another store: and score again",
    "not a database": ": it is no store; give another path as store:",
    "locked": ": another campaign writes to it; wait for that one, or give another store:",
    "decode": ": the file is damaged; restore a copy, or give another store: and score again",
    "was written": "; the file is damaged: restore a copy, or give another store: and score again",
}


class ResultsFile:
    """A file of results that is open for writing, made or brought up to date if need be.

    A lock on an empty database beside the file keeps other writers out; the system releases it with the process. Of a
    symbolic link the file that it leads to is opened, and what belongs to the file lies beside that one.

    Args:
        path: the file.
        kind: its format.

    Attributes:
        path: the file.
        connection: to SQLite.

    Raises:
        StoreError: it cannot be opened, is damaged, is of a newer version or another kind, has another writer, or has
            several names (hard links).
    """

    def __init__(self, path: str | Path, kind: Format) -> None:
        self.path = Path(path)
        with sqlite_errors(self.path), ExitStack() as stack:
            self.connection, found = _locked(stack, self.path, kind)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if found:
                _check(self.connection, kind, found)
            kind.migrate(self.connection, found)
            self._tables = _sealed(kind.migrations)
            # Rows that REPLACE takes away are deletions as well.
            self.connection.execute("PRAGMA recursive_triggers = ON")
            self.connection.executescript("".join(map(_triggers, self._tables, self._tables.values())))
            self._opened = stack.pop_all()

    def __enter__(self: File) -> File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is whole without closing, too."""
        self._opened.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the block's statements together, or not at all."""
        # An interrupt may come between any two steps: an open transaction is rolled back, at the latest by the next
        # one, and committed values may be written again.
        with sqlite_errors(self.path):
            self._roll_back()
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield
                self._seal()
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _seal(self) -> None:
        """Add the checksums of the transaction's changes to the totals."""
        for name in self._tables:
            changed = self.connection.execute(f"SELECT * FROM temp.changed_{name}")
            if change := sum(row[0] * _checksum(row[1:]) for row in changed):
                self.connection.execute("UPDATE seal SET total = total + ? WHERE name = ?", (change, name))
            self.connection.execute(f"DELETE FROM temp.changed_{name}")


def address(path: Path) -> str:
    """Return the URI that opens a file for reading only.

    Where its folder cannot be written and no process has it open, SQLite cannot make its files beside it: the file is
    declared immutable.
    """
    path = _real(path)
    beside = any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-shm"))
    alone = not beside and not os.access(path.parent, os.W_OK)
    return f"{path.as_uri()}?mode=ro" + ("&immutable=1" if alone else "")


def open_to_read(path: str | Path, kind: Format) -> sqlite3.Connection:
    """Open a file for reading, while another process may be writing to it.

    A file of a version that is too old to be read is brought up to date first.

    Raises:
        StoreError: there is none, or it is damaged, of a newer version, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    with sqlite_errors(path), ExitStack() as stack:
        connection = stack.enter_context(closing(sqlite3.connect(address(path), uri=True, isolation_level=None)))
        found = _version(connection, path, kind)
        if found == 0:
            raise StoreError(f"{path} is empty: no store")
        if found >= (kind.readable or kind.version):
            stack.pop_all()
            return connection
    ResultsFile(path, kind).close()
    return open_to_read(path, kind)


@contextmanager
def reading(path: str | Path, kind: Format, tables: Iterable[str] | None = None) -> Iterator[sqlite3.Connection]:
    """Open a file for reading as it is at one moment, however long the block takes, and check that it is whole.

    Args:
        path: the file.
        kind: its format.
        tables: those whose rows are checked; all of them unless given. :func:`rows_of` checks the others.

    Raises:
        StoreError: as for :func:`open_to_read`.
    """
    with sqlite_errors(Path(path)), closing(open_to_read(path, kind)) as connection:
        connection.execute("BEGIN")
        _check(connection, kind, kind.found(connection) or 0, tables)
        yield connection


def rows_of(connection: sqlite3.Connection, kind: Format, name: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a table in blocks, and compare their checksums in the end.

    Args:
        connection: to a file that :func:`reading` has opened.
        kind: its format.
        name: of the table.

    Raises:
        sqlite3.DatabaseError: the rows are not those that were written.
    """
    cursor, total = connection.execute(f"SELECT * FROM {name}"), 0
    while rows := cursor.fetchmany(_BLOCK):
        total += sum(map(_checksum, rows))
        yield rows
    if name in _sealed(kind.migrations[: kind.found(connection)]):
        written = connection.execute("SELECT total FROM seal WHERE name = ?", (name,)).fetchone()
        if written != (total,):
            raise sqlite3.DatabaseError(f"table {name}: its checksum is another than that of what was written")


def delete_store(path: Path, kind: Format) -> None:
    """Delete a file, if it exists; of a symbolic link, the file that it leads to.

    Raises:
        StoreError: the file is of another kind, or another process writes to it.
    """
    if path.exists():
        with sqlite_errors(path), ExitStack() as stack:
            _locked(stack, path, kind)
        for ending in ("", "-wal", "-shm"):
            _real(path).with_name(_real(path).name + ending).unlink(missing_ok=True)


def _real(path: str | Path) -> Path:
    """Return the file itself, whatever links lead to it: SQLite's files and the lock lie beside it."""
    return Path(os.path.realpath(path))


def _locked(stack: ExitStack, path: Path, kind: Format) -> tuple[sqlite3.Connection, int]:
    """Return a connection that no other writer has, and the file's version; both end with the stack."""
    real = _real(path)
    names = real.stat().st_nlink if real.is_file() else 1
    if names > 1:
        raise StoreError(
            f"{path} has {names} names (hard links), by which two processes could write to it at once: remove the "
            "other names, or copy the file"
        )
    beside = real.with_name(real.name + "-lock")
    lock = stack.enter_context(closing(sqlite3.connect(beside, timeout=0, isolation_level=None)))
    lock.execute("BEGIN EXCLUSIVE")
    connection = stack.enter_context(closing(sqlite3.connect(real.as_uri(), uri=True, isolation_level=None)))
    return connection, _version(connection, path, kind)


def _version(connection: sqlite3.Connection, path: Path, kind: Format) -> int:
    """Return the version of a file whose tables are those of its kind; 0 if it is new."""
    found = kind.found(connection)
    if found is None:
        raise StoreError(f"{path} is an SQLite file, but no store; give another path as store:")
    if found > kind.version:
        raise StoreError(f"{path} was written by a newer version of this package (format {found}); update the package")
    ((pages, size),) = connection.execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    real = _real(path)
    wal = real.with_name(real.name + "-wal")
    if real.stat().st_size < pages * size and not (wal.exists() and wal.stat().st_size):
        raise StoreError(
            f"{path}: {pages * size:,} bytes expected, {real.stat().st_size:,} found{_ADVICE['malformed']}"
        )
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')"))
    others = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchall()
    wrong = [name for name, script in _schema(kind.migrations[:found]).items() if made.get(name) != script]
    if wrong or others:
        names = ", ".join([*wrong, *(name for (name,) in others)])
        raise StoreError(f"{path}: {names:.200}: not as in a store{_ADVICE['malformed']}")
    return found


# Checksums --------------------


def _check(connection: sqlite3.Connection, kind: Format, found: int, tables: Iterable[str] | None = None) -> None:
    """Raise an error of SQLite unless a file's pages, and the rows of its tables, are as they were written."""
    ((first,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if first != "ok":
        raise sqlite3.DatabaseError(f"malformed ({' '.join(first.split()):.200})")
    for name in _sealed(kind.migrations[:found]) if tables is None else tables:
        for _ in rows_of(connection, kind, name):
            pass


def _checksum(row: tuple[Any, ...]) -> int:
    # The second version of marshal's format: numbers and bytes have one form in it, on every machine.
    return zlib.crc32(marshal.dumps(row, 2))


@lru_cache
def _schema(migrations: tuple[str, ...]) -> dict[str, str]:
    """Return the statements that make the tables, by the table's name."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("".join(migrations))
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))


@lru_cache
def _sealed(migrations: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the columns of each table that has a checksum."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("".join(migrations))
        tables = [name for name in _schema(migrations) if name != "seal"] if "seal" in _schema(migrations) else []
        query = "SELECT name FROM pragma_table_info(?)"
        return {table: [column for (column,) in connection.execute(query, (table,))] for table in tables}


def _triggers(name: str, columns: list[str]) -> str:
    """Return statements by which a connection keeps the changes of a table, until they are sealed, in another one."""
    gone, come = (
        f"INSERT INTO changed_{name} VALUES ({sign}, {', '.join(f'{row}.{column}' for column in columns)});"
        for sign, row in ((-1, "old"), (1, "new"))
    )
    return f"CREATE TEMP TABLE changed_{name} AS SELECT 1, * FROM main.{name} LIMIT 0;\n" + "".join(
        f"CREATE TEMP TRIGGER {event}_{name} AFTER {event} ON main.{name} BEGIN {kept} END;\n"
        for event, kept in (("INSERT", come), ("UPDATE", gone + come), ("DELETE", gone))
    )
