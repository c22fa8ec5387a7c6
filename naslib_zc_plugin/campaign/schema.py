"""The file format of a store: tables, version, and the way from each older version to the next."""

from __future__ import annotations

import sqlite3

APPLICATION = 0x5A43_5331  # "ZCS1", in the file's header, tells a store from other SQLite files

VERSION_1 = """
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

MIGRATIONS = (VERSION_1,)
"""The script at position n makes version n + 1 of version n; never change one that was released."""
VERSION = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int | None:
    """The version of a store; 0 of an empty file, None of a file that is no store."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION:
        return None if tables or application else 0
    return int(found)


def migrate(connection: sqlite3.Connection, found: int) -> None:
    """Bring a store of version ``found`` up to :data:`VERSION`, in one transaction."""
    if found == VERSION:
        return
    script = "".join(MIGRATIONS[found:])
    connection.executescript(
        f"BEGIN IMMEDIATE;{script}PRAGMA application_id = {APPLICATION};PRAGMA user_version = {VERSION};COMMIT;"
    )
