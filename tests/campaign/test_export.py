"""Exports: every score once, bit by bit, in a file that is whole or not there."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path

import pytest

from naslib_zc_plugin.benchmarks import nasbench201
from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.campaign.exchange import CANONICAL, FIELDS, export
from naslib_zc_plugin.campaign.store import Store, read_reasons, read_table, records
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.store.database import StoreError
from naslib_zc_plugin.store.parquet import records_of, write_parquet
from tests.campaign.made import LABELS, ORIGIN, facts, fill, ok, scored, value

AWKWARD = 'two lines,\nwith "quotes"; and é\r\n'
OUTCOMES = [
    scored("net-2"),
    scored("net-1"),
    Outcome(
        "net-3", (Row("naswot", 1e61, "ok", "", 0.25), Row("snip", None, "undefined", AWKWARD), ok("net-3", "zen"))
    ),
    Outcome.failed(Task("net-10", LABELS), "died"),
]
KEYS = ["net-1", "net-10", "net-2", "net-3"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill(tmp_path / "scores.db", OUTCOMES)


def test_records_are_ordered_by_key_and_proxy(store: Path) -> None:
    found = list(records(store))
    assert [(one["key"], one["proxy"]) for one in found] == [(key, label) for key in KEYS for label in LABELS]
    assert all(tuple(one) == FIELDS for one in found)
    assert found[0] == {
        "key": "net-1", "proxy": "naswot", "version": 1, "value": value("net-1", "naswot"), "status": "ok",
        "reason": "", "seconds": 0.5, "memory": 10**6, "device": "cpu", "threads": 1, "seed": 0,
    }  # fmt: skip


def test_csv(store: Path, tmp_path: Path) -> None:
    assert export(store, tmp_path / "new" / "a.csv") == 12
    with (tmp_path / "new" / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = list(records(store))
    assert list(rows[0]) == list(FIELDS) and len(rows) == len(wanted)
    for row, one in zip(rows, wanted):
        assert row == {name: "" if each is None else str(each) for name, each in one.items()}
        assert not row["value"] or float(row["value"]) == one["value"]


def test_json_lines(store: Path, tmp_path: Path) -> None:
    assert export(store, tmp_path / "a.jsonl") == 12
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == list(records(store))


def test_parquet(store: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    assert export(store, tmp_path / "a.parquet") == 12
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == list(records(store))
    assert json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"naslib_zc_plugin"]) == facts()


def test_an_export_of_a_campaign_that_names_many_architectures_keeps_its_checksum(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    export(store, small)
    about, found = records_of(small)
    about["architectures"] = [f"architecture {number:070}" for number in range(20_000)]  # more than a mebibyte
    assert write_parquet(large, found, about) == 12
    assert read_table(large).facts["architectures"] == about["architectures"]
    content = bytearray(large.read_bytes())
    content[content.find(b"architecture 0", len(content) // 2)] ^= 1
    large.write_bytes(content)
    with pytest.raises(DataError, match="by their checksum"):
        read_table(large)


def test_reasons_are_counted_alike_in_a_store_and_its_export(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    died = {"died": 1}
    assert read_reasons(store) == {"naswot": died, "snip": {AWKWARD: 1, "died": 1}, "zen": died}
    export(store, tmp_path / "a.parquet")
    assert read_reasons(tmp_path / "a.parquet") == read_reasons(store)
    assert read_reasons("embedded:nasbench201_cifar10_whole") == {}


@pytest.mark.usefixtures("toy")
def test_the_format_of_nas_bench_suite_zero(store: Path, tmp_path: Path) -> None:
    assert export(store, tmp_path / "zc_toy.json") == 8
    found = json.loads((tmp_path / "zc_toy.json").read_text(encoding="utf-8"))
    assert list(found) == ["digits"] and list(found["digits"]) == ["net-1", "net-2", "net-3"]
    assert found["digits"]["net-3"] == {
        "naswot": {"score": 1e30, "time": 0.25},
        "nwot": {"score": 1e30, "time": 0.25},
        "zen": {"score": value("net-3", "zen"), "time": 0.5},
    }


def test_accuracies_in_the_format_of_nas_bench_suite_zero(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from tests.benchmarks import made

    table = made.written(tmp_path, made.nasbench201_columns())
    key = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    store = fill(tmp_path / "scores.db", [scored(key)], space="nasbench201", dataset="imagenet16_120")
    assert export(store, tmp_path / "zc.json", data=tmp_path) == 3
    found = json.loads((tmp_path / "zc.json").read_text(encoding="utf-8"))
    assert set(found["ImageNet16-120"]) == {"(2, 1, 0, 3, 4, 2)"}
    accuracy = nasbench201.TABLE.read(tmp_path).column("imagenet16_test_200")[key]
    assert found["ImageNet16-120"]["(2, 1, 0, 3, 4, 2)"]["val_accuracy"] == accuracy
    with pytest.raises(ValueError, match=r"accuracies are exported to \.json only"):
        export(store, tmp_path / "a.csv", data=tmp_path)
    table.write_bytes(b"no table")
    with pytest.raises(DataError, match="expected a whole Parquet file"):
        export(store, tmp_path / "other.json", data=tmp_path)
    assert not (tmp_path / "other.json").exists()
    table.unlink()  # the package has one
    assert export(store, tmp_path / "other.json", data=tmp_path) == 3
    found = json.loads((tmp_path / "other.json").read_text(encoding="utf-8"))
    accuracy = nasbench201.TABLE.read().column("imagenet16_test_200")[key]
    assert found["ImageNet16-120"]["(2, 1, 0, 3, 4, 2)"]["val_accuracy"] == accuracy


@pytest.mark.usefixtures("toy")
def test_a_space_without_a_benchmark_has_no_accuracies(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no accuracies of toy on digits; they do of nasbench201 on cifar10, cifar100"):
        export(store, tmp_path / "zc_toy.json", data=tmp_path)


@pytest.mark.usefixtures("toy")
def test_directions_and_scales_in_the_format_of_nas_bench_suite_zero(tmp_path: Path) -> None:
    rows = (Row("flow", 1e50, "ok", ""), Row("ntk", 2.0, "ok", ""), Row("theirs", 1e20, "ok", ""))
    names = {"flow": ("synflow", 1, True), "ntk": ("ntk", 1, False), "theirs": ("synflow", 0, True)}
    proxies = {
        label: {"name": name, "version": version, "higher_is_better": higher, "options": {}}
        for label, (name, version, higher) in names.items()
    }
    store = fill(tmp_path / "scores.db", [Outcome("net-1", rows)], tuple(names), proxies=proxies)
    export(store, tmp_path / "zc.json")
    found = json.loads((tmp_path / "zc.json").read_text(encoding="utf-8"))["digits"]["net-1"]
    scores = {label: one["score"] for label, one in found.items()}
    # Labels stay; of another name in NASLib there is none here.
    assert scores == {"flow": math.log(1e50), "ntk": -2.0, "theirs": 1e20}


def test_the_canonical_export_tells_nothing_of_the_machine(store: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "other.db") as other:  # other order, one transaction, other seconds, threads and machine
        other.declare(facts())
        other.ask({outcome.key: outcome.key for outcome in OUTCOMES}, LABELS[::-1])
        slower = [
            Outcome(one.key, tuple(Row(r.label, r.value, r.status, r.reason, 9.0) for r in one.rows[::-1]), 99.0, 5)
            for one in OUTCOMES[::-1]
        ]
        other.add(slower, {**ORIGIN, "device": "cuda", "torch": "3"})
    for ending in ("csv", "jsonl"):
        for path in (store, tmp_path / "other.db"):
            export(path, path.with_suffix(f".{ending}"), canonical=True)
        one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("scores", "other"))
        assert one == two and b"net-10" in one and b"cpu" not in one
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == list(CANONICAL)
    export(store, tmp_path / "scores.csv")
    export(tmp_path / "other.db", tmp_path / "other.csv")
    assert (tmp_path / "scores.csv").read_bytes() != (tmp_path / "other.csv").read_bytes()


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.db", "a.CSV"])
def test_an_unknown_ending(store: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot write a.*: end it in \.parquet, \.csv, \.jsonl, \.json"):
        export(store, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a.parquet", "a.json"])
def test_canonical_where_there_is_no_choice(store: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"canonical exports are \.csv or \.jsonl"):
        export(store, tmp_path / name, canonical=True)


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "parquet"])
def test_an_export_that_breaks_off_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    store = fill(tmp_path / "scores.db", [scored(f"net-{number}") for number in range(60)])
    target = tmp_path / "out" / f"a.{ending}"
    export(store, target)
    before, whole = target.read_bytes(), bytearray(store.read_bytes())
    middle = len(whole) // 4096 // 2 * 4096
    refused = 0
    for start in range(middle, len(whole), 4096):  # until a page is met that the export needs
        store.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
        try:
            export(store, target)
        except StoreError:
            refused += 1
        assert target.read_bytes() == before
        assert os.listdir(target.parent) == [target.name]
    assert refused


def test_no_store_leaves_no_export(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        export(tmp_path / "none.db", tmp_path / "a.csv")
    assert os.listdir(tmp_path) == []
