"""SQLite files that results are kept in: formats and migrations, one writer, many readers, errors with a remedy."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

File = TypeVar("File", bound="ResultsFile")


@dataclass(frozen=True)
class Format:
    """A kind of SQLite file: its tables, and the way from each older version to the next.

    Attributes:
        application: a number in the file's header, different from those of other kinds of SQLite files.
        migrations: the script at position n makes version n + 1 of version n; never change one that was released.
    """

    application: int
    migrations: tuple[str, ...]

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.migrations)

    def found(self, connection: sqlite3.Connection) -> int | None:
        """Return the version of a file; 0 for an empty one, None for a file of another kind."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != self.application:
            return None if tables or application else 0
        return int(found)

    def migrate(self, connection: sqlite3.Connection, found: int) -> None:
        """Bring a file of version ``found`` up to :attr:`version`, in one transaction."""
        if found < self.version:
            script = "".join(self.migrations[found:])
            header = f"PRAGMA application_id = {self.application};PRAGMA user_version = {self.version};"
            connection.executescript(f"BEGIN IMMEDIATE;{script}{header}COMMIT;")


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
    except json.JSONDecodeError as error:
        raise StoreError(f"{path}: {error}{_ADVICE['malformed']}") from error


_ADVICE = {
    "disk is full": ": free some space and give the same command again; what was committed is kept",
    "disk I/O": ": see to the disk and give the same command again; what was committed is kept",
    "readonly": ": make it writable, or write elsewhere (store: in the configuration)",
    "unable to open": ": is its folder there, and writable?",
    "malformed": ": the file is damaged; restore a copy, or give another store: and score again",
    "not a database": ": it is no store; give another path as store:",
    "locked": ": another campaign writes to it; wait for that one, or give another store:",
}


class ResultsFile:
    """A file of results that is open for writing, made or brought up to date if need be.

    A lock on an empty database beside the file keeps other writers out; the system releases it with the process.

    Args:
        path: the file.
        kind: its format.

    Attributes:
        path: the file.
        connection: to SQLite.

    Raises:
        StoreError: it cannot be opened, is damaged, is of a newer version or another kind, or has another writer.
    """

    def __init__(self, path: str | Path, kind: Format) -> None:
        self.path = Path(path)
        beside, uri = self.path.with_name(self.path.name + "-lock"), self.path.resolve().as_uri()
        with sqlite_errors(self.path), ExitStack() as stack:
            lock = stack.enter_context(closing(sqlite3.connect(beside, timeout=0, isolation_level=None)))
            lock.execute("BEGIN EXCLUSIVE")
            self.connection = stack.enter_context(closing(sqlite3.connect(uri, uri=True, isolation_level=None)))
            found = _checked(self.connection, self.path, kind)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            kind.migrate(self.connection, found)
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
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


def address(path: Path) -> str:
    """Return the URI that opens a file for reading only.

    Where its folder cannot be written and no process has it open, SQLite cannot make its files beside it: the file is
    declared immutable.
    """
    beside = any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-shm"))
    alone = not beside and not os.access(path.parent, os.W_OK)
    return f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if alone else "")


def open_to_read(path: str | Path, kind: Format) -> sqlite3.Connection:
    """Open a file for reading, while another process may be writing to it.

    A file of an older version is brought up to date first.

    Raises:
        StoreError: there is none, or it is damaged, of a newer version, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    with sqlite_errors(path), ExitStack() as stack:
        connection = stack.enter_context(closing(sqlite3.connect(address(path), uri=True, isolation_level=None)))
        found = _checked(connection, path, kind)
        if found == 0:
            raise StoreError(f"{path} is empty: no store")
        if found == kind.version:
            stack.pop_all()
            return connection
    ResultsFile(path, kind).close()
    return open_to_read(path, kind)


@contextmanager
def reading(path: str | Path, kind: Format) -> Iterator[sqlite3.Connection]:
    """Open a file for reading as it is at one moment, however long the block takes.

    Raises:
        StoreError: as for :func:`open_to_read`.
    """
    with sqlite_errors(Path(path)), closing(open_to_read(path, kind)) as connection:
        connection.execute("BEGIN")
        yield connection


def delete_store(path: Path, kind: Format) -> None:
    """Delete a file, if it exists.

    Raises:
        StoreError: the file is of another kind, or another process writes to it.
    """
    if path.exists():
        ResultsFile(path, kind).close()
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _checked(connection: sqlite3.Connection, path: Path, kind: Format) -> int:
    """Return the version of the file; 0 if it is new."""
    found = kind.found(connection)
    if found is None:
        raise StoreError(f"{path} is an SQLite file, but no store; give another path as store:")
    if found > kind.version:
        raise StoreError(f"{path} was written by a newer version of this package (format {found}); update the package")
    ((pages, size),) = connection.execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    wal = path.with_name(path.name + "-wal")
    if path.stat().st_size < pages * size and not (wal.exists() and wal.stat().st_size):
        raise StoreError(
            f"{path}: {pages * size:,} bytes expected, {path.stat().st_size:,} found{_ADVICE['malformed']}"
        )
    return found
