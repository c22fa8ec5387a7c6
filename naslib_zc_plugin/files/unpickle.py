"""Read pickles of plain values and numeric numpy arrays; refuse all others.

Some official files exist as pickles only, and a pickle may name any function to call. Here the few names that
numpy's arrays need stand for the inert classes below, which check their arguments and copy bytes; any other name is
refused before anything is called. The file cannot reach even numpy's own constructors. A reader of files that
need a few more names adds stand-ins of its own.

A pickle is a program, and a short one may ask for any amount of memory and time. Before it runs it is therefore looked
through: what its values take at most, and whether what it counts and numbers lies in it.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from naslib_zc_plugin.files import DataError, existing, shown
from naslib_zc_plugin.files.limits import Limits, Meter

LIMITS = Limits(growth=256)
"""Official pickles take tens of gigabytes."""
_EXPECTED = "a pickle of plain values and numeric arrays"
_BLOCK, _STEP = 1 << 20, 1 << 23  # bytes to read at once, and bytes of memory between two looks at the limits


class StandIn:
    """Base of all stand-ins.

    A stand-in receives the arguments that the file gives to a name, and makes a plain value of them; it calls nothing
    that the file chooses, and raises ``pickle.UnpicklingError`` for arguments that it does not expect.

    Attributes:
        meter: of the file; a stand-in counts the memory of what it makes on it.
    """

    meter: ClassVar[Meter]

    def __setstate__(self, state: Any) -> None:
        """Refuse any state; without this method the file could set attributes."""
        raise pickle.UnpicklingError("unexpected state")


StandIns = Mapping[tuple[str, str], type[StandIn]]


def read_pickle(
    path: str | Path, stream: BinaryIO | None = None, also: StandIns | None = None, meter: Meter | None = None
) -> Any:
    """Return the object in a pickle, with arrays at the top level or as values of a top-level dict.

    Texts of Python 2 are decoded as Latin-1.

    Args:
        path: the file; with ``stream``, its name in messages.
        stream: read instead of opening the file, to its end.
        also: stand-ins, by module and name, for further names that this format needs.
        meter: of the file, or of the member of an archive; one with the usual limits unless given.

    Returns:
        Plain values and numeric arrays.

    Raises:
        DataError: the file is damaged, is no pickle, names anything else, or asks for more than the limits.
    """
    return read_pickles(path, 1, stream, also, meter)[0]


def read_pickles(
    path: str | Path,
    number: int,
    stream: BinaryIO | None = None,
    also: StandIns | None = None,
    meter: Meter | None = None,
) -> list[Any]:
    """Return the objects of so many pickles, one after the other, as :func:`read_pickle` does of one."""
    meter = meter or Meter(path, LIMITS)
    try:
        if stream is None:
            file = existing(path, _EXPECTED)
            meter.take("memory", file.stat().st_size)
            data: bytes | bytearray = file.read_bytes()
        else:
            data = _whole(stream, meter)
        found, at = [], 0
        for _ in range(number):
            program, at = _checked(data, at, meter)
            found.append(_arrays(_Unpickler(program, also or {}, meter).load()))
        if at < len(data):
            raise pickle.UnpicklingError(f"more after the pickle, {len(data) - at:,} bytes")
    except DataError:
        raise
    except Exception as error:  # damaged pickles raise nearly anything, see the pickle module's documentation
        raise DataError(path, _EXPECTED, f"{type(error).__name__}: {error}") from error
    return found


def _whole(stream: BinaryIO, meter: Meter) -> bytes | bytearray:
    """Return all bytes of a stream, which count as memory."""
    data = bytearray()
    while part := stream.read(_BLOCK):
        meter.take("memory", len(part))
        data += part
    return data


def _arrays(value: Any) -> Any:
    """Return a value with arrays for their stand-ins."""
    if type(value) is dict:
        return {name: _array(item) for name, item in value.items()}
    return _array(value)


def _array(value: Any) -> Any:
    return value.value if isinstance(value, _Array) else value  # an AttributeError of one that was never begun


class _Parts(io.RawIOBase):
    """Parts of a pickle as one stream."""

    def __init__(self, parts: Iterable[memoryview]) -> None:
        self._rest = iter(parts)
        self._part = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        """Copy as much as fits from the part that is next."""
        if not self._part:
            self._part = next(self._rest, self._part)
        size = min(len(target), len(self._part))
        target[:size], self._part = self._part[:size], self._part[size:]
        return size


class _Unpickler(pickle.Unpickler):
    def __init__(self, program: Iterable[memoryview], also: StandIns, meter: Meter) -> None:
        super().__init__(io.BufferedReader(_Parts(program), _BLOCK), encoding="latin1")
        self._known = {**_STAND_INS, **also}
        self._meter = meter
        self._made: dict[tuple[str, str], type[StandIn]] = {}
        self._weights: dict[int, int] = {}
        self._tuples: list[Any] = []  # so that no two have one id

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name, with this file's meter."""
        made = self._made.get((module, name))
        if made is None:
            found = self._known.get((module, name))
            if found is None:
                raise pickle.UnpicklingError(f"the file asks for {module}.{name}")
            made = self._made[module, name] = type(found.__name__, (found,), {"meter": self._meter})
        return made

    def persistent_load(self, pid: Any) -> Any:
        """Return a tuple, each of which :func:`_checked` sends here, unless it holds too many others.

        As a key it would be hashed by recursion in C, again and again where a tuple stands in it several times.
        """
        weight = 1 + sum(self._weights.get(id(each), 1) for each in pid if type(each) is tuple and each)
        if weight > _HEAVIEST:
            raise pickle.UnpicklingError(f"more than {_HEAVIEST} tuples within a tuple")
        self._weights[id(pid)] = weight
        self._tuples.append(pid)
        return pid


# Looking through a pickle before it runs --------------------

_HEAVIEST = 100
"""Tuples within a tuple, each as often as it stands there; a key of the official files has none."""
_LONG_INTEGERS = 1000  # of more than 8 bytes; as keys they could all have one hash, and official files have one
_PER_BYTE = 24  # bytes of memory that simple values, and entries of dicts, take for each of the pickle's


def _short(codes: bytes, size: int, most: int = 255) -> bytes:
    """Return a pattern of values that begin with their length, of ``size`` bytes and up to ``most``."""
    each = (re.escape(n.to_bytes(size, "little")) + b".{%d}" % n for n in range(most + 1))
    return b"[" + codes + b"](?:" + b"|".join(each) + b")"


# Simple values, empty lists and dicts and what fills them, and what is put into or taken from the memo below a million:
# as many as stand in a row, up to what :func:`_end_of_run` goes through.
_SIMPLE = re.compile(
    b"(?s)(?:"
    + b"|".join(
        [
            b"G.{8}(?!G)", rb"[\x94N\x88\x89)(\]}asue\x90]", _short(rb"\x8c", 1) + rb"(?!\x94G)", rb"[Kh].(?!G)",
            b"M..(?!G)", b"[Jj]....(?!G)", rb"[q\x80].", _short(b"CU", 1), rb"r..[\x00-\x0f]\x00",
            _short(b"XTB", 4), _short(rb"\x8a", 1, 8),
            rb"p[0-9]{1,6}\n", rb"[IFLg][^\n]{0,40}\n", rb"[SV][^\n]{0,255}\n",
        ]
    )
    + b"){1,4000}"
)  # fmt: skip
_LIST, _DICT = 80, 240  # bytes of memory of an empty one
# Bytes of memory of what else has no argument; of a tuple, those by which it is weighed too.
_MADE = {
    **dict.fromkeys(b"l", _LIST), **dict.fromkeys(b"d\x8f\x91", _DICT), **dict.fromkeys(b"Rbo\x81\x92\x93", 320),
    **dict.fromkeys(b"t\x85\x86\x87", 240),
}  # fmt: skip
_TUPLES, _STOP, _FRAME, _WEIGH = frozenset(b"t\x85\x86\x87"), ord("."), 0x95, memoryview(b"Q")
_FLOAT, _TEXT, _MEMOIZE, _RUN = ord("G"), 0x8C, 0x94, 256
_KEYS = {ord("K"): 2, ord("M"): 3, ord("J"): 5, ord("h"): 2, ord("j"): 5}  # short ones, with their bytes
# Values that begin with their length → its bytes; values of one line, and of two; and the memo's numbers beyond.
_SIZED = {**dict.fromkeys(b"\x8cCU\x8a", 1), **dict.fromkeys(b"XTB\x8b", 4), **dict.fromkeys(b"\x8d\x8e\x96", 8)}
_INTEGERS = frozenset(b"\x8a\x8bL")
_LINES = {**dict.fromkeys(b"IFLSVgp", 1), **dict.fromkeys(b"ci", 2)}


def _checked(data: bytes | bytearray, start: int, meter: Meter) -> tuple[list[memoryview], int]:
    """Return the pickle at a place, each tuple followed by the order to weigh it, and the place after its end.

    Raises:
        DataError: it asks for more than the limits.
        pickle.UnpicklingError: it is cut short, or has what no such file has.
    """
    view, kept, since, at, long_integers, memory = memoryview(data), [], start, start, 0, 0
    while at < len(data):
        if memory > _STEP:
            meter.take("memory", memory)
            memory = 0
        code = data[at]
        if code in _MADE:
            memory += _MADE[code]
            at += 1
            if code in _TUPLES:
                kept += [view[since:at], _WEIGH]
                since = at
            continue
        end = _end_of_run(data, at, code)
        if end == at and (match := _SIMPLE.match(data, at)):
            end = match.end()
            # Those signs within texts and numbers count as well.
            memory += _LIST * data.count(b"]", at, end) + _DICT * data.count(b"}", at, end)
        if end > at:
            memory += _PER_BYTE * (end - at)
        elif code == _STOP:
            meter.take("memory", memory)
            return [*kept, view[since : at + 1]], at + 1
        elif code == _FRAME:  # its length would be wrong
            end = at + 9
            if end + int.from_bytes(data[at + 1 : end], "little") > len(data):
                break
            kept.append(view[since:at])
            since = end
        else:
            end = _end_of(data, at, code)
            memory += (4 if code in _SIZED else _PER_BYTE) * (end - at)
            long_integers += code in _INTEGERS
            if long_integers > _LONG_INTEGERS:
                raise pickle.UnpicklingError(f"more than {_LONG_INTEGERS} integers of more than 8 bytes")
        at = end
    raise pickle.UnpicklingError("pickle data was truncated")


def _end_of_run(data: bytes | bytearray, at: int, code: int) -> int:
    """Return the place after floating-point numbers in a row, alone or each with a key of one kind and length.

    Curves are such rows, and most of an official file; slices look at hundreds at once.
    """
    if code == _FLOAT:
        signs = data[at : at + 9 * _RUN : 9]
        return at + 9 * min(len(signs) - len(signs.lstrip(b"G")), (len(data) - at) // 9)
    key = _KEYS.get(code, 0)
    same = [(0, code)]
    if code == _TEXT:
        size = data[at + 1] if at + 1 < len(data) else 0
        key = size + 3
        same += [(1, size), (size + 2, _MEMOIZE)]
    if not key or data[at + key : at + key + 1] != b"G":
        return at
    step = key + 9
    same.append((key, _FLOAT))
    count = min(_RUN, (len(data) - at) // step)
    for place, sign in same:
        signs = data[at + place : at + step * count : step]
        count = min(count, len(signs) - len(signs.lstrip(bytes([sign]))))
    return at + step * count


def _end_of(data: bytes | bytearray, at: int, code: int) -> int:
    """Return the place after a value that is not simple; raise ``pickle.UnpicklingError`` for what no such file has."""
    if code in _SIZED:
        end = at + 1 + _SIZED[code] + int.from_bytes(data[at + 1 : at + 1 + _SIZED[code]], "little")
    elif code in _LINES:
        end = at + 1
        for _ in range(_LINES[code]):
            end = data.find(b"\n", end) + 1 or len(data) + 1
        if code == ord("p") and end <= len(data) and int(data[at + 1 : end][:20]) > at:
            raise pickle.UnpicklingError("a number in the memo beyond all that can be there")
    elif code == ord("r"):
        end = at + 5
        if int.from_bytes(data[at + 1 : end], "little") > at:
            raise pickle.UnpicklingError("a number in the memo beyond all that can be there")
    else:
        raise pickle.UnpicklingError(f"unexpected operation {bytes([code])!r}")
    if end > len(data):
        raise pickle.UnpicklingError("pickle data was truncated")
    return end


# Stand-ins --------------------


class _Encode(StandIn):
    """``_codecs.encode``, by which Python 3 writes bytes for Python 2."""

    def __new__(cls, text: str, codec: str) -> Any:
        if codec not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"unexpected codec {shown(codec)}")
        cls.meter.take("memory", len(text))
        return text.encode("latin1")


class _Dtype(StandIn):
    """``numpy.dtype`` of booleans, integers and floats."""

    def __init__(self, code: str, align: int = 0, copy: int = 1) -> None:
        if not re.fullmatch("b1|[iu][1248]|f[248]", code):
            raise pickle.UnpicklingError(f"unexpected type {shown(code)}")
        self.value = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """Take the byte order, the only part of the state that matters to a numeric type."""
        if state[1] not in ("<", ">", "|"):
            raise pickle.UnpicklingError(f"unexpected byte order {shown(state[1])}")
        self.value = self.value.newbyteorder(state[1])


class _Array(StandIn):
    """``numpy.ndarray``: made empty, then given shape, type, order and bytes."""

    def __init__(self, *_: Any) -> None:
        self.value = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        """Copy the bytes; their number must fit the shape."""
        _, shape, dtype, fortran, data = state
        self.meter.take("memory", 2 * len(data))
        values = _from_bytes(data, dtype)
        self.value = (values.reshape(shape[::-1]).T if fortran else values.reshape(shape)).copy()


class _Scalar(StandIn):
    """``numpy.core.multiarray.scalar``, as a plain number."""

    def __new__(cls, dtype: _Dtype, data: Any) -> Any:
        if len(data) > _NUMBER:
            raise pickle.UnpicklingError(f"a number of {len(data)} bytes")
        return _from_bytes(data, dtype).item()


def _from_bytes(data: Any, dtype: _Dtype) -> np.ndarray[Any, Any]:
    return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, dtype.value)


_NUMBER = 8  # bytes of the longest
_STAND_INS: StandIns = {
    ("_codecs", "encode"): _Encode,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("numpy._core.multiarray", "scalar"): _Scalar,
}
