"""JSON files of NDS, read job by job: hundreds of megabytes, of which one job is in memory at a time.

A file is a list of objects, or an object of such lists (``top`` and ``mid``, in NDS' files of ImageNet). NaN and
Infinity stand in it as Python writes them, which is why no stricter parser of streams is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from naslib_zc_plugin.files import DataError, existing, readable

_CHUNK = 1 << 20
_LONGEST = 1 << 26
"""Characters of one job; what is longer is none."""
_SPACE = " \t\r\n"


def jobs(source: Path, expected: str) -> Iterator[dict[str, Any]]:
    """The objects in the file's list, or in its lists.

    Raises:
        DataError: damaged, or anything else; ``expected`` says what it should have been.
    """
    existing(source, expected)
    with readable(source, expected), source.open(encoding="utf-8") as file:
        text, found = _Text(file), 0
        try:
            for job in _jobs(text):
                yield job
                found += 1
            if not text.at_end():
                raise ValueError("more after its end")
        except ValueError as error:
            fault = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise DataError(source, expected, f"{fault}, after {found} objects") from error


def _jobs(text: _Text) -> Iterator[dict[str, Any]]:
    if text.take("[{") == "[":
        yield from _listed(text)
        return
    separator = ","
    while separator == ",":
        text.value('"')
        text.take(":")
        text.take("[")
        yield from _listed(text)
        separator = text.take(",}")


def _listed(text: _Text) -> Iterator[dict[str, Any]]:
    separator = ","
    while separator == ",":
        yield text.value("{")
        separator = text.take(",]")


class _Text:
    """What is left of a file; raises ``ValueError`` for what should not come next."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._buffer, self._at = file, "", 0
        self._decoder = json.JSONDecoder()

    def take(self, allowed: str) -> str:
        """The next character, which is one of ``allowed``."""
        found = self._next()
        if not found or found not in allowed:
            raise ValueError(f"{found!r} in the place of {' or '.join(map(repr, allowed))}" if found else "no end")
        self._at += 1
        return found

    def value(self, first: str) -> Any:
        """The object or text that comes next, which begins with ``first``."""
        self.take(first)
        self._at -= 1
        while True:
            try:
                found, self._at = self._decoder.raw_decode(self._buffer, self._at)
                return found
            except ValueError:
                # Cut off where the buffer ends, perhaps.
                if len(self._buffer) - self._at > _LONGEST or not self._more():
                    raise

    def at_end(self) -> bool:
        """Whether nothing but white space is left."""
        return not self._next()

    def _next(self) -> str:
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def _more(self) -> bool:
        chunk = self._file.read(_CHUNK)
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)
