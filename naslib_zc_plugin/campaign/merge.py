"""Stores of one campaign, scored in several places, joined into one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from naslib_zc_plugin.campaign.database import StoreError, address, read, told
from naslib_zc_plugin.campaign.identity import GROWING, changes
from naslib_zc_plugin.campaign.outcome import Outcome, Row
from naslib_zc_plugin.campaign.parquet import records_of
from naslib_zc_plugin.campaign.store import Store, facts_of
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.table import STATUSES

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
_SCORES = f"""
INSERT OR REPLACE INTO main.score
SELECT a.id, p.id, s.value, s.status, r.id, s.seconds, o.id {_SHARED}
JOIN source.reason sr ON sr.id = s.reason JOIN main.reason r ON r.text = sr.text
JOIN source.origin so ON so.id = s.origin JOIN main.origin o ON o.plain = so.plain
WHERE m.status IS NULL OR (m.status = {_FAILED} AND s.status <> {_FAILED})
"""


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
            read(part).close()  # brings an old format up to date, and complains about what is no store
        with Store(target) as store:
            return sum(_absorb(store, part) for part in parts)


def _as_store(source: Path, place: Path) -> Path:
    """The source if it is a store; of an export, a store with its scores, at ``place``."""
    if source.suffix != ".parquet":
        return source
    facts, records = records_of(source)
    canonical = space(facts["space"]).canonical
    with Store(place) as store, store.transaction():
        store.declare(facts)
        for key, found in groupby(records, itemgetter("key")):
            rows = list(found)
            store.ask({key: canonical(key)}, [])
            outcome = Outcome(canonical(key), tuple(map(_row, rows)), memory=rows[0]["memory"])
            origin = {name: rows[0][name] for name in ("device", "threads", "seed")}
            store.add([outcome], {**origin, "torch": facts.get("torch")})
    return place


def _row(record: Mapping[str, Any]) -> Row:
    return Row(record["proxy"], record["value"], record["status"], record["reason"], record["seconds"])


def _absorb(store: Store, source: Path) -> int:
    with told(source), closing(read(source)) as connection:
        facts = _joined(store, source, facts_of(connection))
    with told(source):
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
            return store.connection.execute(_SCORES).rowcount
    finally:
        store.connection.execute("DETACH source")


def _joined(store: Store, source: Path, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of both; the proxies of both, and the architectures of either."""
    ours = store.facts()
    if not ours:
        return dict(theirs)
    differences = {name: line for name, line in changes(ours, theirs).items() if name not in GROWING}
    both = ours["proxies"].keys() & theirs["proxies"].keys()
    for label in both:
        if ours["proxies"][label] != theirs["proxies"][label]:
            differences[label] = f"proxies.{label}"
    if differences:
        raise StoreError(
            f"{source} was made with another configuration than {store.path}: {'; '.join(differences.values())}"
        )
    asked = ours["architectures"]
    if asked != theirs["architectures"]:
        asked = {"merged": [asked, theirs["architectures"]]}
    return {**ours, "proxies": {**theirs["proxies"], **ours["proxies"]}, "architectures": asked}
