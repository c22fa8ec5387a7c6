"""Stores that were filled in several places become one, or are left alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.campaign.engines import Outcome, Row, Task
from naslib_zc_plugin.campaign.exchange import export, merge
from naslib_zc_plugin.campaign.store import Counts, Store, provenance_of, read_table, records
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.store.database import StoreError
from tests.campaign.made import LABELS, ORIGIN, content, expected, facts, fill, ok, scored

NETS = [scored(f"net-{number}") for number in range(9)]
UNDEFINED = Outcome("net-20", tuple(Row(label, None, "undefined", "NaN", 1.0) for label in LABELS))
FAILED = [Outcome.failed(Task(outcome.key, LABELS), "died") for outcome in NETS]


def dump(path: Path) -> list[str]:
    """All that a store holds."""
    with Store(path) as store:
        return list(store.connection.iterdump())


@pytest.mark.parametrize(
    ("parts", "added"),
    [
        ([NETS[:4], NETS[4:]], 27),  # disjoint
        ([NETS[:6], NETS[3:]], 27),  # overlapping and equal
        ([NETS, NETS], 27),
        ([[], NETS], 27),
        ([NETS, []], 27),
        ([NETS[:3], NETS[3:6], NETS[6:]], 27),
        ([[*FAILED[:5]], NETS], 15 + 27),  # what failed gives way
        ([NETS, [*FAILED[:5]]], 27),
    ],
)
def test_parts_become_the_whole(tmp_path: Path, parts: list[list[Outcome]], added: int) -> None:
    sources = [fill(tmp_path / f"part{number}.db", [*part, UNDEFINED]) for number, part in enumerate(parts)]
    before = [source.read_bytes() for source in sources]
    assert merge(tmp_path / "whole.db", sources) == added + 3
    assert content(tmp_path / "whole.db") == expected([*NETS, UNDEFINED])
    assert [source.read_bytes() for source in sources] == before
    with Store(tmp_path / "whole.db") as store:
        assert store.counts() == Counts(10, 10, 27, 3, 0) and store.facts() == facts()
        assert store.ask({outcome.key: outcome.key for outcome in NETS}, LABELS) == []
    assert merge(tmp_path / "whole.db", sources) == 0


@pytest.mark.usefixtures("toy")
def test_detours_are_counted_and_go_with_their_scores(tmp_path: Path) -> None:
    way = "samples run one by one: RuntimeError: vmap"
    around = [replace(each, rows=(replace(each.rows[0], detour=way), *each.rows[1:])) for each in NETS[:4]]
    plain, detoured = fill(tmp_path / "plain.db", NETS[4:]), fill(tmp_path / "detoured.db", around)
    assert provenance_of(plain) == facts()
    assert provenance_of(detoured) == {**facts(), "detours": {"naswot": {way: 4}}}
    assert merge(tmp_path / "whole.db", [plain, detoured]) == 27
    assert provenance_of(tmp_path / "whole.db")["detours"] == {"naswot": {way: 4}}
    assert content(tmp_path / "whole.db") == expected(NETS)
    pytest.importorskip("pyarrow")
    export(detoured, tmp_path / "detoured.parquet")
    assert read_table(tmp_path / "detoured.parquet").facts["detours"] == {"naswot": {way: 4}}
    assert merge(plain, [tmp_path / "detoured.parquet"]) == 12  # their number stays behind, their scores do not
    assert content(plain) == expected(NETS) and provenance_of(plain) == facts()


def test_one_that_failed_in_both_stays_failed(tmp_path: Path) -> None:
    one, two = (fill(tmp_path / f"{name}.db", FAILED[:1]) for name in "ab")
    assert merge(one, [two]) == 0
    assert content(one) == expected(FAILED[:1])


def test_into_a_store_that_has_scores(tmp_path: Path) -> None:
    target, source = fill(tmp_path / "a.db", NETS[:2]), fill(tmp_path / "b.db", NETS[1:3])
    assert merge(target, [source]) == 3
    assert content(target) == expected(NETS[:3])
    with Store(target) as store:
        store.ask({"net-5": "net-5"}, LABELS)
        store.add([NETS[5]], ORIGIN)
    assert content(target) == expected([*NETS[:3], NETS[5]])


@pytest.mark.parametrize("other", [Row("snip", 0.5, "ok", ""), Row("snip", None, "undefined", "NaN")])
def test_a_contradiction_is_named_and_nothing_is_merged(tmp_path: Path, other: Row) -> None:
    target = fill(tmp_path / "a.db", NETS[:3])
    good = fill(tmp_path / "good.db", NETS[3:5])
    wrong = Outcome("net-2", (other, ok("net-2", "fisher")))
    bad = fill(tmp_path / "bad.db", [scored("net-7", ["snip"]), wrong], ["snip", "fisher"], architectures=7)
    message = rf"a\.db has snip = 0\.\d+ for net-2, .*bad\.db has {other.value}: .*nothing of the latter was merged"
    with pytest.raises(StoreError, match=message):
        merge(target, [good, bad])
    assert content(target) == expected(NETS[:5])
    before = dump(target)
    with pytest.raises(StoreError, match=message):
        merge(target, [bad])
    assert dump(target) == before  # neither scores nor proxies nor facts
    with Store(target) as store:
        assert store.facts() == facts()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "seed: 0 → 3"),
        ({"threads": 2}, "threads: 1 → 2"),
        ({"dataset": "cifar10", "seed": 1}, 'dataset: "digits" → "cifar10"; seed: 0 → 1'),
    ],
)
def test_another_configuration_is_refused_with_the_difference(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    target, source = fill(tmp_path / "a.db", NETS[:1]), fill(tmp_path / "b.db", NETS[1:], **changes)
    before = dump(target)
    with pytest.raises(StoreError, match=rf"b\.db was made with another configuration than .*a\.db: {message}"):
        merge(target, [source])
    assert dump(target) == before


def test_another_version_of_a_proxy_is_refused(tmp_path: Path) -> None:
    proxies = facts()["proxies"]
    newer = {**proxies, "zen": {**proxies["zen"], "version": 2}}
    target, source = fill(tmp_path / "a.db", NETS[:1]), tmp_path / "b.db"
    with Store(source) as store:
        store.declare(facts(proxies=newer))
    with pytest.raises(StoreError, match=r"another configuration than .*: proxies\.zen"):
        merge(target, [source])


def test_proxies_and_architectures_grow(tmp_path: Path) -> None:
    one = fill(tmp_path / "a.db", [scored("net-1", ["snip"])], ["snip"], architectures=["net-1"])
    two = fill(tmp_path / "b.db", [scored("net-1", ["zen"]), scored("net-2", ["zen"])], ["zen"], architectures=2)
    merge(tmp_path / "c.db", [one, two])
    table = read_table(tmp_path / "c.db")
    assert set(table) == {"snip", "zen"} and table.keys == ["net-1", "net-2"]
    assert table["snip"].count("pending") == 1 and table["zen"].count("ok") == 2
    assert table.facts["architectures"] == {"merged": [["net-1"], 2]}
    assert set(table.facts["proxies"]) == {"snip", "zen"}


def test_identical_architectures_keep_sharing(tmp_path: Path) -> None:
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for path, keys in zip(paths, ({"x3": "x2", "y1": "y1"}, {"x1": "x0", "x2": "x2", "z1": "x2"})):
        with Store(path) as store:
            store.declare(facts())
            store.add([scored(task.key) for task in store.ask(keys, LABELS)], ORIGIN)
    merge(tmp_path / "c.db", paths)
    found = content(tmp_path / "c.db")
    assert {key for key, _ in found} == {"x1", "x2", "x3", "y1", "z1"}
    for key, canonical in {"x1": "x0", "x2": "x2", "x3": "x2", "y1": "y1", "z1": "x2"}.items():
        assert all(found[key, label][0] == ok(canonical, label).value for label in LABELS)
    with Store(tmp_path / "c.db") as store:
        assert store.counts() == Counts(5, 5, 9, 0, 0)


def test_a_killed_campaign_is_merged_and_left_as_it_was(tmp_path: Path) -> None:
    with Store(tmp_path / "a.db") as store:
        store.declare(facts())
        store.add([scored(task.key) for task in store.ask({"net-1": "net-1"}, LABELS)], ORIGIN)
        (tmp_path / "left").mkdir()
        for name in ("a.db", "a.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / "left")
        merge(tmp_path / "of the living.db", [tmp_path / "a.db"])
    before = [(tmp_path / "left" / name).read_bytes() for name in ("a.db", "a.db-wal")]
    merge(tmp_path / "c.db", [tmp_path / "left" / "a.db"])
    assert content(tmp_path / "c.db") == expected(NETS[1:2]) == content(tmp_path / "of the living.db")
    assert [(tmp_path / "left" / name).read_bytes() for name in ("a.db", "a.db-wal")] == before


def test_names_that_a_uri_would_misread(tmp_path: Path) -> None:
    one = fill(tmp_path / "part #1 ?mode=rw %20é.db", NETS[:1])
    merge(tmp_path / "all of #1?.db", [one])
    assert content(tmp_path / "all of #1?.db") == expected(NETS[:1])


def test_what_is_no_store_stops_everything_before_it_begins(tmp_path: Path) -> None:
    good, bad = fill(tmp_path / "a.db", NETS[:1]), tmp_path / "b.db"
    bad.write_text("<html></html>" * 100)
    for wrong, message in ((bad, r"b\.db: .*no store"), (tmp_path / "none.db", r"none\.db: no such store")):
        with pytest.raises(StoreError, match=message):
            merge(tmp_path / "c.db", [good, wrong])
        assert not (tmp_path / "c.db").exists()


def test_a_target_that_is_written_to(tmp_path: Path) -> None:
    source = fill(tmp_path / "a.db", NETS[:1])
    with Store(tmp_path / "c.db") as store:
        with pytest.raises(StoreError, match="another campaign writes to it"):
            merge(store.path, [source])
        assert store.counts().asked == 0


@pytest.mark.usefixtures("toy")
def test_an_export_becomes_a_store_again_and_can_be_continued(tmp_path: Path) -> None:
    with Store(tmp_path / "first.db") as store:
        store.declare(facts(architectures="all"))
        store.ask({"net-9001": "net-9000", "net-9000": "net-9000", "net-9003": "net-9002", "net-1": "net-1"}, LABELS)
        store.add([scored("net-9000"), scored("net-9002"), replace(UNDEFINED, key="net-1")], ORIGIN)
    export(tmp_path / "first.db", tmp_path / "first.parquet")
    assert merge(tmp_path / "again.db", [tmp_path / "first.parquet"]) == 9
    assert content(tmp_path / "again.db") == content(tmp_path / "first.db")
    assert list(records(tmp_path / "again.db")) == list(records(tmp_path / "first.db"))
    with Store(tmp_path / "again.db") as store:
        assert store.facts() == facts(architectures="all")
        assert store.ask({"net-9001": "net-9000", "net-9002": "net-9002", "net-2": "net-2"}, LABELS) == [
            Task("net-2", LABELS)
        ]
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "first.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match="torn.parquet"):
        merge(tmp_path / "other.db", [tmp_path / "torn.parquet"])
    assert not (tmp_path / "other.db").exists()
