"""Scores as one Parquet file: a row per architecture and proxy, with the campaign's provenance in its metadata."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from naslib_zc_plugin.files import DataError, existing, readable, whole_number
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

_METADATA, _CHECKSUM = b"naslib_zc_plugin", b"naslib_zc_plugin_crc32"
# The last entry of the metadata at the file's end: the checksum of all other bytes, as eight digits.
_SEAL, _OPEN = b"naslib_zc_plugin_file_crc32", b"00000000"
_VALUE, _PIECE = b"\x18\x08", 1 << 20  # Thrift's mark of a text of eight bytes; the bytes that are read at once
_EXPECTED = "scores exported by `nas-zc export`, as Parquet"
_BLOCK = 100_000
_LIMITS = Limits(rows=100_000_000, growth=16)
_OF_ROW, _OF_SCORE = 40, 17  # bytes of memory of a row while it is read, and of a score in the table
_TEXTS = ["key", "proxy", "status"]
_TYPES = {
    "key": "string", "proxy": "string", "version": "int32", "value": "float64", "status": "string", "reason": "string",
    "seconds": "float32", "memory": "int64", "device": "string", "threads": "int32", "seed": "int64",
}  # fmt: skip


def write_parquet(path: Path, records: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> int:
    """Write records, and return their number.

    Args:
        path: the file.
        records: mappings of the columns to their values.
        facts: the campaign's provenance, as values that JSON can hold.

    Raises:
        ImportError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    fields = [(name, getattr(pa, kind)()) for name, kind in _TYPES.items()]
    text = json.dumps(facts).encode()
    schema = pa.schema(fields, metadata={_METADATA: text, _CHECKSUM: str(zlib.crc32(text))})
    count, rest = 0, iter(records)
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        while block := list(islice(rest, _BLOCK)):
            writer.write_table(pa.Table.from_pylist(block, schema))
            count += len(block)
        writer.add_key_value_metadata({_SEAL: _OPEN})
    with path.open("r+b") as file:
        place, found = _file_checksum(file)
        file.seek(place)
        file.write(found)
    return count


def read_parquet(path: str | Path) -> ScoreTable:
    """Read the table of an export.

    Raises:
        DataError: there is no such file, it is damaged, it has no provenance, or a status or proxy is not known.
        ImportError: pyarrow is not installed.
    """
    _, pq = _pyarrow()
    path = existing(path, _EXPECTED)
    meter = Meter(path, _LIMITS)
    with readable(path, _EXPECTED):
        _check_file(path)
        with pq.ParquetFile(path) as file:
            facts = _facts(path, file.schema_arrow.metadata or {})
            meter.take("rows", file.metadata.num_rows)
            packed = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
            meter.take("memory", max(packed, _OF_ROW * file.metadata.num_rows))
        columns = [*_TEXTS, "value", "seconds"]
        table = pq.read_table(path, columns=columns, read_dictionary=_TEXTS, page_checksum_verification=True)
        key, proxy, status = (table[name].unify_dictionaries().combine_chunks() for name in _TEXTS)
        keys, labels = key.dictionary.to_pylist(), list(facts["proxies"])
        if not all(isinstance(each, str) for each in keys):
            raise ValueError("keys that are no texts")
        meter.take("memory", _OF_SCORE * len(labels) * len(keys))
        rows = np.array([labels.index(label) for label in proxy.dictionary.to_pylist()], dtype=np.intp)
        codes = np.array([STATUSES.index(name) for name in status.dictionary.to_pylist()], dtype=np.uint8)
        places = rows[np.asarray(proxy.indices)], np.asarray(key.indices)
        values, seconds = np.full((len(labels), len(keys)), np.nan), np.full((len(labels), len(keys)), np.nan)
        statuses = np.zeros(values.shape, dtype=np.uint8)
        values[places], seconds[places] = table["value"].to_numpy(), table["seconds"].to_numpy()
        statuses[places] = codes[np.asarray(status.indices)]
        made = {
            label: Column(
                str(one["name"]), whole_number(one["version"]), bool(one["higher_is_better"]),
                values[row], statuses[row], seconds[row], dict(one["options"]),
            )
            for row, (label, one) in enumerate(facts["proxies"].items())
        }  # fmt: skip
    if np.count_nonzero(statuses) != len(table):
        raise DataError(path, "one score for each architecture and proxy", "some twice")
    if not np.array_equal(np.isfinite(values), statuses == STATUSES.index("ok")):
        raise DataError(path, "a finite value where the status is ok, and only there", "another")
    if ((seconds < 0) | np.isinf(seconds)).any():
        raise DataError(path, "seconds that are finite and not negative", "others")
    return ScoreTable(path.stem, keys, made, facts)


def parquet_reasons(path: Path) -> dict[str, dict[str, int]]:
    """Return by label how many scores of an export do not exist for each reason.

    Raises:
        DataError: there is no such file, or it is damaged.
        ImportError: pyarrow is not installed.
    """
    _, pq = _pyarrow()
    path = existing(path, _EXPECTED)
    found: dict[str, dict[str, int]] = {}
    with readable(path, _EXPECTED):
        table = pq.read_table(path, columns=["proxy", "reason"], filters=[("status", "!=", "ok")])
        counted = table.group_by(["proxy", "reason"]).aggregate([([], "count_all")])
        for line in counted.to_pylist():
            found.setdefault(str(line["proxy"]), {})[str(line["reason"])] = int(line["count_all"])
    return found


def _facts(path: Path, metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the provenance in a file's metadata; files that were written before have no checksum of it."""
    text = metadata[_METADATA]
    if metadata.get(_CHECKSUM, found := str(zlib.crc32(text)).encode()) != found:
        raise DataError(path, "the provenance that was written", "another, by its checksum")
    return dict(json.loads(text))


def _file_checksum(file: IO[bytes]) -> tuple[int, bytes]:
    """Return the place of the checksum in a file, and what it should be; a negative place if there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    footer = int.from_bytes(file.read(4), "little") + 8  # with all architectures that a campaign names, twice
    start = file.seek(max(0, size - footer))
    mark = file.read().rfind(_SEAL + _VALUE)
    if mark < 0:
        return -1, b""
    place, crc, at = start + mark + len(_SEAL + _VALUE), 0, file.seek(0)
    while block := file.read(_PIECE):
        first, last = (min(max(each - at, 0), len(block)) for each in (place, place + len(_OPEN)))
        crc, at = zlib.crc32(block[:first] + block[last:], crc), at + len(block)
    return place, b"%08x" % crc


def _check_file(path: Path) -> None:
    """Raise a DataError unless an export's bytes are those that were written; older ones have no checksum of them."""
    with path.open("rb") as file:
        place, found = _file_checksum(file)
        file.seek(max(place, 0))
        if place >= 0 and file.read(len(found)) != found:
            raise DataError(path, "the bytes that were written", "others, by their checksum: export the store again")


def records_of(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Read the provenance and the records of an export, as they were written.

    Raises:
        DataError: as for :func:`read_parquet`, which is called first; or a column is missing.
        ImportError: pyarrow is not installed.
    """
    facts = dict(read_parquet(path).facts)
    _, pq = _pyarrow()
    missing = set(_TYPES) - set(pq.read_schema(path).names)
    if missing:
        raise DataError(path, _EXPECTED, f"no column {', '.join(sorted(missing))}")

    def records() -> Iterator[dict[str, Any]]:
        with readable(path, _EXPECTED), pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_BLOCK, columns=list(_TYPES)):
                yield from batch.to_pylist()

    return facts, records()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'naslib-zc-plugin[tables]'") from error
    return pyarrow, pyarrow.parquet
