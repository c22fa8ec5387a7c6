"""Read pickles of plain values and numeric numpy arrays; refuse all others.

Some official files exist as pickles only, and a pickle may name any function to call. Here the few names that
numpy's arrays need stand for the inert classes below, which check their arguments and copy bytes; any other name is
refused before anything is called. The file cannot reach even numpy's own constructors. A reader of files that
need a few more names adds stand-ins of its own.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from naslib_zc_plugin.files import DataError

_EXPECTED = "a pickle of plain values and numeric arrays"


class StandIn:
    """Base of all stand-ins.

    A stand-in receives the arguments that the file gives to a name, and makes a plain value of them; it calls nothing
    that the file chooses, and raises ``pickle.UnpicklingError`` for arguments that it does not expect.
    """

    def __setstate__(self, state: Any) -> None:
        """Refuse any state; without this method the file could set attributes."""
        raise pickle.UnpicklingError("unexpected state")


StandIns = Mapping[tuple[str, str], type[StandIn]]


def read_pickle(path: str | Path, stream: BinaryIO | None = None, also: StandIns | None = None) -> Any:
    """Return the object in a pickle, with arrays at the top level or as values of a top-level dict.

    Texts of Python 2 are decoded as Latin-1.

    Args:
        path: the file; with ``stream``, its name in messages.
        stream: read instead of opening the file, and left after the pickle's end.
        also: stand-ins, by module and name, for further names that this format needs.

    Returns:
        Plain values and numeric arrays.

    Raises:
        DataError: the file is damaged, is no pickle, or names anything else.
    """
    try:
        with Path(path).open("rb") if stream is None else nullcontext(stream) as file:
            value = _Unpickler(file, also or {}).load()
    except Exception as error:  # damaged pickles raise nearly anything, see the pickle module's documentation
        raise DataError(path, _EXPECTED, f"{type(error).__name__}: {error}") from error
    if type(value) is dict:
        return {name: _array(item) for name, item in value.items()}
    return _array(value)


def _array(value: Any) -> Any:
    return value.value if isinstance(value, _Array) else value


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, also: StandIns) -> None:
        super().__init__(file, encoding="latin1")
        self._also = also

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name."""
        found = self._also.get((module, name)) or _STAND_INS.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}")
        return found


class _Encode(StandIn):
    """``_codecs.encode``, by which Python 3 writes bytes for Python 2."""

    def __new__(cls, text: str, codec: str) -> Any:
        if codec not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"unexpected codec {codec!r}")
        return text.encode("latin1")


class _Dtype(StandIn):
    """``numpy.dtype`` of booleans, integers and floats."""

    def __init__(self, code: str, align: int = 0, copy: int = 1) -> None:
        if not re.fullmatch("b1|[iu][1248]|f[248]", code):
            raise pickle.UnpicklingError(f"unexpected type {code!r}")
        self.value = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """Take the byte order, the only part of the state that matters to a numeric type."""
        if state[1] not in ("<", ">", "|"):
            raise pickle.UnpicklingError(f"unexpected byte order {state[1]!r}")
        self.value = self.value.newbyteorder(state[1])


class _Array(StandIn):
    """``numpy.ndarray``: made empty, then given shape, type, order and bytes."""

    def __init__(self, *_: Any) -> None:
        self.value = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        """Copy the bytes; their number must fit the shape."""
        _, shape, dtype, fortran, data = state
        values = _from_bytes(data, dtype)
        self.value = (values.reshape(shape[::-1]).T if fortran else values.reshape(shape)).copy()


class _Scalar(StandIn):
    """``numpy.core.multiarray.scalar``, as a plain number."""

    def __new__(cls, dtype: _Dtype, data: Any) -> Any:
        return _from_bytes(data, dtype).item()


def _from_bytes(data: Any, dtype: _Dtype) -> np.ndarray[Any, Any]:
    return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, dtype.value)


_STAND_INS: StandIns = {
    ("_codecs", "encode"): _Encode,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("numpy._core.multiarray", "scalar"): _Scalar,
}
