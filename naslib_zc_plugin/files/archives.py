"""Archives that others made: tar and zip, and numpy's arrays in them. Nothing is unpacked to disk.

What a member is to hold is looked at before memory is taken for it.
"""

from __future__ import annotations

import io
import math
import tarfile
import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, inside, readable
from naslib_zc_plugin.files.limits import Meter

_BLOCK = 1 << 20
_LONGEST_HEADER = 8 << 10  # bytes of what tar puts before a member: long names, times, owners
_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
_DIRECTORY = 1 << 8  # bytes that a member takes in the directory of a zip archive, on average at most
_MAGIC, _LONGEST_NPY_HEADER = b"\x93NUMPY", 10_000


def tar_members(path: Path, expected: str, stream: BinaryIO, meter: Meter) -> Iterator[tuple[str, int, BinaryIO]]:
    """Yield place, size and content of the files in a tar archive, which is read from its beginning to its end.

    Args:
        path: the archive, for messages.
        expected: what the file should be, for messages.
        stream: its bytes, unpacked.
        meter: of the archive, on which members count.

    Raises:
        DataError: the archive is damaged, a member leads out of it, or it is more than the limits.
    """

    class Info(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Info:
            """Count a member, and refuse a header that is to be read into memory and is long."""
            made = super().frombuf(buf, encoding, errors)
            meter.take("members")
            if made.type in _HEADERS and made.size > _LONGEST_HEADER:
                raise DataError(path, f"headers of at most {_LONGEST_HEADER:,} bytes", f"one of {made.size:,}")
            if made.type == tarfile.GNUTYPE_SPARSE:
                raise DataError(path, "members that are whole", "one with holes")
            return made

    with readable(path, expected), tarfile.open(fileobj=stream, mode="r|", tarinfo=Info) as archive:
        for member in archive:
            place = str(inside(path, member.name))
            if member.isreg() and not member.issparse():
                yield place, member.size, cast(BinaryIO, archive.extractfile(member))


@contextmanager
def open_zip(path: Path, expected: str, meter: Meter) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive, after looking at the size of its directory.

    Args:
        path: the archive.
        expected: what the file should be, for messages.
        meter: of the archive, on which members count.

    Raises:
        DataError: no zip archive, a damaged one, or one with too many members; also for errors within the block.
    """
    with readable(path, expected), path.open("rb") as file:
        size = _directory_size(file)
        if size is None:
            raise DataError(path, expected, "a file that is no zip archive, or a truncated one")
        meter.allow("members", size // _DIRECTORY)
        with zipfile.ZipFile(file) as archive:
            meter.take("members", len(archive.namelist()))
            yield archive


def _directory_size(file: BinaryIO) -> int | None:
    """Return the bytes between the beginning of a zip archive's directory and its end, or None without one."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - (1 << 16) - 22))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return None
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # the longer form stands before it, and holds instead
        size = int.from_bytes(tail[at - 36 : at - 28], "little")
    return min(size, end)


def read_member(path: Path, archive: zipfile.ZipFile, name: str, meter: Meter) -> bytearray:
    """Return the content of a member of a zip archive, whose memory counts.

    Args:
        path: the archive, for messages.
        archive: the archive.
        name: of the member.
        meter: of the archive.

    Raises:
        DataError: the content is more than the limits, or packed by another method than deflate.
    """
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile unpacks these without a limit.
        raise DataError(path / name, "a member that is stored or deflated", "another method of packing")
    meter.take("memory", info.file_size)
    content = bytearray()
    with readable(path / name, "a whole member of the archive"), archive.open(info) as stream:
        while block := stream.read(_BLOCK):
            content += block
            meter.check_time()
    return content


def npy_array(path: Path, content: bytearray) -> NDArray[Any]:
    """Return the array in the content of a ``.npy`` file, which it shares.

    Args:
        path: the file, for messages.
        content: its bytes.

    Raises:
        DataError: another file, an array of objects or records, or one whose size is not as its header says.
    """
    expected = "numpy's .npy format, of numbers or texts"
    with readable(path, expected):
        version, wide = bytes(content[6:8]), 2 if content[6:7] == b"\1" else 4
        if not content.startswith(_MAGIC) or version not in (b"\1\0", b"\2\0"):
            raise ValueError("another format")
        start = 8 + wide + int.from_bytes(content[8 : 8 + wide], "little")
        if start > _LONGEST_NPY_HEADER:
            raise ValueError(f"a header of {start:,} bytes")
        read = np.lib.format.read_array_header_1_0 if wide == 2 else np.lib.format.read_array_header_2_0
        try:
            shape, fortran, dtype = read(io.BytesIO(bytes(content[8:start])))
        except (SyntaxError, tokenize.TokenError) as error:
            raise ValueError(f"a header that is none: {error}") from error
        if dtype.kind not in "biufSU" or not dtype.itemsize:
            raise ValueError(f"values of type {dtype}")
        count, there = math.prod(shape), len(content) - start
        if min(shape, default=0) < 0 or count * dtype.itemsize != there:
            raise ValueError(f"{there:,} bytes for an array of shape {shape} and type {dtype}")
        values = np.frombuffer(content, dtype, count, start) if count else np.empty(0, dtype)
        return values.reshape(shape, order="F" if fortran else "C")
