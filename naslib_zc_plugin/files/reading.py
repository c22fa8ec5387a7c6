"""What readers of downloaded files have in common."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from naslib_zc_plugin.files.error import DataError

# What the standard library and numpy raise for damaged files; MemoryError: a header that claims more than there is.
_DAMAGED = (
    OSError, ValueError, EOFError, LookupError, RuntimeError, MemoryError,
    struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def existing(path: str | Path, expected: str) -> Path:
    """``path``, which is a file.

    Raises:
        DataError: there is none; ``expected`` says what it should have been.
    """
    if not Path(path).is_file():
        raise DataError(path, expected, "a folder" if Path(path).is_dir() else "no such file")
    return Path(path)


@contextmanager
def readable(path: str | Path, expected: str) -> Iterator[None]:
    """Turns what decoders raise for a damaged file, within the block, into a :class:`DataError`."""
    try:
        yield
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(path, expected, f"{type(error).__name__}: {error}") from error


def inside(path: str | Path, member: str) -> PurePosixPath:
    """Where a member of the archive ``path`` lies, a leading ``./`` removed.

    Raises:
        DataError: the name leads out of the archive: absolute, with a drive, or through ``..``.
    """
    place = PureWindowsPath(member)  # which knows both kinds of slashes
    if place.anchor or ".." in place.parts:
        raise DataError(path, "members that lie in the archive's own folders", f"a member {member!r}")
    return PurePosixPath(*place.parts)
