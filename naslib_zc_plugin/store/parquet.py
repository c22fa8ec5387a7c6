"""Scores as one Parquet file: a row per architecture and proxy, with the campaign's provenance in its metadata."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

_METADATA, _CHECKSUM = b"naslib_zc_plugin", b"naslib_zc_plugin_crc32"
_EXPECTED = "scores exported by `nas-zc export`, as Parquet"
_BLOCK, _DENSE, _CELLS = 100_000, 64, 10**7
_TEXTS = ["key", "proxy", "status"]
_CHECKED = {"page_checksum_verification": True, "thrift_string_size_limit": 2**26, "thrift_container_size_limit": 2**20}
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
    return count


def read_parquet(path: str | Path) -> ScoreTable:
    """Read the table of an export.

    Raises:
        DataError: there is no such file, it is damaged, it has no provenance, or a status or proxy is not known.
        ImportError: pyarrow is not installed.
    """
    _, pq = _pyarrow()
    path = existing(path, _EXPECTED)
    with readable(path, _EXPECTED), pq.ParquetFile(path, read_dictionary=_TEXTS, **_CHECKED) as file:
        facts = _facts(path, file.schema_arrow.metadata or {})
        labels = {label: row for row, label in enumerate(facts["proxies"])}
        keys, parts = _parts(path, file, labels)
        rows, places, found, times, codes = (np.concatenate(part) for part in zip(*parts))
        shape = len(labels), len(keys)
        if shape[0] * shape[1] > max(_CELLS, _DENSE * len(rows)):
            raise DataError(path, f"a score for one in {_DENSE} architectures and proxies", f"{len(rows):,} of {shape}")
        values, seconds = np.full(shape, np.nan), np.full(shape, np.nan)
        statuses = np.zeros(shape, dtype=np.uint8)
        values[rows, places], seconds[rows, places], statuses[rows, places] = found, times, codes
        if np.count_nonzero(statuses) != len(rows):
            raise DataError(path, "one score for each architecture and proxy", "some twice")
        if not np.array_equal(np.isfinite(values), statuses == STATUSES.index("ok")):
            raise DataError(path, "a finite value where the status is ok, and only there", "another")
        if ((seconds < 0) | np.isinf(seconds)).any():
            raise DataError(path, "seconds that are finite and not negative", "others")
        columns = {
            label: Column(
                one["name"], one["version"], one["higher_is_better"],
                values[row], statuses[row], seconds[row], one["options"],
            )
            for row, (label, one) in enumerate(facts["proxies"].items())
        }  # fmt: skip
    return ScoreTable(path.stem, keys, columns, facts)


def _facts(path: Path, metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the provenance in a file's metadata; files that were written before have no checksum of it."""
    text = metadata[_METADATA]
    if metadata.get(_CHECKSUM, found := str(zlib.crc32(text)).encode()) != found:
        raise DataError(path, "the provenance that was written", "another, by its checksum")
    return dict(json.loads(text))


def _parts(path: Path, file: Any, labels: Mapping[str, int]) -> tuple[list[str], list[tuple[NDArray[Any], ...]]]:
    """Return the keys, and of each block of rows: proxies and keys as numbers, values, seconds and codes of statuses.

    A small file may say that it has billions of rows; those that are not one for each key and proxy are given up early.
    """
    keys: dict[str, int] = {}
    places = np.empty(0, dtype=np.intp)
    parts: list[tuple[NDArray[Any], ...]] = [(places, places, np.empty(0), np.empty(0), np.empty(0, dtype=np.uint8))]
    count = 0
    for block in file.iter_batches(_BLOCK, columns=[*_TEXTS, "value", "seconds"]):
        count += len(block)
        key, proxy, status = (block.column(name) for name in _TEXTS)
        number = np.array([keys.setdefault(each, len(keys)) for each in key.dictionary.to_pylist()], dtype=np.intp)
        row = np.array([labels[each] for each in proxy.dictionary.to_pylist()], dtype=np.intp)
        code = np.array([STATUSES.index(each) for each in status.dictionary.to_pylist()], dtype=np.uint8)
        if count > len(keys) * len(labels):
            raise DataError(path, "one score for each architecture and proxy", "some twice")
        value, seconds = (block.column(name).to_numpy(zero_copy_only=False) for name in ("value", "seconds"))
        parts.append(
            (row[np.asarray(proxy.indices)], number[np.asarray(key.indices)], value, seconds,
             code[np.asarray(status.indices)])
        )  # fmt: skip
    return list(keys), parts


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
        with pq.ParquetFile(path, **_CHECKED) as file:
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
