"""Tables of numbers that the package brings along: rounded, small, and read with numpy alone.

A table is a zip archive of numpy's arrays (``.npz``) without Python objects. The member ``about`` is a text of JSON:
the number of rows, what is known of the table, and of each column how it is coded. Codes are whole numbers in planes of
bytes, the lowest first, which deflate packs better than numbers side by side:

* ``step``: :math:`v = (c + o) / p` for the code c, an offset o and p steps in one; with a base, its whole number is
  added to the code's, so that only the difference of two columns is stored;
* ``ratio``: :math:`v = e^{(c + o) / p}` to five digits: the relative error is at most :math:`1 / 2p`, and the digits';
* ``level``: v is entry c of a list of the column's numbers, which are not rounded;
* ``order``: the upper bits of v as a float of 64 bits. Different numbers have different codes, in the same order;
* ``times``: a constant multiple of another column.

A column may have a number for some rows only, and one code for all rows of a class.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, existing, readable, replacing
from naslib_zc_plugin.files.archives import npy_array, open_zip, read_member
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import parsed

FOLDER = Path(__file__).resolve().parents[1] / "embedded"
"""The tables in the package."""
PRECISION = 3e-5
"""The largest relative error of an ``order`` column."""

_EXPECTED = "a table of numbers as the package packs them"
_LIMITS = Limits(memory=64 << 20, members=1000, rows=1_000_000)
_ABOUT, _FIRST = "about", (1980, 1, 1, 0, 0, 0)  # a time for all members: equal tables are equal files
_SHIFTS = range(46, 0, -1)  # bits of 64 that are left out; at least one, so that differences fit
_MISSING = "missing"

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PackedTable:
    """What a packed table holds.

    Attributes:
        rows: number of rows.
        columns: name → float64, NaN where there is no number.
        about: what is known of the table, as it was given.
    """

    rows: int
    columns: Mapping[str, Floats]
    about: Mapping[str, Any]


@dataclass
class Packer:
    """Codes columns, and writes them as one file.

    Args:
        rows: number of rows.
        about: what is known of the table, as values of JSON.

    >>> from tempfile import TemporaryDirectory
    >>> packer = Packer(3, {"name": "toy"})
    >>> packer.step("accuracy", np.array([93.504, 88.0, np.nan]), per=100)
    >>> with TemporaryDirectory() as folder:
    ...     packer.write(Path(folder, "toy.npz"))
    ...     unpack(Path(folder, "toy.npz")).columns["accuracy"].tolist()
    [93.5, 88.0, nan]
    """

    rows: int
    about: Mapping[str, Any] = field(default_factory=dict)
    _codings: dict[str, dict[str, Any]] = field(default_factory=dict)
    _arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    _whole: dict[str, Integers] = field(default_factory=dict)

    def step(self, name: str, values: Floats, per: int, base: str = "") -> None:
        """Add a column that is rounded to steps of ``1 / per``, perhaps as a difference from a base of equal steps."""
        whole = np.rint(np.where(np.isnan(values), 0, values) * per).astype(np.int64)
        self._whole[name] = whole
        coding = {"kind": "step", "per": per, **({"base": base} if base else {})}
        self._add(name, coding, values, whole - self._whole[base] if base else whole)

    def ratio(self, name: str, values: Floats, per: int, classes: str = "") -> None:
        """Add a column of positive numbers that is rounded to a relative ``1 / (2 per)``, perhaps one of each class."""
        with np.errstate(invalid="ignore"):
            codes = np.rint(np.log(np.where(np.isnan(values), 1, values)) * per).astype(np.int64)
        self._add(name, {"kind": "ratio", "per": per}, values, codes, classes)

    def level(self, name: str, values: Floats) -> None:
        """Add a column of few different numbers, as they are."""
        levels, codes = np.unique(values, return_inverse=True)
        self._arrays[f"{name}.levels"] = levels
        self._add(name, {"kind": "level"}, values, codes.astype(np.int64))

    def order(self, name: str, values: Floats) -> None:
        """Add a column whose order is kept: different numbers stay different, at most :data:`PRECISION` from their own.

        Raises:
            ValueError: a number is not finite, or too many are too near each other.
        """
        there = ~np.isnan(values)
        numbers, places = np.unique(values[there], return_inverse=True)
        for shift in _SHIFTS:
            codes = _ordered(numbers, shift)
            found = _of_order(codes, shift)
            if np.isfinite(found).all() and (np.abs(found - numbers) <= PRECISION * np.abs(numbers)).all():
                break
        else:
            raise ValueError(
                f"{name}: numbers that are not finite, or too near each other to be told apart by fewer digits"
            )
        whole = np.zeros(self.rows, dtype=np.int64)
        whole[there] = codes[places]
        self._add(name, {"kind": "order", "shift": shift}, values, whole)

    def times(self, name: str, base: str, factor: float) -> None:
        """Add a column that is another one times a constant."""
        self._codings[name] = {"kind": "times", "base": base, "factor": factor}

    def classes(self, name: str, codes: Integers) -> None:
        """Add the class of each row, numbered from 0 by first occurrence, for columns that have one number a class."""
        self._arrays[f"{name}.codes"] = _planes(codes)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; equal tables give equal files."""
        about = {"rows": self.rows, "columns": self._codings, "about": self.about}
        text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        with replacing(path) as draft, zipfile.ZipFile(draft, "w") as archive:
            for name, array in {_ABOUT: text, **self._arrays}.items():
                member = zipfile.ZipInfo(f"{name}.npy", _FIRST)
                member.compress_type = zipfile.ZIP_DEFLATED
                content = BytesIO()
                np.lib.format.write_array(content, array, allow_pickle=False)
                archive.writestr(member, content.getvalue(), compresslevel=9)

    def _add(self, name: str, coding: dict[str, Any], values: Floats, codes: Integers, classes: str = "") -> None:
        if classes:
            firsts = np.unique(_numbers(self._arrays[f"{classes}.codes"]), return_index=True)[1]
            values, codes, coding["classes"] = values[firsts], codes[firsts], classes
        there = ~np.isnan(values)
        if not there.all():
            coding["gaps"] = True
            self._arrays[f"{name}.{_MISSING}"] = np.packbits(~there)
        offset = int(codes[there].min()) if there.any() else 0
        self._codings[name] = {**coding, "offset": offset}
        self._arrays[f"{name}.codes"] = _planes(codes[there] - offset)


def unpack(path: Path) -> PackedTable:
    """Read a packed table.

    Args:
        path: the file.

    Raises:
        DataError: there is no such file, or it is damaged or something else.
    """
    meter = Meter(existing(path, _EXPECTED), _LIMITS)
    with open_zip(path, _EXPECTED, meter) as archive, readable(path, _EXPECTED):
        arrays = {
            member[: -len(".npy")]: npy_array(path / member, read_member(path, archive, member, meter))
            for member in archive.namelist()
        }
        about = parsed(arrays[_ABOUT].tobytes().decode(), meter)
        rows = int(about["rows"])
        meter.take("rows", rows)
        meter.take("memory", 3 * 8 * rows * len(about["columns"]))
        whole: dict[str, Integers] = {}
        columns: dict[str, Floats] = {}
        for name, coding in about["columns"].items():
            columns[name] = _column(name, coding, rows, arrays, columns, whole)
            if columns[name].shape != (rows,):
                raise DataError(path, f"{rows} rows of {name!r}", f"{columns[name].shape}")
        return PackedTable(rows, columns, about["about"])


def _column(
    name: str, coding: Mapping[str, Any], rows: int, arrays: Mapping[str, NDArray[Any]],
    columns: Mapping[str, Floats], whole: dict[str, Integers],
) -> Floats:  # fmt: skip
    """Return a column; whole numbers of steps are kept for those that have it as their base."""
    if coding["kind"] == "times":
        return columns[coding["base"]] * float(coding["factor"])
    codes = _numbers(arrays[f"{name}.codes"])
    if coding["kind"] == "level":
        found: Floats = arrays[f"{name}.levels"][codes]
    elif coding["kind"] == "order":
        found = _of_order(codes + coding["offset"], coding["shift"])
    elif coding["kind"] == "ratio":
        # By level: the last digit of an exponential is not the same everywhere, five digits are.
        levels, places = np.unique(codes + coding["offset"], return_inverse=True)
        found = np.array([float(f"{math.exp(level / coding['per']):.5g}") for level in levels.tolist()])[places]
    else:
        whole[name] = codes + coding["offset"] + (whole[coding["base"]] if "base" in coding else 0)
        found = whole[name] / coding["per"]
    classes = _numbers(arrays[f"{coding['classes']}.codes"]) if "classes" in coding else None
    if classes is not None and not 0 <= int(classes.max()) < rows:
        raise ValueError("more classes than rows")
    if "gaps" in coding:
        size = rows if classes is None else int(classes.max()) + 1
        spread = np.full(size, np.nan)
        spread[np.unpackbits(arrays[f"{name}.{_MISSING}"], count=size) == 0] = found
        found = spread
    return found if classes is None else found[classes]


def _planes(codes: Integers) -> NDArray[np.uint8]:
    """Return whole numbers from 0 as bytes, (bytes, rows), the lowest byte first."""
    bits = int(codes.max(initial=0)).bit_length()
    planes: Sequence[Any] = [(codes >> at & 255).astype(np.uint8) for at in range(0, max(bits, 1), 8)]
    return np.stack(planes)


def _numbers(planes: NDArray[np.uint8]) -> Integers:
    """Return the whole numbers of such bytes."""
    found: Integers = sum(plane.astype(np.int64) << 8 * at for at, plane in enumerate(planes))
    return found


def _ordered(numbers: Floats, shift: int) -> Integers:
    """Return codes of different ascending numbers, of which each is larger than the one before."""
    half = 1 << shift >> 1
    codes = np.sign(numbers).astype(np.int64) * (np.abs(numbers).view(np.int64) + half >> shift)
    ranks = np.arange(len(codes))
    return np.maximum.accumulate(codes - ranks) + ranks


def _of_order(codes: Integers, shift: int) -> Floats:
    """Return the numbers of such codes."""
    found: Floats = np.sign(codes) * (np.abs(codes) << shift).view(np.float64)
    return found
