"""A store as files that others read: Parquet, CSV, JSON lines, and NAS-Bench-Suite-Zero's ``zc_<space>.json``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Callable

from naslib_zc_plugin.campaign.database import read, told
from naslib_zc_plugin.campaign.parquet import write_parquet
from naslib_zc_plugin.campaign.store import facts_of
from naslib_zc_plugin.campaign.suite import write_suite
from naslib_zc_plugin.files import replacing
from naslib_zc_plugin.table import STATUSES

FIELDS = (
    "key", "proxy", "version", "value", "status", "reason", "seconds", "memory", "device", "threads", "seed",
)  # fmt: skip
"""Columns of an export; ``proxy`` is the label, ``seconds`` of the proxy, ``memory`` (bytes) of the architecture."""
CANONICAL = FIELDS[:6]
"""What does not depend on where and how fast it was computed."""

_SUITE = ".json"

Record = dict[str, Any]

_SCORES = """
SELECT a.key, p.label, p.plain, s.value, s.status, r.text, s.seconds, c.memory, o.plain
FROM architecture a
JOIN architecture c ON c.id = a.canonical
JOIN score s ON s.architecture = c.id
JOIN proxy p ON p.id = s.proxy
JOIN reason r ON r.id = s.reason
JOIN origin o ON o.id = s.origin
WHERE a.asked
ORDER BY a.key, p.label
"""


def records(path: str | Path) -> Iterator[Record]:
    """The scores of the architectures asked for, by key and proxy, as mappings of :data:`FIELDS`.

    Raises:
        StoreError: no such store, or one that is damaged.
    """
    path, plain = Path(path), cache(json.loads)  # a handful of texts, each in many rows
    with told(path), closing(read(path)) as connection:
        for key, label, proxy, value, status, reason, seconds, memory, origin in connection.execute(_SCORES):
            made = plain(origin)
            yield {
                "key": key,
                "proxy": label,
                "version": plain(proxy)["version"],
                "value": value,
                "status": STATUSES[status],
                "reason": reason,
                "seconds": seconds,
                "memory": memory,
                "device": made["device"],
                "threads": made["threads"],
                "seed": made["seed"],
            }


def _facts(path: Path) -> dict[str, Any]:
    with told(path), closing(read(path)) as connection:
        return facts_of(connection)


def export(store: str | Path, target: str | Path, canonical: bool = False, data: str | Path | None = None) -> int:
    """Write the scores of a store to a file, which appears when it is whole.

    Args:
        store: the store.
        target: ends in ``.parquet``, ``.csv``, ``.jsonl``, or ``.json`` for NAS-Bench-Suite-Zero's format
            (:mod:`.suite`).
        canonical: only the fields that do not depend on the machine (:data:`CANONICAL`), for CSV and JSON lines.
        data: the data directory, for accuracies in NAS-Bench-Suite-Zero's format.

    Returns:
        The number of scores written.

    Raises:
        ValueError: another ending, ``canonical`` for a format that has no choice of fields, or ``data`` for one that
            has no accuracies.
        DataError: the data directory has no table of the space.
        StoreError: no such store, or one that is damaged.
    """
    store, target = Path(store), Path(target)
    if target.suffix not in (*_WRITERS, _SUITE):
        raise ValueError(f"cannot write {target.name}: end it in {', '.join((*_WRITERS, _SUITE))}")
    if canonical and target.suffix not in (".csv", ".jsonl"):
        raise ValueError("canonical exports are .csv or .jsonl")
    if data is not None and target.suffix != _SUITE:
        raise ValueError(f"accuracies are exported to {_SUITE} only")
    with replacing(target) as draft:
        if target.suffix == _SUITE:
            return write_suite(draft, records(store), _facts(store), data)
        return _WRITERS[target.suffix](store, draft, CANONICAL if canonical else FIELDS)


def _parquet(store: Path, draft: Path, _: Sequence[str]) -> int:
    return write_parquet(draft, records(store), _facts(store))


def _csv(store: Path, draft: Path, fields: Sequence[str]) -> int:
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        return _each(records(store), writer.writerow)


def _lines(store: Path, draft: Path, fields: Sequence[str]) -> int:
    with draft.open("w", encoding="utf-8") as file:

        def write(record: Record) -> None:
            file.write(json.dumps({field: record[field] for field in fields}, ensure_ascii=False) + "\n")

        return _each(records(store), write)


def _each(found: Iterable[Record], write: Callable[[Record], object]) -> int:
    count = 0
    for count, record in enumerate(found, 1):  # noqa: B007 -- the number of records is the result
        write(record)
    return count


_WRITERS: dict[str, Callable[[Path, Path, Sequence[str]], int]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _lines,
}
