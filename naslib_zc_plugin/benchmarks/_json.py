"""What the readers of JSON have in common: numbers that are numbers, and packed tables of one object a line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.files.place import VARIABLE

_LONGEST = 1 << 26
"""Characters of a table, ten times those of the longest."""


def real_number(value: Any) -> float:
    """A number of JSON, NaN and infinity among them.

    Raises:
        TypeError: it is something else, such as text or a truth value.
        ValueError: it is beyond all floating-point numbers.
    """
    if type(value) not in (int, float):
        raise TypeError(f"a number is {value!r:.100}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a number has more than 300 digits") from None


def whole_number(value: Any) -> int:
    """A whole number of JSON.

    Raises:
        TypeError: it is something else, such as 1.0 or text.
    """
    if type(value) is not int:
        raise TypeError(f"a whole number is {value!r:.100}")
    return value


def packed_lines(path: Path, expected: str) -> list[Any]:
    """The values of a file packed by gzip, a JSON value a line. No more is unpacked than a table can have.

    Raises:
        DataError: no such file, damaged, or not of this form; ``expected`` says what it should have been.
    """
    if not path.exists():
        made = f"{expected}, made by `nas-zc import` (the argument `data` or {VARIABLE} names its folder)"
        raise DataError(path, made, "no such file")
    existing(path, expected)
    found, left = [], _LONGEST
    with readable(path, expected), gzip.open(path, "rt", encoding="utf-8") as file:
        while line := file.readline(left + 1):
            left -= len(line)
            if left < 0:
                raise ValueError(f"more than {_LONGEST} characters")
            found.append(json.loads(line))
    return found
