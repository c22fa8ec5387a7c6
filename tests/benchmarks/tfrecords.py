"""Records in the form of NAS-Bench-101's official files, made without the code that reads them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from naslib_zc_plugin.spaces.nasbench101 import SPACE, keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of

CHOSEN = (0, 1, 60, 5_000, 200_000, 423_623)
"""Positions of cells in the benchmark's order."""
LENGTHS = (4, 12, 36, 108)


def crc32c(content: bytes) -> int:
    """The checksum bit by bit."""
    state = 0xFFFFFFFF
    for byte in content:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def framed(content: bytes) -> bytes:
    def sums(part: bytes) -> bytes:
        crc = crc32c(part)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    size = struct.pack("<Q", len(content))
    return size + sums(size) + content + sums(content)


def measured(number: int, epochs: int, run: int) -> list[float]:
    """Epoch, seconds, and accuracies on training, validation and test images."""
    return [float(epochs), 16.0 * epochs + run, 0.99, 0.2 + epochs / 200 + number / 1e7, 0.1 + epochs / 200 + run / 1e3]


def message(number: int, epochs: int, run: int, parts: Sequence[float] = (0.0, 0.5, 1.0), lacking: int = 0) -> bytes:
    """The message ``ModelMetrics``: three evaluations (one of whose fields may lack), parameters, seconds in all."""
    found = b""
    for part in parts:
        values = [value * part for value in measured(number, epochs, run)]
        body = b"".join(
            bytes([field << 3 | 1]) + struct.pack("<d", value)
            for field, value in enumerate(values, 1)
            if field != lacking
        )
        body += b"\x32" + bytes([len(b"model.ckpt-1")]) + b"model.ckpt-1"
        found += b"\x0a" + varint(len(body)) + body
    return found + b"\x10" + varint(1_000_000 + number) + b"\x19" + struct.pack("<d", 9.0)


def varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def record(number: int, length: int, run: int, **changes: Any) -> bytes:
    """The JSON list of a training; ``changes``: of its parts."""
    cell = keys.parse(SPACE.key(number))
    matrix, operations = keys.unpack(cell)
    parts = {
        "name": hash_of(cell),
        "epochs": length,
        "matrix": "".join(str(edge) for row in matrix for edge in row),
        "operations": ",".join(operations),
        "metrics": base64.b64encode(message(number, length, run)).decode(),
    }
    return json.dumps(list({**parts, **changes}.values())).encode()


def content(lengths: Sequence[int] = LENGTHS, chosen: Sequence[int] = CHOSEN) -> list[bytes]:
    """The records of three runs of each training, mixed."""
    every = [record(number, epochs, run) for run in range(3) for epochs in lengths for number in chosen]
    return every[::2] + every[1::2]


def write(path: Path, contents: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(map(framed, contents)))
    return path
