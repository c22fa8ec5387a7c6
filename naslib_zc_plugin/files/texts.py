"""Texts and JSON that others made, whose memory is estimated before they are decoded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.files.limits import Meter

LONGEST_LINE = 1 << 22
"""Characters of a line; the longest of an official file has some thousands."""
# Bytes of memory that an object, a list, and a value in either take, besides the text's.
_OBJECT, _LIST, _VALUE = 240, 80, 60


def read_text(path: str | Path, expected: str, meter: Meter) -> str:
    """Return the text of a file in UTF-8, of which memory counts.

    Args:
        path: the file.
        expected: its form, for messages.
        meter: of the file.

    Raises:
        DataError: there is no such file, it is no text, or larger than the limits.
    """
    file = existing(path, expected)
    meter.take("memory", file.stat().st_size)
    with readable(path, expected):
        return file.read_text(encoding="utf-8")


def lines_of(path: str | Path, expected: str, meter: Meter, newline: str | None = None) -> Iterator[str]:
    """Yield the lines of a text in UTF-8, perhaps packed by gzip, with their ends; each counts as a row.

    Args:
        path: the file.
        expected: its form, for messages.
        meter: of the file.
        newline: as for ``open``.

    Raises:
        DataError: there is no such file, it is no text, or it or one of its lines is longer than the limits.
    """
    file = existing(path, expected)
    with readable(path, expected), _opened(file, newline) as text:
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise DataError(path, f"lines of at most {LONGEST_LINE:,} characters", "a longer one")
            meter.take("rows")
            yield line


def _opened(path: Path, newline: str | None) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8", newline=newline))
    return path.open(encoding="utf-8", newline=newline)


def read_json(path: str | Path, expected: str, meter: Meter) -> Any:
    """Return the value in a file of JSON.

    Args:
        path: the file.
        expected: its form, for messages.
        meter: of the file.

    Raises:
        DataError: there is no such file, it is no JSON, or larger than the limits.
    """
    text = read_text(path, expected, meter)
    with readable(path, expected):
        return parsed(text, meter)


def parsed(text: str, meter: Meter) -> Any:
    """Return the value of a text of JSON, after counting the memory that it takes at most.

    Args:
        text: the text.
        meter: of the file.

    Raises:
        DataError: it takes more than the limits.
        ValueError: it is no JSON.

    >>> parsed("[1, 2]", Meter("numbers.json"))
    [1, 2]
    """
    meter.take("memory", json_memory(text))
    return json.loads(text)


def json_memory(text: str) -> int:
    """Return the bytes of memory that the value of a text of JSON takes at most; too many rather than too few."""
    values = text.count(",") + text.count(":") + 1
    return len(text) + _OBJECT * text.count("{") + _LIST * text.count("[") + _VALUE * values
