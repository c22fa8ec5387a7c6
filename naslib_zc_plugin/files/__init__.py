"""Files that others made, read without trust, and files of our own, written whole or not at all.

Every reader of the package raises the one :class:`DataError` for a file that is not as it should be; pickles are read
by :mod:`naslib_zc_plugin.files.unpickle` alone, which runs nothing. Needs numpy only.
"""

from __future__ import annotations

import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

__all__ = [
    "VARIABLE", "DataError", "data_folder", "existing", "inside", "readable", "real_number", "replacing",
    "whole_number",
]  # fmt: skip

VARIABLE = "NAS_ZC_DATA"
"""The environment variable that names the data directory."""

# What the standard library and numpy raise for damaged files; MemoryError: a header that claims more than there is.
_DAMAGED = (
    OSError, ValueError, EOFError, LookupError, RuntimeError, MemoryError,
    struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class DataError(ValueError):
    """A file, or another source of data, is not what it should be.

    Attributes:
        path: the file (with a member of an archive after it), or the source's name.
        expected: what should be there.
        found: what is there.

    >>> raise DataError("scores.csv", "3 rows", "2")
    Traceback (most recent call last):
        ...
    naslib_zc_plugin.files.DataError: scores.csv: expected 3 rows; found 2
    """

    def __init__(self, path: str | Path, expected: str, found: str) -> None:
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
    if not Path(path).is_file():
        raise DataError(path, expected, "a folder" if Path(path).is_dir() else "no such file")
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
        raise TypeError(f"a number is {value!r:.100}")
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

    >>> whole_number(3)
    3
    """
    if type(value) is not int:
        raise TypeError(f"a whole number is {value!r:.100}")
    return value


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
        path: the file to replace; its folder is made if it does not exist.

    Yields:
        The draft's path.

    Raises:
        OSError: the folder cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "text.txt")) as draft:
    ...         _ = draft.write_text("whole")
    ...     Path(folder, "text.txt").read_text()
    'whole'
    """
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
    finally:
        draft.unlink(missing_ok=True)
    if os.name == "posix":  # make the new name last, where the system lets a folder be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
