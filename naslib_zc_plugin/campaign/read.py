"""Stores, and the tables they were exported to, as a :class:`~naslib_zc_plugin.table.ScoreTable`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.campaign.database import read, told
from naslib_zc_plugin.campaign.parquet import read_parquet
from naslib_zc_plugin.campaign.store import facts_of
from naslib_zc_plugin.table import Column, ScoreTable

_BLOCK = 100_000


def read_table(path: str | Path) -> ScoreTable:
    """The scores of the architectures that a campaign asked for, in the order of their keys.

    Args:
        path: a store, also while a campaign writes to it; or its export, if the name ends in ``.parquet``.

    Raises:
        StoreError: no such store, or one that is damaged or no store at all.
        DataError: no such export, or a file that is none.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return read_parquet(path)
    with told(path), closing(read(path)) as connection:
        connection.execute("BEGIN")  # one moment, however long the reading takes
        return _table(path.stem, connection)


def _table(name: str, connection: sqlite3.Connection) -> ScoreTable:
    asked = connection.execute("SELECT key, canonical FROM architecture WHERE asked ORDER BY key").fetchall()
    places = np.array([canonical for _, canonical in asked], dtype=np.intp)
    proxies = connection.execute("SELECT id, label, plain FROM proxy ORDER BY id").fetchall()
    shape = max((number for number, _, _ in proxies), default=0) + 1, int(places.max(initial=0)) + 1
    values, seconds, status = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.uint8)
    for block in _blocks(connection):
        proxy, architecture = block[:, 0].astype(np.intp), block[:, 1].astype(np.intp)
        values[proxy, architecture], seconds[proxy, architecture] = block[:, 2], block[:, 4]
        status[proxy, architecture] = block[:, 3].astype(np.uint8)
    columns = {}
    for number, label, plain in proxies:
        known = json.loads(plain)
        columns[label] = Column(
            known["name"], known["version"], known["higher_is_better"],
            values[number, places], status[number, places], seconds[number, places], known["options"],
        )  # fmt: skip
    facts = facts_of(connection)
    ordered = {label: columns[label] for label in facts.get("proxies", ())}
    return ScoreTable(name, [key for key, _ in asked], ordered, facts)


def _blocks(connection: sqlite3.Connection) -> Iterator[NDArray[np.float64]]:
    """Proxy, architecture, value, status, seconds of all scores; what is NULL is NaN."""
    last = "SELECT max(canonical) FROM architecture WHERE asked"
    cursor = connection.execute(
        f"SELECT proxy, architecture, value, status, seconds FROM score WHERE architecture <= ({last})"
    )
    while rows := cursor.fetchmany(_BLOCK):
        yield np.array(rows, dtype=np.float64)
