"""Old stores stay readable, and are brought up to date where the format has changed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from naslib_zc_plugin.campaign import store as stores
from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.campaign.store import Counts, Store, facts_of, read_table, records
from naslib_zc_plugin.store import database
from naslib_zc_plugin.store.database import StoreError, open_to_read
from tests.campaign.made import LABELS, ORIGIN, content, expected, facts, fill, ok, scored

# Written by the first version of the format, in pages of 1 KiB; what follows was put into it, and is never changed.
PATH = Path(__file__).parent / "stores" / "v1.db"
FACTS = facts(seed=11)
V1 = [
    *(scored(f"net-{number}") for number in range(8)),
    scored("net-5002"),
    Outcome("net-8", (ok("net-8", "naswot"), Row("snip", None, "undefined", "the value is nan", 0.25),
                      Row("zen", 1e61, "ok", "", 0.75)), 3.5, 2_000_000),
    Outcome.failed(Task("net-9", LABELS), "the worker died of SIGSEGV, 2 times"),
]  # fmt: skip
STORED = {**expected(V1), **{("net-5003", label): (ok("net-5002", label).value, "ok", "") for label in LABELS}}

NEXT = """
ALTER TABLE architecture ADD COLUMN worker TEXT;
UPDATE architecture SET worker = 'w' || id;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the old store."""
    return Path(shutil.copy(PATH, tmp_path / "old.db"))


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if another version of the format had been released, which is read after it was brought up to date only."""
    store = stores.STORE
    monkeypatch.setattr(stores, "STORE", database.Format(store.application, (*store.migrations, NEXT)))
    assert stores.STORE.version == 3


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found = stores.STORE.found(connection)
    assert found is not None
    return found


def test_the_old_store_is_small_and_as_it_was(old: Path) -> None:
    assert PATH.stat().st_size < 40 * 1024
    assert content(old) == STORED
    with closing(open_to_read(old, stores.STORE)) as connection:
        assert facts_of(connection) == FACTS
    (one,) = (one for one in records(old) if (one["key"], one["proxy"]) == ("net-8", "zen"))
    assert one == {
        "key": "net-8", "proxy": "zen", "version": 1, "value": 1e61, "status": "ok", "reason": "", "seconds": 0.75,
        "memory": 2_000_000, "device": "cpu", "threads": 1, "seed": 0,
    }  # fmt: skip
    table = read_table(old)
    assert len(table) == 12 and [table["snip"].count(each) for each in ("ok", "undefined", "failed")] == [10, 1, 1]


def test_an_old_campaign_goes_on(old: Path) -> None:
    with Store(old) as store:
        assert store.facts() == FACTS and store.counts() == Counts(12, 12, 29, 1, 3)
        (task,) = store.ask({"net-1": "net-1", "net-77": "net-77"}, LABELS)
        assert task == Task("net-77", LABELS)
        store.add([scored("net-77")], ORIGIN)
    assert content(old) == {**STORED, **expected([scored("net-77")])}


def test_a_store_without_checksums_is_read_as_it_is_and_gets_them_from_its_next_writer(old: Path) -> None:
    before = old.read_bytes()
    assert content(old) == STORED and len(read_table(old)) == 12
    assert old.read_bytes() == before and version(old) == 1
    Store(old).close()
    assert version(old) == 2 and content(old) == STORED
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE score SET value = 0.5 WHERE value = 1e61")
    for use in (content, read_table, Store):
        with pytest.raises(StoreError, match=r"old\.db: table score: its checksum is another.*the file is damaged"):
            use(old)


def test_the_released_format_is_never_changed(tmp_path: Path) -> None:
    def tables(path: Path) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

    with closing(sqlite3.connect(tmp_path / "first.db")) as connection:
        connection.executescript(stores.STORE.migrations[0])
    assert tables(tmp_path / "first.db") == tables(PATH)
    seal = ("seal", "CREATE TABLE seal (name TEXT PRIMARY KEY, total INTEGER NOT NULL) WITHOUT ROWID")
    assert {*tables(PATH), seal} == {*tables(fill(tmp_path / "new.db", []))}


@pytest.mark.usefixtures("second")
def test_a_writer_brings_an_old_store_up_to_date(old: Path) -> None:
    with Store(old) as store:
        workers = store.connection.execute("SELECT worker FROM architecture ORDER BY id").fetchall()
        assert workers[:2] == [("w1",), ("w2",)]
        store.ask({"net-77": "net-77"}, LABELS)
        store.add([scored("net-77")], ORIGIN)
    assert version(old) == 3 and content(old) == {**STORED, **expected([scored("net-77")])}


@pytest.mark.usefixtures("second")
def test_a_reader_brings_an_old_store_up_to_date(old: Path) -> None:
    assert content(old) == STORED
    assert version(old) == 3
    assert np.isfinite(read_table(old)["naswot"].values).sum() == 11


@pytest.mark.usefixtures("second")
def test_a_new_store_has_all_versions(tmp_path: Path) -> None:
    path = fill(tmp_path / "new.db", V1[:2])
    assert version(path) == 3 and content(path) == expected(V1[:2])


@pytest.mark.usefixtures("second")
def test_a_migration_that_fails_leaves_the_old_store(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        broken = (*stores.STORE.migrations[:2], NEXT + "SELECT * FROM nowhere;")
        patch.setattr(stores, "STORE", database.Format(stores.STORE.application, broken))
        with pytest.raises(StoreError, match="no such table: nowhere"):
            Store(old)
        assert version(old) == 1
    assert content(old) == STORED


def test_a_store_of_a_newer_version_says_so_to_an_older_package(old: Path, second: None) -> None:
    Store(old).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "STORE", database.Format(stores.STORE.application, stores.STORE.migrations[:1]))
        with pytest.raises(StoreError, match=r"newer version of this package \(format 3\); update the package"):
            open_to_read(old, stores.STORE)
