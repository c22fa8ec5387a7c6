"""Files that others made, read without trust, and files of our own, written whole or not at all.

Every reader of the package raises the one :class:`DataError` for a file that is not as it should be, and takes no more
of it than the :class:`~naslib_zc_plugin.files.limits.Limits` that it declares; pickles are read by
:mod:`naslib_zc_plugin.files.unpickle` alone, which runs nothing. Needs numpy only.
"""

from __future__ import annotations

import csv
import os
import re
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from reprlib import Repr
from typing import Any

__all__ = [
    "VARIABLE", "DataError", "csv_cell", "data_folder", "existing", "inside", "path_part", "readable", "real_number",
    "replace_text", "replacing", "shown", "visible", "whole_number",
]  # fmt: skip

VARIABLE = "NAS_ZC_DATA"
"""The environment variable that names the data directory."""

# What decoders raise for damaged files, and for whole ones that hold something else. MemoryError: a header that claims
# more than there is.
_DAMAGED = (
    OSError, ValueError, EOFError, LookupError, RuntimeError, MemoryError, AttributeError, OverflowError, TypeError,
    csv.Error, struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_SHOWN = 400  # characters of what a file holds, in a message
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,99}")
_PLAIN_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
# Control characters, those that turn the direction of writing, and those that end lines or hide.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


class DataError(ValueError):
    """A file, or another source of data, is not what it should be.

    Attributes:
        path: the file (with a member of an archive after it), or the source's name.
        expected: what should be there.
        found: what is there, shortened if it is long.

    >>> raise DataError("scores.csv", "3 rows", "2")
    Traceback (most recent call last):
        ...
    naslib_zc_plugin.files.DataError: scores.csv: expected 3 rows; found 2
    """

    def __init__(self, path: str | Path, expected: str, found: str) -> None:
        found = found if len(found) <= _SHOWN else f"{found[: _SHOWN - 1]}…"
        super().__init__(path, expected, found)
        self.path, self.expected, self.found = path, expected, found

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}; found {self.found}"


def data_folder(given: str | Path | None = None) -> Path:
    """Return the data directory: the given one, else the one that the environment variable names.

    Args:
        given: a folder, or None for the one that :data:`VARIABLE` names.

    Returns:
        The folder, which exists.

    Raises:
        ValueError: no folder is named, or the named one does not exist.

    >>> data_folder(".")
    PosixPath('.')
    """
    folder = given or os.environ.get(VARIABLE)
    if not folder:
        raise ValueError(
            f"no data directory: name one by the argument `data` (--data DIR) or by {VARIABLE} in the environment"
        )
    if not Path(folder).is_dir():
        where = "`data` (--data)" if given else VARIABLE
        raise ValueError(f"{where} names {folder} as the data directory, which is no folder")
    return Path(folder)


def existing(path: str | Path, expected: str) -> Path:
    """Return a path after checking that it is a file.

    Args:
        path: the file.
        expected: what the file should be, for the message.

    Returns:
        The path.

    Raises:
        DataError: there is no such file, or it is a folder.

    >>> existing("no_such_file.csv", "a table")
    Traceback (most recent call last):
        ...
    naslib_zc_plugin.files.DataError: no_such_file.csv: expected a table; found no such file
    """
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise DataError(path, expected, "a link to nothing" if os.path.islink(path) else "no such file") from error
    except (OSError, ValueError) as error:  # a link to itself, a name that is too long
        raise DataError(path, expected, getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISREG(kind):
        raise DataError(path, expected, "a folder" if stat.S_ISDIR(kind) else "no file, but a device or a pipe")
    return Path(path)


@contextmanager
def readable(path: str | Path, expected: str) -> Iterator[None]:
    """Turn the errors that decoders raise for a damaged file, within the block, into a :class:`DataError`.

    Args:
        path: the file that the block reads.
        expected: what the file should be, for the message.

    Raises:
        DataError: the block failed as it does for a damaged file.

    >>> with readable("numbers.txt", "a number"):
    ...     int("seven")
    Traceback (most recent call last):
        ...
    naslib_zc_plugin.files.DataError: numbers.txt: expected a number; found ValueError: invalid literal ...
    """
    try:
        yield
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(path, expected, f"{type(error).__name__}: {error}") from error


def real_number(value: Any) -> float:
    """Return a number of JSON, which may be NaN or infinity.

    Args:
        value: a value of JSON.

    Raises:
        TypeError: the value is something else, such as text or a truth value.
        ValueError: it is beyond all floating-point numbers.

    >>> real_number(3)
    3.0
    """
    if type(value) not in (int, float):
        raise TypeError(f"a number is {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a number has more than 300 digits") from None


def whole_number(value: Any) -> int:
    """Return a whole number of JSON.

    Args:
        value: a value of JSON.

    Raises:
        TypeError: the value is something else, such as 1.0, text or a truth value.
        ValueError: it has more than 64 bits.

    >>> whole_number(3)
    3
    """
    if type(value) is not int:
        raise TypeError(f"a whole number is {shown(value)}")
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError("a whole number has more than 64 bits")
    return value


class _Short(Repr):
    """Python's notation of values, shortened before it is made: one list may hold another a million times."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, 100, 100

    def repr_int(self, value: int, level: int) -> str:
        """Return a number unless it is too long to be worth it."""
        return repr(value) if value.bit_length() <= 128 else f"a number of {value.bit_length():,} bits"

    def repr_bytes(self, value: bytes, level: int) -> str:
        """Return bytes as texts are shown."""
        return repr(value[: self.maxstring]) + ("…" if len(value) > self.maxstring else "")

    def repr_instance(self, value: Any, level: int) -> str:
        """Return the type of anything else, whose own notation is not bounded."""
        return repr(value) if value is None or isinstance(value, (bool, float)) else f"a {type(value).__name__}"


shown = _Short().repr
"""Returns a value of a file that others made in Python's notation, shortened, for messages."""


def visible(text: str) -> str:
    r"""Return a text with its control characters, and others that are not seen, in Python's notation.

    Text of a file that others made may hold orders to a terminal, or turn the direction of writing.

    >>> print(visible("red \x1b[31m"), visible("two\nlines"))
    red \x1b[31m two\nlines
    """
    return _UNSEEN.sub(lambda sign: sign[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def csv_cell(value: Any) -> Any:
    """Return a value for a cell of CSV; a text that a spreadsheet would take for a formula begins with an apostrophe.

    Ends of lines stay: a cell may have several.

    >>> csv_cell("=1+1"), csv_cell("-2.5"), csv_cell(-2.5)
    ("'=1+1", '-2.5', -2.5)
    """
    if not isinstance(value, str):
        return value
    text = "".join(part if part in ("\n", "\r\n") else visible(part) for part in re.split("(\r?\n)", value))
    if not text.lstrip().startswith(("=", "+", "-", "@")) or _PLAIN_NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def path_part(source: str | Path, text: str, what: str) -> str:
    """Return a text that is to be one part of a path: a file's name, or a folder's.

    Args:
        source: the file that the text stands in, for the message.
        text: the text.
        what: its meaning, for the message.

    Raises:
        DataError: it holds other signs than ASCII letters, digits and ``_.+=-``, or means something else to a system.

    >>> path_part("zc_nasbench201.json", "../accuracies", "the name of a data set")
    Traceback (most recent call last):
        ...
    naslib_zc_plugin.files.DataError: zc_nasbench201.json: expected the name of a data set, of letters, digits and ...
    """
    if not _PART.fullmatch(text) or text.endswith(".") or _DEVICES.fullmatch(text):
        raise DataError(source, f"{what}, of letters, digits and _.+=- alone", repr(text))
    return text


def inside(path: str | Path, member: str) -> PurePosixPath:
    """Return the place of an archive's member, without a leading ``./``.

    Args:
        path: the archive, for the message.
        member: the name of the member.

    Returns:
        Its place in the archive.

    Raises:
        DataError: the name leads out of the archive: it is absolute, has a drive, or goes through ``..``.

    >>> inside("images.tar", "./train/first.bin")
    PurePosixPath('train/first.bin')
    """
    place = PureWindowsPath(member)  # which knows both kinds of slashes
    if place.anchor or ".." in place.parts:
        raise DataError(path, "members that lie in the archive's own folders", f"a member {member!r}")
    return PurePosixPath(*place.parts)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write, which replaces ``path`` when the block ends without an error.

    The draft lies beside ``path``, so that the change is one step of the file system: a reader of ``path``, also
    after a crash, finds the old content or all of the new. After an error the draft is removed.

    Args:
        path: the file to replace, of a symbolic link the one that it leads to; its folder is made if it does not exist.

    Yields:
        The draft's path.

    Raises:
        OSError: the folder cannot be written, or the disk is full.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "text.txt")) as draft:
    ...         _ = draft.write_text("whole")
    ...     Path(folder, "text.txt").read_text()
    'whole'
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        # A temporary file is its owner's alone; this one becomes an ordinary file.
        draft.chmod(0o644)
        os.replace(draft, path)
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)
    if os.name == "posix":  # make the new name last, where the system lets a folder be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def replace_text(path: Path, text: str) -> None:
    """Write a text to a file, as UTF-8, which replaces ``path`` when it is whole (:func:`replacing`)."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")
