"""The store: what was committed stays, bit by bit, and nothing else gets in."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.campaign.store import STORE, Counts, Store, read_table, records
from naslib_zc_plugin.store.database import StoreError, delete_store, open_to_read
from tests.campaign.made import LABELS, ORIGIN, content, expected, facts, fill, ok, scored


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store, declared and open."""
    with Store(tmp_path / "scores.db") as opened:
        opened.declare(facts())
        yield opened


def ask(store: Store, *keys: str) -> list[Task]:
    return store.ask({key: key for key in keys}, LABELS)


def test_a_new_store_is_empty(tmp_path: Path) -> None:
    with Store(tmp_path / "scores.db") as store:
        assert store.facts() == {} and store.counts() == Counts(0, 0, 0, 0, 0)
        store.declare(facts(seed=3))
    with Store(tmp_path / "scores.db") as store:
        assert store.facts() == json.loads(json.dumps(facts(seed=3)))


def test_what_is_missing_is_asked_for_in_order(store: Store) -> None:
    assert ask(store, "b", "a", "c") == [Task(key, LABELS) for key in "bac"]
    store.add([scored("a"), Outcome("b", (ok("b", "snip"),))], ORIGIN)
    assert ask(store, "a", "b", "c") == [Task("b", ("naswot", "zen")), Task("c", LABELS)]
    assert store.ask({"a": "a", "b": "b"}, ["snip"]) == []
    assert store.counts() == Counts(3, 1, 4, 0, 0)
    store.add([Outcome("b", (ok("b", "naswot"), ok("b", "zen"))), scored("c")], ORIGIN)
    assert ask(store, "a", "b", "c") == []
    assert store.counts() == Counts(3, 3, 9, 0, 0)


def test_a_new_proxy_is_missing_everywhere(store: Store) -> None:
    ask(store, "a")
    store.add([scored("a")], ORIGIN)
    store.declare(facts([*LABELS, "fisher"]))
    assert store.counts() == Counts(1, 0, 3, 0, 0)
    assert store.ask({"a": "a"}, [*LABELS, "fisher"]) == [Task("a", ("fisher",))]
    store.add([scored("a", ["fisher"])], ORIGIN)
    assert store.counts() == Counts(1, 1, 4, 0, 0)


def test_identical_architectures_are_asked_for_once_and_exported_each(store: Store) -> None:
    same = {"x1": "x0", "x2": "x0", "x0": "x0", "y1": "y0"}
    assert store.ask(same, LABELS) == [Task("x0", LABELS), Task("y0", LABELS)]
    assert store.counts().asked == 4
    store.add([scored("x0"), scored("y0")], ORIGIN)
    assert store.counts() == Counts(4, 4, 6, 0, 0)
    assert store.ask(same, LABELS) == []
    found = content(store.path)
    assert {key for key, _ in found} == {"x0", "x1", "x2", "y1"}  # not y0: nobody asked for it
    for key, canonical in same.items():
        for label in LABELS:
            assert found[key, label] == (ok(canonical, label).value, "ok", "")
    assert ask(store, "y0") == [] and store.counts().asked == 5
    assert len(content(store.path)) == 15


def test_seconds_add_up_and_memory_is_the_largest(store: Store) -> None:
    ask(store, "a", "b")
    store.add([Outcome("a", (ok("a", "snip"),), 2.0, 100)], ORIGIN)
    store.add([Outcome("a", (ok("a", "zen"),), 3.0, 70), Outcome.failed(Task("b", LABELS), "died")], ORIGIN)
    assert {one["memory"] for one in records(store.path) if one["key"] == "a"} == {100}
    assert store.connection.execute("SELECT seconds FROM architecture WHERE key = 'a'").fetchone() == (5.0,)


def test_failures_and_undefined_scores(store: Store) -> None:
    ask(store, "a", "b")
    rows = (ok("a", "naswot"), Row("snip", None, "undefined", "NaN", 0.25), Row("zen", None, "failed", 'x: "é"\ny'))
    store.add([Outcome("a", rows, 1.0), Outcome.failed(Task("b", LABELS), "took longer than 4 s")], ORIGIN)
    assert store.counts() == Counts(2, 2, 1, 1, 4)
    assert content(store.path) == expected(
        [Outcome("a", rows), Outcome.failed(Task("b", LABELS), "took longer than 4 s")]
    )
    assert store.forget_failures() == 4
    assert store.counts() == Counts(2, 0, 1, 1, 0)
    assert ask(store, "a", "b") == [Task("a", ("zen",)), Task("b", LABELS)]
    assert store.forget_failures() == 0
    store.add([Outcome.failed(Task("b", LABELS), "took longer than 4 s")], ORIGIN)
    assert content(store.path)["b", "snip"] == (None, "failed", "took longer than 4 s")


# Numbers --------------------


@pytest.mark.parametrize(
    "row",
    [
        Row("snip", math.nan, "ok", ""), Row("snip", math.inf, "ok", ""), Row("snip", -math.inf, "ok", ""),
        Row("snip", None, "ok", ""), Row("snip", 1.0, "undefined", "NaN"), Row("snip", math.nan, "undefined", "NaN"),
        Row("snip", 1.0, "failed", "died"),
    ],
)  # fmt: skip
def test_no_number_but_a_finite_one_gets_in_and_only_as_ok(store: Store, row: Row) -> None:
    ask(store, "a", "b")
    with pytest.raises(ValueError, match=f"snip of b is '{row.status}' with the value {row.value}"):
        store.add([scored("a"), Outcome("b", (ok("b", "zen"), row))], ORIGIN)
    assert content(store.path) == {} and store.counts() == Counts(2, 0, 0, 0, 0)


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=20)
@given(st.lists(finite, min_size=50, max_size=90))
def test_every_finite_number_comes_back_bit_by_bit(values: list[float]) -> None:
    values = [*values, 1e61, -1e61, 5e-324, 1.7976931348623157e308, 2.0**53 + 2, 0.1 + 0.2, float(2**63)]
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s.db") as store:
        store.declare(facts(["snip"]))
        keys = [f"{number:04d}" for number in range(len(values))]
        store.ask({key: key for key in keys}, ["snip"])
        rows = [Row("snip", value, "ok", "", abs(value)) for value in values]
        store.add([Outcome(key, (row,)) for key, row in zip(keys, rows)], ORIGIN)
        found = [one["value"] for one in records(store.path)]
        table = read_table(store.path)["snip"]
    # SQLite keeps no negative zero; it ranks like the other.
    bits = [struct.pack("<d", value + 0.0) for value in values]
    assert [struct.pack("<d", value) for value in found] == bits
    assert [struct.pack("<d", value) for value in table.values] == bits
    assert table.count("ok") == len(values)


def test_equal_values_stay_equal(store: Store) -> None:
    keys = [f"k{number}" for number in range(50)]
    ask(store, *keys)
    store.add([Outcome(key, (Row("snip", 0.1, "ok", ""),)) for key in keys], ORIGIN)
    assert {value for value, _, _ in content(store.path).values()} == {0.1}


@settings(max_examples=15)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5, unique=True))
def test_every_text_comes_back(texts: list[str]) -> None:
    outcomes = [Outcome.failed(Task(text, ("snip",)), text) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        assert content(fill(Path(folder) / "s.db", outcomes, ["snip"])) == expected(outcomes)


# Transactions --------------------


def test_an_error_in_the_middle_leaves_nothing(store: Store) -> None:
    ask(store, "a", "b")
    store.add([Outcome.failed(Task("a", LABELS), "first")], ORIGIN)
    before = content(store.path)

    def outcomes() -> Iterator[Outcome]:
        yield Outcome.failed(Task("a", LABELS), "second")
        yield scored("b")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(outcomes(), {**ORIGIN, "threads": 2})
    assert content(store.path) == before
    store.add([Outcome.failed(Task("b", LABELS), "second")], ORIGIN)  # its reason was rolled back with the rest
    assert content(store.path)["b", "zen"] == (None, "failed", "second")


def test_closing_is_not_needed(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    store.declare(facts())
    ask(store, "a")
    store.add([scored("a")], ORIGIN)
    assert content(store.path) == expected([scored("a")])
    store.close()


def test_a_second_writer_is_refused_at_once_and_a_reader_is_not(store: Store) -> None:
    ask(store, "a")
    store.add([scored("a")], ORIGIN)
    with pytest.raises(StoreError, match=r"scores\.db: database is locked: another campaign writes to it"):
        Store(store.path)
    store.connection.execute("BEGIN IMMEDIATE")
    store.connection.execute("DELETE FROM score")
    assert content(store.path) == expected([scored("a")])
    store.connection.execute("ROLLBACK")
    store.close()
    with Store(store.path) as again:
        assert again.counts().done == 1


def test_a_reader_sees_one_moment(store: Store) -> None:
    ask(store, "a", "b")
    store.add([scored("a")], ORIGIN)
    reading = records(store.path)
    first = next(reading)
    store.add([scored("b")], ORIGIN)
    assert [first["key"], *(one["key"] for one in reading)] == ["a"] * 3
    assert len(content(store.path)) == 6


# Links --------------------


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Path, Path]:
    """A store that a killed process left, its log as well, and a symbolic link in another folder."""
    real, link = tmp_path / "real" / "s.db", tmp_path / "links" / "s.db"
    for folder in (real.parent, link.parent, tmp_path / "written"):
        folder.mkdir()
    with Store(tmp_path / "written" / "s.db") as store:
        store.declare(facts())
        ask(store, "a")
        store.add([scored("a")], ORIGIN)
        for name in ("s.db", "s.db-wal"):
            shutil.copy(tmp_path / "written" / name, real.parent)
    assert (real.parent / "s.db-wal").stat().st_size
    link.symlink_to(real)
    return real, link


def test_a_store_behind_a_link_is_the_store(linked: tuple[Path, Path]) -> None:
    real, link = linked
    assert content(link) == content(real) == expected([scored("a")])
    with Store(link) as store:
        ask(store, "b")
        store.add([scored("b")], ORIGIN)
        for name in linked:
            with pytest.raises(StoreError, match="another campaign writes to it"):
                Store(name)
    assert content(real) == content(link) == expected([scored("a"), scored("b")])
    assert [each.name for each in link.parent.iterdir()] == ["s.db"] and link.is_symlink()


def test_deleting_a_store_behind_a_link_leaves_the_link(linked: tuple[Path, Path]) -> None:
    real, link = linked
    delete_store(link, STORE)
    assert link.is_symlink() and {each.name for each in real.parent.iterdir()} <= {"s.db-lock"}
    assert content(fill(link, [scored("c")])) == content(real) == expected([scored("c")])


def test_a_store_with_two_names_has_no_writer(linked: tuple[Path, Path]) -> None:
    real, link = linked
    os.link(real, link.parent / "hard.db")
    for name in (real, link, link.parent / "hard.db"):
        with pytest.raises(StoreError, match=r"\.db has 2 names \(hard links\)"):
            Store(name)
    (link.parent / "hard.db").unlink()
    assert content(link) == expected([scored("a")])


def test_a_link_to_itself_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "loop.db").symlink_to(tmp_path / "loop.db")
    for use in (content, Store):
        with pytest.raises(StoreError, match=r"loop\.db"):
            use(tmp_path / "loop.db")


# Where it cannot be written --------------------


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom permissions bind: root is bound by none."""
    if not hasattr(os, "setresuid"):
        pytest.skip("needs permissions as on Linux")
    user = os.getuid()
    if user == 0:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if user == 0:
            os.setresuid(0, 0, 0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield Path(made)
        os.chmod(made, 0o755)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file: is its folder there, and writable"):
        Store(tmp_path / "missing" / "scores.db")
    with pytest.raises(StoreError, match="no such store"):
        open_to_read(tmp_path / "missing" / "scores.db", STORE)


def test_a_read_only_folder_can_be_read(folder: Path) -> None:
    path = fill(folder / "scores.db", [scored("a")])
    path.with_name("scores.db-lock").unlink()
    os.chmod(folder, 0o555)
    with unprivileged():
        assert content(path) == expected([scored("a")])
        with pytest.raises(StoreError, match="is its folder there, and writable"):
            Store(path)
    assert [each.name for each in folder.iterdir()] == ["scores.db"]


def test_a_read_only_store_is_told_and_can_be_read(folder: Path) -> None:
    path = fill(folder / "scores.db", [scored("a")])
    before = path.read_bytes()
    for each in folder.iterdir():
        each.chmod(0o444)
    with unprivileged():
        assert content(path) == expected([scored("a")])
        with pytest.raises(StoreError, match="readonly database: make it writable, or write elsewhere"):
            Store(path)
    assert path.read_bytes() == before
