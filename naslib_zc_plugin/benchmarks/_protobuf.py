"""The wire format of protocol buffers, as far as records of numbers need it."""

from __future__ import annotations

import struct
from typing import Union

Value = Union[int, bytes]
"""A variable-length integer, or the bytes of a fixed-length number or of a message or text."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10  # bytes


def fields(message: bytes) -> dict[int, list[Value]]:
    """The values of a message's fields by their numbers, in order.

    Raises:
        ValueError: no such message.
    """
    found: dict[int, list[Value]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        value: Value
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind == _LENGTH or kind in _SIZES:
            size, at = _varint(message, at) if kind == _LENGTH else (_SIZES[kind], at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"a field of the unknown kind {kind} in a protocol buffer")
        if at > len(message) or number == 0:
            raise ValueError("a protocol buffer that is cut short")
        found.setdefault(number, []).append(value)
    return found


def double(value: Value) -> float:
    """A field that holds a double.

    Raises:
        ValueError: it holds something else.
    """
    if not isinstance(value, bytes) or len(value) != _SIZES[_FIXED64]:
        raise ValueError("a field of a protocol buffer that is no double")
    return float(struct.unpack("<d", value)[0])


def integer(value: Value) -> int:
    """A field that holds an integer that is not negative.

    Raises:
        ValueError: it holds something else.
    """
    if not isinstance(value, int) or value >> 63:
        raise ValueError("a field of a protocol buffer that is no integer of at least 0")
    return value


def text(value: Value) -> bytes:
    """A field that holds a message or text.

    Raises:
        ValueError: it holds something else.
    """
    if not isinstance(value, bytes):
        raise ValueError("a field of a protocol buffer that is no message")
    return value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """An integer of seven bits a byte, the last byte below 128, and where it ends."""
    found = 0
    for place in range(_LONGEST_VARINT):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        found |= (byte & 127) << 7 * place
        if byte < 128:
            return found, at
    raise ValueError("an integer of a protocol buffer that does not end")
