"""File formats: tables, version, and the way from each older version to the next; that of a campaign's store."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A kind of SQLite file.

    Attributes:
        application: in the file's header; tells this kind from other SQLite files.
        migrations: the script at position n makes version n + 1 of version n; never change one that was released.
    """

    application: int
    migrations: tuple[str, ...]

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.migrations)

    def found(self, connection: sqlite3.Connection) -> int | None:
        """The version of a file; 0 of an empty one, None of a file of another kind."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != self.application:
            return None if tables or application else 0
        return int(found)

    def migrate(self, connection: sqlite3.Connection, found: int) -> None:
        """Bring a file of version ``found`` up to :attr:`version`, in one transaction."""
        if found == self.version:
            return
        script = "".join(self.migrations[found:])
        header = f"PRAGMA application_id = {self.application};PRAGMA user_version = {self.version};"
        connection.executescript(f"BEGIN IMMEDIATE;{script}{header}COMMIT;")


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

STORE = Format(0x5A43_5331, (VERSION_1,))  # "ZCS1"
