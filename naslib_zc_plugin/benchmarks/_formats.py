"""The files in which a benchmark's table may lie, Parquet, CSV and JSON lines, as columns; read within limits.

Parquet needs pyarrow, which is imported when it is read or written.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import numpy as np

from naslib_zc_plugin.files import VARIABLE, DataError, existing, readable, shown
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import lines_of, parsed

Columns = Mapping[str, Sequence[Any]]
"""Name → an entry per architecture: float64 with NaN for gaps where all are numbers, else a list."""

PARTIAL = b"naslib_zc_plugin.partial"
LIMITS = Limits(rows=2_000_000)
"""Of a table: four times the rows of the longest."""
_TEXT_TYPES = ("string", "large_string")
_INTEGER_TYPES = (f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
_NUMBER_TYPES = (*_INTEGER_TYPES, "halffloat", "float", "double")
_NUMBER, _TEXT = 8, 100  # bytes of memory of a number, and of a text that stands in one row


def packed(values: list[Any]) -> Any:
    """Return a column of numbers as float64 with NaN for None; any other one as it is."""
    if not all(value is None or (isinstance(value, Real) and not isinstance(value, bool)) for value in values):
        return values
    try:
        return np.array([math.nan if value is None else float(value) for value in values])
    except OverflowError:
        return values


def read_parquet(path: Path, columns: list[str] | None = None) -> tuple[Columns, bytes | None]:
    """Read a Parquet file: the columns (all unless named), and the number of rows promised by a part.

    Raises:
        DataError: damaged, two columns of one name, columns of other types, or more than the limits.
        ImportError: pyarrow is not installed.
    """
    meter = Meter(existing(path, "a whole Parquet file"), LIMITS)
    # Pages are checked as they are read, names and texts are decoded when they are converted. A text that stands in
    # many rows stays one.
    with readable(path, "a whole Parquet file"), parquet().ParquetFile(path) as file:
        schema = file.schema_arrow
        texts = [field.name for field in schema if str(field.type) in _TEXT_TYPES]
        _check_size(path, file.metadata, [str(field.type) in _TEXT_TYPES for field in schema], meter)
        whole = parquet().ParquetFile(path, read_dictionary=texts, page_checksum_verification=True)
        with whole:
            return of_arrow(path, whole.read(columns), meter)


def _check_size(path: Path, told: Any, texts: Sequence[bool], meter: Meter) -> None:
    """Count what the description of a Parquet file says that it holds, before it is read."""
    meter.take("rows", told.num_rows)
    meter.allow("members", told.num_columns * max(1, told.num_row_groups))
    packed = sum(told.row_group(group).total_byte_size for group in range(told.num_row_groups))
    of_row = sum(_TEXT if is_text else _NUMBER for is_text in texts)
    meter.take("memory", max(packed, told.num_rows * of_row))


def of_arrow(path: Path, table: Any, meter: Meter | None = None) -> tuple[Columns, bytes | None]:
    """Return the columns of pyarrow's table, and the number of rows promised by a part."""
    if len(set(table.column_names)) < len(table.column_names):
        raise DataError(path, "columns of different names", f"columns {', '.join(table.column_names)}")
    found: dict[str, Any] = {}
    for name in table.column_names:
        column, kind = table.column(name), str(table.schema.field(name).type)
        if kind.startswith("dictionary") and kind.split("=")[1].split(",")[0] in _TEXT_TYPES:
            found[name] = _texts(column, meter)
        elif kind in _NUMBER_TYPES:
            found[name] = column.to_numpy()
        elif kind in (*_TEXT_TYPES, "bool", "null"):
            found[name] = column.to_pylist()
        else:
            raise DataError(path, "columns of numbers and texts", f"{name!r}, of type {kind}")
    return found, (table.schema.metadata or {}).get(PARTIAL)


def _texts(column: Any, meter: Meter | None) -> list[str | None]:
    """Return a column of texts that refer to a dictionary; a text counts once, as often as it may stand there."""
    found: list[str | None] = []
    for chunk in column.chunks:
        if meter is not None:
            meter.take("memory", chunk.dictionary.nbytes)
        known = [*chunk.dictionary.to_pylist(), None]
        found += [known[place] for place in chunk.indices.fill_null(len(known) - 1).to_pylist()]
    return found


def _read_csv(path: Path, numeric: Collection[str]) -> tuple[Columns, None]:
    """Read a table in CSV; the columns in ``numeric`` are numbers, the others texts."""
    expected, meter = "a table in CSV with a line of names", Meter(path, LIMITS)
    with readable(path, expected):
        rows = csv.reader(lines_of(path, expected, meter, newline=""), strict=True)
        names = next(rows, None)
        if names is None:
            raise DataError(path, expected, "an empty file")
        if len(set(names)) < len(names):
            raise DataError(path, "columns of different names", f"columns {', '.join(names)}")
        meter.allow("members", len(names))
        columns: list[Any] = [array("d") if name in numeric else [] for name in names]
        for number, row in enumerate(rows):
            if len(row) != len(names):
                raise DataError(path, f"{len(names)} entries in each row", f"{len(row)} in row {number}")
            meter.take("memory", _NUMBER * len(row) + sum(map(len, row)))
            for place, text in enumerate(row):
                if isinstance(columns[place], list):
                    columns[place].append(text)
                    continue
                try:
                    columns[place].append(float(text) if text else math.nan)
                except ValueError:
                    raise DataError(path, f"{names[place]!r} as a column of numbers", shown(text)) from None
    arrays = (each if isinstance(each, list) else np.array(each) for each in columns)
    found: dict[str, Any] = dict(zip(names, arrays))
    return found, None


def _read_json_lines(path: Path, numeric: Collection[str]) -> tuple[Columns, None]:
    rows = read_lines(path, "a table of JSON lines, one object a row")
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise DataError(path, "a table of JSON lines, one object a row", "other values" if rows else "an empty file")
    names = list(dict.fromkeys(name for row in rows for name in row))
    Meter(path, LIMITS).take("memory", _NUMBER * len(names) * len(rows))
    return {name: packed([row.get(name) for row in rows]) for name in names}, None


FORMATS: dict[str, Callable[[Path, Collection[str]], tuple[Columns, bytes | None]]] = {
    ".parquet": lambda path, numeric: read_parquet(path),
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".jsonl.gz": _read_json_lines,
}


def read_lines(path: Path, expected: str) -> list[Any]:
    """Read a JSON value a line, of a file that may be packed by gzip.

    Args:
        path: the file.
        expected: its form, for messages.

    Raises:
        DataError: there is no such file, it is damaged, of another form, or holds more than the limits.
    """
    if not path.exists():
        made = f"{expected}, made by `nas-zc import` (the argument `data` or {VARIABLE} names its folder)"
        raise DataError(path, made, "no such file")
    meter = Meter(path, LIMITS)
    with readable(path, expected):
        return [parsed(line, meter) for line in lines_of(path, expected, meter)]


def parquet() -> ModuleType:
    """Return pyarrow's module for Parquet; raise ``ImportError`` with the command that installs it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("benchmark tables need pyarrow: pip install 'naslib-zc-plugin[tables]'") from error
    return pyarrow.parquet  # type: ignore[no-any-return]
