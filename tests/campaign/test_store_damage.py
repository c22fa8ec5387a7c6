"""A store that was cut, damaged, or ran out of disk: what was committed is there, or an error is."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.campaign.exchange import merge
from naslib_zc_plugin.campaign.store import STORE, Store, read_table, records
from naslib_zc_plugin.store.database import StoreError, open_to_read
from tests.campaign.made import LABELS, ORIGIN, content, expected, facts, fill, scored

OUTCOMES = [scored(f"net-{number}") for number in range(8)]
PAGE = 512


def small_pages(path: Path) -> Store:
    """A store in pages of 512 bytes, so that a cut at every byte is a cut at several pages."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("VACUUM")
    store = Store(path)
    store.declare(facts())
    store.ask({outcome.key: outcome.key for outcome in OUTCOMES}, LABELS)
    return store


def copy(path: Path, folder: Path, wal: bytes | None = None) -> Path:
    """The file and its log as they are at this moment, or with another log: what a killed process leaves."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(path, folder)
    there = path.with_name(path.name + "-wal")
    if wal is not None or there.exists():
        (folder / there.name).write_bytes(there.read_bytes() if wal is None else wal)
    return folder / path.name


def test_a_killed_writer_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    with small_pages(tmp_path / "s.db") as store:
        for number, outcome in enumerate(OUTCOMES, 1):
            store.add([outcome], ORIGIN)
            store.connection.execute("BEGIN IMMEDIATE")
            store.connection.execute("UPDATE score SET value = 0")  # what was not committed is not there
            left = copy(store.path, tmp_path / "left")
            store.connection.execute("ROLLBACK")
            assert content(left) == expected(OUTCOMES[:number])
            with Store(left) as again:
                assert again.counts().done == number
                again.add(OUTCOMES[number:], ORIGIN)
            assert content(left) == expected(OUTCOMES)


def _zeros(whole: bytes, length: int) -> bytes:
    return whole[:length] + bytes(len(whole) - length)


def _garbage(whole: bytes, length: int) -> bytes:
    return whole[:length] + bytes(byte ^ 0x55 for byte in whole[length:])


@pytest.mark.parametrize(
    ("torn", "step"), [(lambda whole, length: whole[:length], 1), (_zeros, 61), (_garbage, 61)],
    ids=["cut", "zeros", "garbage"],
)  # fmt: skip
def test_the_log_torn_at_every_byte_of_the_last_transaction(
    tmp_path: Path, torn: Callable[[bytes, int], bytes], step: int
) -> None:
    with small_pages(tmp_path / "s.db") as store:
        log = tmp_path / "s.db-wal"
        for outcome in OUTCOMES[:4]:
            store.add([outcome], ORIGIN)
        start = log.stat().st_size
        store.add([OUTCOMES[4]], ORIGIN)
        whole, end = log.read_bytes(), log.stat().st_size
        assert end - start > 2 * PAGE, "the last transaction spans pages"
        before, after = expected(OUTCOMES[:4]), expected(OUTCOMES[:5])
        lost = 0
        for length in sorted({*range(start, end, step), end - 1, end}):
            left = copy(store.path, tmp_path / "left", torn(whole, length))
            found = content(left)
            assert found in (before, after)
            lost += found == before
            if length % 151 == 0 or length >= end - 1:
                with Store(left) as again:
                    assert again.counts().done == (5 if found == after else 4)
                    again.add(OUTCOMES[4:], ORIGIN)
                assert content(left) == expected(OUTCOMES)
        assert found == after and lost > 10


def test_the_log_torn_in_earlier_transactions_keeps_a_prefix(tmp_path: Path) -> None:
    with small_pages(tmp_path / "s.db") as store:
        ends = []
        for outcome in OUTCOMES:
            store.add([outcome], ORIGIN)
            ends.append((tmp_path / "s.db-wal").stat().st_size)
        whole = (tmp_path / "s.db-wal").read_bytes()
        for length in range(ends[0], len(whole), 97):
            left = copy(store.path, tmp_path / "left", whole[:length])
            committed = sum(end <= length for end in ends)
            assert content(left) == expected(OUTCOMES[:committed])


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_closed_store_cut_anywhere_is_refused(tmp_path: Path, mode: str) -> None:
    with small_pages(tmp_path / "s.db") as store:
        store.add(OUTCOMES, ORIGIN)
    path, left = tmp_path / "s.db", tmp_path / "left" / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    whole = path.read_bytes()
    borders = {page + step for page in range(0, len(whole), PAGE) for step in (-1, 0, 1)}
    # To SQLite a file of one byte is an empty one.
    for length in sorted(
        {*range(2, 130), *borders, *range(len(whole) - 2 * PAGE, len(whole))} - {-1, 0, 1, len(whole)}
    ):
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(whole[:length])
        for use in (content, read_table, Store) if length % 9 == 0 else (content,):
            with pytest.raises(StoreError, match=r"s\.db.*(damaged|no store|give another path)"):
                use(left)
        shutil.rmtree(left.parent)
    left.parent.mkdir()
    left.write_bytes(whole + bytes(PAGE))  # more than there should be does no harm
    assert content(left) == expected(OUTCOMES)


def test_an_empty_file_is_no_store_to_a_reader_and_a_new_one_to_a_campaign(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.touch()
    with pytest.raises(StoreError, match=r"s\.db is empty: no store"):
        open_to_read(path, STORE)
    assert content(fill(path, OUTCOMES[:2])) == expected(OUTCOMES[:2])


def test_a_page_of_zeros_is_never_silently_fewer_scores(tmp_path: Path) -> None:
    with small_pages(tmp_path / "s.db") as store:
        store.add(OUTCOMES, ORIGIN)
    path, refused = tmp_path / "s.db", 0
    whole = path.read_bytes()
    table = read_table(path)
    for start in range(0, len(whole), PAGE):
        path.write_bytes(whole[:start] + bytes(PAGE) + whole[start + PAGE :])
        try:
            assert content(path) == expected(OUTCOMES)
            found = read_table(path)
            assert found.keys == table.keys
            assert all((found[label].values == table[label].values).all() for label in LABELS)
        except StoreError as error:
            assert "s.db" in str(error)
            refused += 1
    assert refused > len(whole) // PAGE // 2


# Bits and rows --------------------


def test_a_flipped_bit_is_found_or_harmless(tmp_path: Path) -> None:
    path, flipped = tmp_path / "s.db", tmp_path / "flipped" / "s.db"
    outcomes = [scored(f"net-{number}") for number in range(60)]
    with small_pages(path) as store:
        store.ask({outcome.key: outcome.key for outcome in outcomes}, LABELS)
        store.add(outcomes, ORIGIN)
    whole, draw = path.read_bytes(), random.Random(0)
    everything, table, found = list(records(path)), read_table(path), 0
    for turn in range(200):
        bit = draw.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        shutil.rmtree(flipped.parent, ignore_errors=True)
        flipped.parent.mkdir()
        flipped.write_bytes(damaged)
        try:
            if turn % 2:
                assert list(records(flipped)) == everything, f"bit {bit}"
            else:
                there = read_table(flipped)
                assert (there.keys, there.facts) == (table.keys, table.facts), f"bit {bit}"
                for label in LABELS:
                    for what in ("values", "status", "seconds"):
                        one, other = getattr(there[label], what), getattr(table[label], what)
                        assert one.tobytes() == other.tobytes(), f"bit {bit}"
            with Store(flipped) as again:
                assert again.counts().done == 60
        except StoreError as error:
            assert "s.db" in str(error)
            found += 1
    assert found > 60


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE score SET value = value * 1.0000000000000002",
        "UPDATE architecture SET asked = 0 WHERE key = 'net-2'",
        "DELETE FROM score WHERE architecture = 3 AND proxy = 2",
        "INSERT INTO score SELECT architecture + 100, proxy, value, status, reason, seconds, origin FROM score",
        "UPDATE origin SET plain = replace(plain, 'cpu', 'gpu')",
        "UPDATE fact SET value = '1' WHERE name = 'seed'",
        "DELETE FROM seal WHERE name = 'score'",
    ],
)
def test_rows_that_the_store_did_not_write_are_found(tmp_path: Path, change: str) -> None:
    path = fill(tmp_path / "s.db", OUTCOMES)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)
    for use in (content, read_table, Store):
        with pytest.raises(StoreError, match=r"s\.db: .*(its checksum|unknown architecture).*the file is damaged"):
            use(path)


def test_checksums_follow_every_change(tmp_path: Path) -> None:
    """Whatever a store does: after it, and after a block that failed, the totals are those of a fresh count."""
    path = tmp_path / "s.db"
    rows = (Row("snip", -0.0, "ok", "", 1), Row("zen", None, "undefined", "NUL \0 é", 0.5))
    with Store(path) as store:
        store.declare(facts())
        store.ask({"a\0b": "c", "c": "c", "d": "d"}, LABELS)
        store.add([Outcome("c", rows, 1, 5), Outcome.failed(Task("d", LABELS), "died")], ORIGIN)
        store.add([Outcome("c", rows[:1], 2, 3)], ORIGIN)  # takes the place of another
        with pytest.raises(KeyError):
            store.add([scored("d"), Outcome("d", (Row("unknown", 1.0, "ok", ""),))], ORIGIN)
        assert store.forget_failures() == 3
        store.declare(facts(seed=4))
        assert len(content(path)) == 4
    other = fill(tmp_path / "other.db", [scored("d"), scored("e")], seed=4)
    assert merge(path, [other]) == 6
    Store(path).close()
    assert len(content(path)) == 10


def _old(path: Path, statement: str) -> Path:
    """A store as it was before there were checksums, after a change."""
    fill(path, OUTCOMES)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(f"DROP TABLE IF EXISTS seal; PRAGMA user_version = 1; {statement};")
    return path


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE score SET value = 9e999 WHERE architecture = 3", "naswot of 'net-2' is ok with the value inf"),
        ("UPDATE score SET value = -9e999 WHERE architecture = 3", "naswot of 'net-2' is ok with the value -inf"),
        ("UPDATE score SET value = NULL WHERE architecture = 3", "naswot of 'net-2' is ok with the value None"),
        ("UPDATE score SET value = 'x' WHERE architecture = 3", "naswot of 'net-2' is ok with the value 'x'"),
        ("UPDATE score SET status = 2 WHERE architecture = 3", "naswot of 'net-2' is undefined with the value 0"),
        ("UPDATE score SET status = 7 WHERE architecture = 3", "naswot of 'net-2' is of the status 7 with"),
        ("UPDATE score SET status = -1 WHERE architecture = 3", "naswot of 'net-2' is of the status -1 with"),
        ("UPDATE score SET seconds = -1 WHERE architecture = 3", "naswot of 'net-2' is ok .* after -1.0 seconds"),
        ("UPDATE score SET seconds = 9e999 WHERE architecture = 3", "naswot of 'net-2' is ok .* after inf seconds"),
        ("UPDATE score SET reason = 99 WHERE architecture = 3", "naswot of 'net-2' is ok"),
        ("UPDATE architecture SET memory = -1 WHERE id = 3", "architecture 'net-2' has seconds 2.0, memory -1"),
        ("UPDATE architecture SET canonical = 4611686018427387904 WHERE id = 3", "'net-2' has .* or an unknown twin"),
        ("UPDATE fact SET value = '[]' WHERE name = 'proxies'", "malformed provenance"),
        ("UPDATE fact SET value = '{' WHERE name = 'seed'", "Expecting property name"),
        ("UPDATE fact SET value = printf('%.*c', 100000, '[') WHERE name = 'seed'", "recursion"),
        ("UPDATE proxy SET plain = '{}' WHERE id = 2", "malformed proxy 'snip'"),
        ("DROP TABLE reason; CREATE VIEW reason AS SELECT 1 AS id, '' AS text", "reason.*not as in a store"),
        ("CREATE TRIGGER t AFTER INSERT ON score BEGIN DELETE FROM fact; END", " t: not as in a store"),
        ("PRAGMA user_version = -1", r"malformed \(format -1\)"),
    ],
)
def test_what_no_campaign_writes_is_refused_by_name(tmp_path: Path, statement: str, message: str) -> None:
    path = _old(tmp_path / "s.db", statement)
    with pytest.raises(StoreError, match=rf"s\.db:.*{message}"):
        read_table(path)


def test_a_table_of_what_was_never_scored_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = _old(
        tmp_path / "s.db",
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 41000) "
        "INSERT INTO architecture (id, key, asked, canonical) SELECT i, 'more-' || i, 1, i FROM n;"
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 510) "
        "INSERT INTO proxy SELECT i, 'p' || i, '{}' FROM n;"
        "INSERT INTO architecture (id, key, asked, canonical) VALUES (4611686018427387904, 'huge', 1, 1)",
    )
    with pytest.raises(StoreError, match=r"s\.db: 40,010 architectures by 504 proxies, of which 24 are scored: more"):
        read_table(path)


# Other files --------------------


def _sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photographs (name TEXT)")


def _newer(path: Path) -> None:
    fill(path, OUTCOMES[:1])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_sqlite, "is an SQLite file, but no store; give another path as store:"),
        (_newer, "written by a newer version of this package .format 99.; update the package"),
        (lambda path: path.write_text("<!DOCTYPE html><html><title>404</title></html>\n" * 40), "it is no store"),
        (lambda path: path.write_text("key,score\n"), "it is no store"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000), "no store|damaged"),
        (Path.mkdir, "no such store|unable to open"),
    ],
)
def test_what_is_no_store_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "s.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for use in (content, read_table, lambda path: open_to_read(path, STORE), Store):
        with pytest.raises(StoreError, match=rf"s\.db.*({message})"):
            use(path)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_store_in_another_journal_mode_goes_on(tmp_path: Path) -> None:
    path = fill(tmp_path / "s.db", OUTCOMES[:3])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    assert content(path) == expected(OUTCOMES[:3])
    assert content(fill(path, OUTCOMES[3:])) == expected(OUTCOMES)


# Disk full --------------------


@contextmanager
def few_pages(store: Store) -> Iterator[None]:
    """As if the disk had room for a few pages more."""
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    (most,) = store.connection.execute("PRAGMA max_page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    yield
    store.connection.execute(f"PRAGMA max_page_count = {most}")


@contextmanager
def few_bytes(store: Store) -> Iterator[None]:
    """Writing fails after some bytes of the log, in the middle of a page."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = store.path.with_name(store.path.name + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3333, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("room", "message"),
    [(few_pages, "disk is full: free some space"), (few_bytes, "disk I/O error: see to the disk")],
)
def test_no_room_loses_nothing_and_goes_on_when_there_is_some(
    tmp_path: Path, room: Callable[[Store], contextmanager[None]], message: str
) -> None:
    outcomes: list[Outcome] = [scored(f"net-{number}") for number in range(300)]
    with small_pages(tmp_path / "s.db") as store:
        store.ask({outcome.key: outcome.key for outcome in outcomes}, LABELS)
        store.add(outcomes[:2], ORIGIN)
        done = 2
        with room(store):
            with pytest.raises(StoreError, match=rf"{message}.*what was committed is kept"):
                while True:
                    store.add(outcomes[done : done + 3], ORIGIN)
                    done += 3
            assert store.counts().done == done < 100
            with pytest.raises(StoreError, match=message):
                store.add(outcomes, ORIGIN)
            left = copy(store.path, tmp_path / "left")
        assert content(left) == expected(outcomes[:done])
        store.add(outcomes[done:], ORIGIN)
    assert content(store.path) == expected(outcomes)
