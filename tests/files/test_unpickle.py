"""Pickles of plain values, arrays, and what a reader adds; hostile ones are tried where probes are read from them."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.files import DataError, unpickle


def dumped(path: Path, value: Any, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12, dtype=">i4").reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(24, dtype=np.float16).reshape(2, 3, 4).transpose(2, 0, 1),
        np.array([True, False]),
        np.array(3),
        np.float64(2.5),
        np.int16(-3),
        {"a": [1, 2.0, None, True, "ü", b"\xff", (3,)]},
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_plain_values_and_arrays_come_back(tmp_path: Path, value: Any, protocol: int) -> None:
    found = unpickle.read_pickle(dumped(tmp_path / "value", value, protocol))
    np.testing.assert_array_equal(found, value)
    if isinstance(value, np.ndarray):
        assert (found.dtype, found.shape) == (value.dtype, value.shape)


def test_objects_in_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unexpected type 'O8'"):
        unpickle.read_pickle(dumped(tmp_path / "objects", np.array([None, {}], dtype=object)))


class Money(unpickle.StandIn):
    """``decimal.Decimal``, from its text."""

    def __new__(cls, text: str) -> Any:
        return round(100 * float(text))


STAND_INS = {("decimal", "Decimal"): Money}


def test_a_reader_adds_stand_ins_of_its_own(tmp_path: Path) -> None:
    path = dumped(tmp_path / "value", {"price": Decimal("2.35"), "array": np.arange(3)})
    with pytest.raises(DataError, match="a pickle of plain values.*; found .*asks for decimal.Decimal"):
        unpickle.read_pickle(path)
    found = unpickle.read_pickle(path, also=STAND_INS)
    assert found["price"] == 235 and found["array"].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="asks for collections.OrderedDict"):
        unpickle.read_pickle(dumped(path, OrderedDict()), also=STAND_INS)


def test_a_stand_in_takes_no_state(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"cdecimal\nDecimal\nN}V__new__\nK\x01s\x86b.")
    with pytest.raises(DataError, match="TypeError"):
        unpickle.read_pickle(path, also=STAND_INS)
    assert unpickle.read_pickle(dumped(path, Decimal("1.5")), also=STAND_INS) == 150  # nothing has changed


def test_a_stream_is_read_pickle_by_pickle_and_to_its_end() -> None:
    both = pickle.dumps([1]) + pickle.dumps({"a": 2})
    assert unpickle.read_pickles("both", 2, io.BytesIO(both)) == [[1], {"a": 2}]
    with pytest.raises(DataError, match="both: expected a pickle.*truncated"):
        unpickle.read_pickles("both", 3, io.BytesIO(both))
    with pytest.raises(DataError, match="both: expected a pickle.*more after the pickle, 21 bytes"):
        unpickle.read_pickle("both", io.BytesIO(both))
