"""A store's file: opened for reading or for writing, checked, and its complaints told in words."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from naslib_zc_plugin.campaign import schema
from naslib_zc_plugin.campaign.schema import Format


class StoreError(OSError):
    """A store that cannot be used as asked; the message says what to do, and nothing that was committed is lost."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's complaints as :class:`StoreError`, with what to do about them."""
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


def address(path: Path) -> str:
    """The URI that opens a store for reading only.

    Where its folder cannot be written, and nobody has it open, SQLite is told that nobody will: it could not make its
    files beside it.
    """
    beside = any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-shm"))
    alone = not beside and not os.access(path.parent, os.W_OK)
    return f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if alone else "")


def read(path: str | Path, kind: Format | None = None) -> sqlite3.Connection:
    """A store opened for reading, while a campaign may be writing to it.

    Args:
        path: the file.
        kind: what it is; a campaign's store unless given.

    Raises:
        StoreError: there is none, or it is damaged, of another version, or no store.
    """
    path, kind = Path(path), kind or schema.STORE
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    with told(path), ExitStack() as stack:
        connection = stack.enter_context(closing(sqlite3.connect(address(path), uri=True, isolation_level=None)))
        found = _checked(connection, path, kind)
        if found == 0:
            raise StoreError(f"{path} is empty: no store")
        if found == kind.version:
            stack.pop_all()
            return connection
    for each in write(path, kind):  # it is of an older version of this package
        each.close()
    return read(path, kind)


def write(path: Path, kind: Format | None = None) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """A store opened for writing, made or brought up to date if need be, and the lock that keeps others out.

    Args:
        path: the file.
        kind: what it is; a campaign's store unless given.

    Raises:
        StoreError: it cannot be opened, is damaged, is no store, is of a newer version, or has another writer.
    """
    kind = kind or schema.STORE
    with told(path), ExitStack() as stack:
        lock = stack.enter_context(closing(_locked(path)))
        connection = stack.enter_context(
            closing(sqlite3.connect(path.resolve().as_uri(), uri=True, isolation_level=None))
        )
        found = _checked(connection, path, kind)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kind.migrate(connection, found)
        stack.pop_all()
    return connection, lock


def forget(path: Path, kind: Format | None = None) -> None:
    """Remove a store, if there is one.

    Raises:
        StoreError: the file is none of this kind, or somebody writes to it.
    """
    if path.exists():
        for each in write(path, kind):
            each.close()
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _checked(connection: sqlite3.Connection, path: Path, kind: Format) -> int:
    """The version of the store; 0 if it is new."""
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


def _locked(path: Path) -> sqlite3.Connection:
    """The right to write, which the system takes back from the dead: a lock on an empty database beside the store."""
    lock = sqlite3.connect(path.with_name(path.name + "-lock"), timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise
    return lock
