"""Texts and JSON that others made, whose memory is estimated before they are decoded."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.files.limits import Meter

LONGEST_LINE = 1 << 22
"""Characters of a line, or of one value of many; the longest of an official file has some hundred thousands."""
_CHUNK, _LINES = 1 << 20, 256  # characters to read at once, and lines between two looks at the clock
_SPACE = re.compile(r"[ \t\r\n]*")
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
    meter.take("memory", 2 * file.stat().st_size)  # as bytes and as text
    with readable(path, expected):
        return file.read_text(encoding="utf-8")


def lines_of(path: str | Path, expected: str, meter: Meter, newline: str | None = None) -> Iterator[str]:
    """Yield the lines of a text in UTF-8, perhaps packed by gzip or marked as such, with their ends; each is a row.

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
        count = 0
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise DataError(path, f"lines of at most {LONGEST_LINE:,} characters", "a longer one")
            count += 1
            if count > meter.limits.rows:
                meter.allow("rows", count)
            if count % _LINES == 0:
                meter.check_time()
            yield line


def _opened(path: Path, newline: str | None) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=newline))
    return path.open(encoding="utf-8-sig", newline=newline)


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


class JsonText:
    """The rest of a file of JSON, of which one value at a time is in memory; NaN and Infinity are numbers.

    Its methods raise ``ValueError`` for a character that should not come next.

    >>> from io import StringIO
    >>> text = JsonText(StringIO('{"first": {"a": 1}}'), Meter("some.json"))
    >>> text.take("{"), text.value('"'), text.take(":"), text.value("{"), text.take(",}")
    ('{', 'first', ':', {'a': 1}, '}')
    """

    def __init__(self, file: TextIO, meter: Meter) -> None:
        self._file, self._buffer, self._at = file, "", 0
        self._meter = meter
        self._decoder = json.JSONDecoder()

    def take(self, allowed: str) -> str:
        """Take the next character, which is one of ``allowed``."""
        found = self.peek()
        if not found or found not in allowed:
            raise ValueError(f"{found!r} instead of {' or '.join(map(repr, allowed))}" if found else "no end")
        self._at += 1
        return found

    def value(self, first: str) -> Any:
        """Take the next object or text, which begins with ``first``."""
        self.take(first)
        self._at -= 1
        while True:
            try:
                found, self._at = self._decoder.raw_decode(self._buffer, self._at)
                return found
            except ValueError:
                # Cut off where the buffer ends, perhaps.
                if len(self._buffer) - self._at > LONGEST_LINE or not self._more():
                    raise

    def peek(self) -> str:
        """Return the next character that is no white space, and leave it; empty at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def _more(self) -> bool:
        self._meter.check_time()
        chunk = self._file.read(_CHUNK)
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)
