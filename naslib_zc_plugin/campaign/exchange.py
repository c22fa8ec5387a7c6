"""Stores as files that others read, and stores of one campaign, scored in several places, joined into one.

Exports are Parquet, CSV, JSON lines, and NAS-Bench-Suite-Zero's ``zc_<space>.json``.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign.engines import Outcome, Row
from naslib_zc_plugin.campaign.naslib_json import write_suite
from naslib_zc_plugin.campaign.store import STORE, Store, facts_of, provenance_of, records, refuse_invalid
from naslib_zc_plugin.files import csv_cell, replacing
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.database import StoreError, address, open_to_read, reading, sqlite_errors
from naslib_zc_plugin.store.parquet import records_of, write_parquet
from naslib_zc_plugin.store.provenance import contradictions
from naslib_zc_plugin.table import STATUSES

FIELDS = (
    "key", "proxy", "version", "value", "status", "reason", "seconds", "memory", "device", "threads", "seed",
)  # fmt: skip
"""Columns of an export; ``proxy`` is the label, ``seconds`` of the proxy, ``memory`` (bytes) of the architecture."""
CANONICAL = FIELDS[:6]
"""The columns that depend neither on the machine nor on its speed."""

_PARQUET, _LINES, _SUITE = ".parquet", (".csv", ".jsonl"), ".json"
_FAILED = STATUSES.index("failed")

_SHARED = """
FROM source.score s
JOIN source.architecture sa ON sa.id = s.architecture
JOIN source.proxy sp ON sp.id = s.proxy
JOIN main.architecture a ON a.key = sa.key
JOIN main.proxy p ON p.label = sp.label
LEFT JOIN main.score m ON m.architecture = a.id AND m.proxy = p.id
"""
_CONTRADICTION = f"""
SELECT a.key, p.label, m.value, s.value {_SHARED}
WHERE s.status <> {_FAILED} AND m.status <> {_FAILED} AND (s.status <> m.status OR s.value IS NOT m.value)
LIMIT 1
"""
_COPY = (
    "INSERT OR IGNORE INTO main.reason (text) SELECT text FROM source.reason",
    "INSERT OR IGNORE INTO main.origin (plain) SELECT plain FROM source.origin",
    """
    INSERT OR IGNORE INTO main.architecture (key, asked, canonical, seconds, memory)
    SELECT key, 0, -1, seconds, memory FROM source.architecture WHERE id = canonical
    """,
    "UPDATE main.architecture SET canonical = id WHERE canonical = -1",
    """
    INSERT OR IGNORE INTO main.architecture (key, asked, canonical)
    SELECT sa.key, 1, a.id FROM source.architecture sa
    JOIN source.architecture sc ON sc.id = sa.canonical JOIN main.architecture a ON a.key = sc.key
    """,
    "UPDATE main.architecture SET asked = 1 WHERE key IN (SELECT key FROM source.architecture WHERE asked)",
)
_MERGE = f"""
INSERT OR REPLACE INTO main.score
SELECT a.id, p.id, s.value, s.status, r.id, s.seconds, o.id {_SHARED}
JOIN source.reason sr ON sr.id = s.reason JOIN main.reason r ON r.text = sr.text
JOIN source.origin so ON so.id = s.origin JOIN main.origin o ON o.plain = so.plain
WHERE m.status IS NULL OR (m.status = {_FAILED} AND s.status <> {_FAILED})
"""


def export(store: str | Path, target: str | Path, canonical: bool = False, data: str | Path | None = None) -> int:
    """Write the scores of a store to a file, which appears when it is whole.

    Args:
        store: the store.
        target: ends in ``.parquet``, ``.csv``, ``.jsonl``, or ``.json`` for NAS-Bench-Suite-Zero's format
            (:mod:`.naslib_json`).
        canonical: write only the fields that do not depend on the machine (:data:`CANONICAL`); for CSV and JSON lines.
        data: the data directory, for accuracies in NAS-Bench-Suite-Zero's format.

    Returns:
        The number of scores written.

    Raises:
        ValueError: another ending, ``canonical`` for a format without a choice of fields, or ``data`` for one without
            accuracies.
        DataError: the data directory has no table of the space.
        StoreError: no such store, or one that is damaged.
    """
    store, target = Path(store), Path(target)
    if target.suffix not in (_PARQUET, *_LINES, _SUITE):
        raise ValueError(f"cannot write {target.name}: end it in {', '.join((_PARQUET, *_LINES, _SUITE))}")
    if canonical and target.suffix not in _LINES:
        raise ValueError("canonical exports are .csv or .jsonl")
    if data is not None and target.suffix != _SUITE:
        raise ValueError(f"accuracies are exported to {_SUITE} only")
    with replacing(target) as draft:
        if target.suffix == _SUITE:
            return write_suite(draft, records(store), provenance_of(store), data)
        if target.suffix == _PARQUET:
            return write_parquet(draft, records(store), provenance_of(store))
        return _write_lines(store, draft, target.suffix, CANONICAL if canonical else FIELDS)


def _write_lines(store: Path, draft: Path, ending: str, fields: Sequence[str]) -> int:
    """Write a line of CSV or JSON for each score, and return how many."""
    count = 0
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        table = csv.DictWriter(file, fields, lineterminator="\n")
        if ending == ".csv":
            table.writeheader()
        for count, record in enumerate(records(store), 1):  # noqa: B007 -- the number of records is the result
            line = {field: record[field] for field in fields}
            if ending == ".csv":
                table.writerow({field: csv_cell(value) for field, value in line.items()})
            else:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return count


# Merging --------------------


def merge(target: str | Path, sources: Sequence[str | Path]) -> int:
    """Copy the scores of other stores into one; each store whole or, after an error, not at all.

    The stores must agree in everything that a score depends on; architectures and proxies may differ. Where both have a
    score it must be the same, except that a failed one gives way to one that is not.

    Args:
        target: the store that grows; made if it is not there.
        sources: stores, or Parquet exports of stores; they are only read.

    Returns:
        The number of scores that were added or took the place of a failed one.

    Raises:
        StoreError: scores that contradict each other, stores made with different configurations, or a damaged one.
        DataError: an export that is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        parts = [_as_store(Path(source), Path(folder) / f"{number}.db") for number, source in enumerate(sources)]
        for part in parts:
            open_to_read(part, STORE).close()  # brings an old format up to date, and refuses other files
        with Store(target) as store:
            return sum(_absorb(store, part) for part in parts)


def _as_store(source: Path, place: Path) -> Path:
    """Return the source if it is a store; of an export, make a store with its scores, at ``place``."""
    if source.suffix != ".parquet":
        return source
    facts, records = records_of(source)
    facts.pop("detours", None)  # numbers of another store's scores
    canonical = space(facts["space"]).canonical
    with Store(place) as store, store.transaction():
        store.declare(facts)
        for key, found in groupby(records, itemgetter("key")):
            lines = list(found)
            rows = [Row(o["proxy"], o["value"], o["status"], o["reason"], o["seconds"]) for o in lines]
            store.ask({key: canonical(key)}, [])
            outcome = Outcome(canonical(key), tuple(rows), memory=lines[0]["memory"])
            origin = {name: lines[0][name] for name in ("device", "threads", "seed")}
            store.add([outcome], {**origin, "torch": facts.get("torch")})
    return place


def _absorb(store: Store, source: Path) -> int:
    """Copy the scores of one store into another, and return their number."""
    with reading(source, STORE) as connection:
        refuse_invalid(connection)
        facts = _joined(store, source, facts_of(connection))
    with sqlite_errors(source):
        store.connection.execute("ATTACH ? AS source", (address(source),))
    try:
        with store.transaction():
            for key, label, mine, other in store.connection.execute(_CONTRADICTION):
                raise StoreError(
                    f"{store.path} has {label} = {mine} for {key}, {source} has {other}: one of them was not made as "
                    "it says; nothing of the latter was merged"
                )
            store.declare(facts)
            for statement in _COPY:
                store.connection.execute(statement)
            return store.connection.execute(_MERGE).rowcount
    finally:
        store.connection.execute("DETACH source")


def _joined(store: Store, source: Path, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance of both: the proxies of both, and the architectures of either."""
    ours = store.facts()
    if not ours:
        return dict(theirs)
    if found := contradictions(ours, theirs):
        raise StoreError(f"{source} was made with another configuration than {store.path}: {'; '.join(found.values())}")
    asked = ours["architectures"]
    if asked != theirs["architectures"]:
        asked = {"merged": [asked, theirs["architectures"]]}
    return {**ours, "proxies": {**theirs["proxies"], **ours["proxies"]}, "architectures": asked}
