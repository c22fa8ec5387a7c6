"""TensorFlow's file of records, without TensorFlow.

A record is its length (8 bytes), a checksum of the length (4), the content, and a checksum of the content (4), all
little-endian. The checksums are CRC-32C, rotated right by 15 bits and added to a constant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.files import DataError, existing, readable

_EXPECTED = "a TFRecord file"
_LONGEST = 1 << 20  # bytes; a length beyond it is no length
_BATCH = 1024  # records whose checksums are computed at once
_BLOCK = 1 << 26  # bytes of them, were all as long as the longest
_POLYNOMIAL, _MASK = 0x82F63B78, 0xA282EAD8
_WORD = 4

Framed = tuple[bytes, bytes, bytes, bytes]
"""Length, its checksum, content and its checksum."""


def records(path: Path) -> Iterator[bytes]:
    """The contents of a file's records, in order; each is checked before it is given.

    Raises:
        DataError: there is no such file or no record in it, or one is cut short, of more than 1 MiB, or fails its
            checksums.
    """
    existing(path, _EXPECTED)
    with readable(path, _EXPECTED), path.open("rb") as file:
        first = 0
        for batch in _batches(_framed(path, file)):
            for part, name in ((0, "length"), (2, "content")):
                wanted = np.array([struct.unpack("<I", record[part + 1])[0] for record in batch], dtype=np.uint32)
                wrong = np.flatnonzero(_masked(checksums([record[part] for record in batch])) != wanted)
                if wrong.size:
                    found = f"another one in record {first + int(wrong[0])}"
                    raise DataError(path, f"the checksum of each record's {name}", found)
            yield from (record[2] for record in batch)
            first += len(batch)


def _batches(framed: Iterator[Framed]) -> Iterator[list[Framed]]:
    batch: list[Framed] = []
    longest = 0
    for record in framed:
        longest = max(longest, len(record[2]))
        if batch and (len(batch) == _BATCH or (len(batch) + 1) * longest > _BLOCK):
            yield batch
            batch, longest = [], len(record[2])
        batch.append(record)
    yield batch


def _framed(path: Path, file: BinaryIO) -> Iterator[Framed]:
    """The records as they lie there."""
    number = 0
    while head := file.read(12):
        size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
        if not _WORD <= size <= _LONGEST:
            raise DataError(path, _EXPECTED, f"no length of a record where record {number} should begin")
        content = file.read(size)
        tail = file.read(_WORD)
        if len(content) < size or len(tail) < _WORD:
            raise DataError(path, "whole records", f"record {number} cut short")
        yield head[:8], head[8:], content, tail
        number += 1
    if not number:
        raise DataError(path, _EXPECTED, "an empty file")


def checksums(contents: Sequence[bytes]) -> NDArray[np.uint32]:
    """CRC-32C (Castagnoli) of each of some byte strings of at least four bytes."""
    # The checksum starts with ones, which is the same as starting with zeros and inverting the first four bytes. Zeros
    # before them then change nothing: all strings are shifted to one end and go byte by byte together.
    width = max(map(len, contents))
    block = np.zeros((len(contents), width), dtype=np.uint8)
    for row, content in zip(block, contents):
        row[width - len(content) :] = np.frombuffer(content, dtype=np.uint8)
        row[width - len(content) : width - len(content) + _WORD] ^= 255
    state = np.zeros(len(contents), dtype=np.uint32)
    for column in np.ascontiguousarray(block.T):
        state = _TABLE[(state ^ column) & np.uint32(255)] ^ state >> np.uint32(8)
    return ~state


def _table() -> NDArray[np.uint32]:
    state = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        state = np.where(state & np.uint32(1), state >> np.uint32(1) ^ np.uint32(_POLYNOMIAL), state >> np.uint32(1))
    return state.astype(np.uint32)


_TABLE = _table()


def _masked(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return (sums >> np.uint32(15) | sums << np.uint32(17)) + np.uint32(_MASK)
