"""Tables of scores, from a store and from its export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.campaign.exchange import export
from naslib_zc_plugin.campaign.store import Store, read_table
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.store.parquet import records_of
from naslib_zc_plugin.table import STATUSES, ScoreTable
from tests.campaign.made import LABELS, ORIGIN, facts, fill, ok, scored, value

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

MIXED = [
    *(scored(f"net-{number}") for number in range(30)),
    Outcome("net-40", (ok("net-40", "naswot"), Row("snip", None, "undefined", "NaN", 1.0), ok("net-40", "zen"))),
    Outcome.failed(Task("net-41", LABELS), "died"),
]


def same(one: ScoreTable, other: ScoreTable) -> None:
    """Equal in everything; an export rounds seconds to single precision."""
    assert (one.name, list(one.keys), dict(one.facts), list(one)) == (
        other.name, list(other.keys), dict(other.facts), list(other)
    )  # fmt: skip
    for label in one:
        a, b = one[label], other[label]
        assert (a.proxy, a.version, a.higher_is_better, a.options) == (
            b.proxy, b.version, b.higher_is_better, b.options
        )  # fmt: skip
        assert a.values.dtype == b.values.dtype == np.float64 and a.status.dtype == b.status.dtype == np.uint8
        assert a.values.tobytes() == b.values.tobytes() and a.status.tobytes() == b.status.tobytes()
        np.testing.assert_array_equal(a.seconds.astype(np.float32), b.seconds.astype(np.float32))


def test_a_store_as_a_table(tmp_path: Path) -> None:
    table = read_table(fill(tmp_path / "scores.db", MIXED[::-1]))
    assert (table.name, len(table), list(table)) == ("scores", 32, list(LABELS))
    assert table.keys == sorted(outcome.key for outcome in MIXED)
    assert table.facts == facts()
    snip = table["snip"]
    places = {key: place for place, key in enumerate(table.keys)}
    assert snip.values[places["net-7"]] == value("net-7", "snip") and snip.seconds[places["net-7"]] == 0.5
    assert [STATUSES[snip.status[places[key]]] for key in ("net-7", "net-40", "net-41")] == [
        "ok",
        "undefined",
        "failed",
    ]
    assert np.isnan(snip.values[[places["net-40"], places["net-41"]]]).all()
    assert snip.seconds[places["net-40"]] == 1.0 and np.isnan(snip.seconds[places["net-41"]])
    with pytest.raises(ValueError, match="scores has no scores called 'snap'; it has naswot, snip, zen"):
        table["snap"]


def test_an_export_is_the_same_table(tmp_path: Path) -> None:
    path = fill(tmp_path / "scores.db", MIXED)
    with Store(path) as store:
        store.ask({"net-5003": "net-5002"}, LABELS)
        store.add([scored("net-5002")], ORIGIN)
        store.declare(facts([*LABELS[::-1], "fisher"]))  # another order, and one that nobody has scored yet
    export(path, tmp_path / "scores.parquet")
    table = read_table(path)
    same(table, read_table(tmp_path / "scores.parquet"))
    assert list(table) == ["zen", "snip", "naswot", "fisher"] and table["fisher"].count("pending") == len(table)
    assert "net-5003" in table.keys and "net-5002" not in table.keys


def test_what_is_left_is_told_by_the_store_only(tmp_path: Path) -> None:
    path = fill(tmp_path / "scores.db", [scored("a"), scored("b", ["snip"])])
    with Store(path) as store:
        store.ask({"c": "c"}, LABELS)
    table = read_table(path)
    assert table.keys == ["a", "b", "c"]
    assert [table[label].count("pending") for label in LABELS] == [2, 1, 2]
    export(path, tmp_path / "scores.parquet")
    exported = read_table(tmp_path / "scores.parquet")
    assert exported.keys == ["a", "b"] and [exported[label].count("pending") for label in LABELS] == [1, 0, 1]


def test_an_empty_store_is_an_empty_table(tmp_path: Path) -> None:
    path = fill(tmp_path / "scores.db", [])
    export(path, tmp_path / "scores.parquet")
    same(read_table(path), read_table(tmp_path / "scores.parquet"))
    assert len(read_table(path)) == 0 and list(read_table(path)) == list(LABELS)
    Store(tmp_path / "new.db").close()
    assert len(read_table(tmp_path / "new.db")) == 0


# Damaged exports --------------------


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "scores.parquet"
    export(fill(tmp_path / "scores.db", MIXED), path)
    return path


def test_an_export_cut_anywhere_is_refused(exported: Path) -> None:
    whole = exported.read_bytes()
    for length in [*range(0, len(whole), 61), *range(len(whole) - 12, len(whole))]:
        exported.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"scores\.parquet: expected (scores exported|the bytes that were)"):
            read_table(exported)


def test_a_flipped_bit_in_an_export_is_found(exported: Path) -> None:
    """Parquet's own headers have no checksum: of 3,000 flips 7 were not found before the file had one."""
    whole = exported.read_bytes()
    assert len(whole) > 5000
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        exported.write_bytes(damaged)
        try:
            read_table(exported)
        except DataError as error:
            assert "scores.parquet" in str(error)
        else:  # the name of the checksum itself, or the mark behind it
            assert b"naslib_zc_plugin_file_crc32\x18\x08" not in damaged


def test_an_export_of_before_is_read_by_the_checksums_of_its_pages(exported: Path, tmp_path: Path) -> None:
    before = tmp_path / "before" / exported.name
    before.parent.mkdir()
    pq.write_table(pq.read_table(exported), before, write_page_checksum=True)  # without what the file's end has
    same(read_table(before), read_table(exported))
    group, whole = pq.read_metadata(before).row_group(0), before.read_bytes()
    for column in (group.column(place) for place in range(group.num_columns)):
        damaged = bytearray(whole)
        damaged[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
        before.write_bytes(damaged)
        with pytest.raises(DataError, match=r"before/scores\.parquet"):
            list(records_of(before)[1])


def _changed(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """A real export, read, changed and written again."""

    def make(path: Path) -> None:
        table = change(pq.read_table(path))
        pq.write_table(table, path)

    return make


def _with(name: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    def change(table: Any) -> Any:
        column = table.column_names.index(name)
        kind = table.schema.field(name).type
        return table.set_column(column, name, pa.array(values(table[name].to_pylist()), kind))

    return _changed(change)


OTHER_FACTS = {b"naslib_zc_plugin": json.dumps({**facts(), "proxies": {}}).encode()}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("<!DOCTYPE html><html>not found</html>" * 30),
        lambda path: path.write_bytes(b"PAR1" + bytes(200) + b"PAR1"),
        lambda path: path.unlink(),
        _changed(lambda table: table.drop_columns(["status"])),
        _changed(lambda table: table.replace_schema_metadata(None)),
        _changed(lambda table: table.replace_schema_metadata({b"naslib_zc_plugin": b"{"})),
        _changed(lambda table: table.replace_schema_metadata(OTHER_FACTS)),
        _changed(lambda table: pa.concat_tables([table, table.slice(3, 1)])),
        _with("status", lambda values: ["splendid", *values[1:]]),
        _with("proxy", lambda values: ["fisher", *values[1:]]),
        _with("value", lambda values: [float("nan"), *values[1:]]),
        _with("value", lambda values: [float("inf"), *values[1:]]),
        _with("value", lambda values: [1.0 if value is None else value for value in values]),
        _with("seconds", lambda values: [-1.0, *values[1:]]),
        _with("seconds", lambda values: [float("inf"), *values[1:]]),
    ],
)
def test_what_is_no_export_is_refused(exported: Path, make: Callable[[Path], None]) -> None:
    make(exported)
    with pytest.raises(DataError, match=r"scores\.parquet: expected"):
        read_table(exported)
