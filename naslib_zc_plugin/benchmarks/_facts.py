"""What must hold for the columns of any benchmark's table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.benchmarks._benchmark import Measure
from naslib_zc_plugin.files import DataError

if TYPE_CHECKING:
    import pyarrow

_UPPER = {"%": 100.0, "fraction": 1.0}
_PRINTED = 5e-4
"""How far a number may be from one that is printed with three decimals."""


def column(path: Path, table: pyarrow.Table, name: str) -> Any:
    """The column of that name, of which there is one.

    Raises:
        DataError: there is none, or several.
    """
    if table.column_names.count(name) != 1:
        raise DataError(path, f"one column {name!r}", f"columns {', '.join(table.column_names)}")
    return table.column(name)


def numbers(path: Path, table: pyarrow.Table, name: str, measure: Measure) -> NDArray[np.float64]:
    """The column as float64, NaN where there is no number.

    Raises:
        DataError: no numbers, a gap where the measure has none, or a number outside of its unit's range.
    """
    found = column(path, table, name)
    plain = found.to_numpy()
    if plain.dtype.kind not in "iuf":
        raise DataError(path, f"{name!r} as a column of numbers", f"type {found.type}")
    values: NDArray[np.float64] = plain.astype(np.float64)
    missing = int(np.isnan(values).sum())
    if missing and not measure.gaps:
        raise DataError(path, f"{name!r} of every architecture", f"{missing} without")
    present = values[~np.isnan(values)]
    upper = _UPPER.get(measure.unit, np.finfo(float).max)
    if present.size and (present.min() < 0 or present.max() > upper):
        expected = f"{name!r} in 0..{upper:g}" if measure.unit in _UPPER else f"{name!r} finite and not below 0"
        raise DataError(path, expected, f"{present.min():g}..{present.max():g}")
    return values


def check_best(path: Path, values: Mapping[str, NDArray[np.float64]], best: Mapping[str, tuple[int, float]]) -> None:
    """Each column of ``best`` has the known maximum in the known row.

    Another row may share the first place, and be ahead by the last digit of a mean.

    Raises:
        DataError: one has another.
    """
    for name, (row, value) in best.items():
        first = int(np.nanargmax(values[name]))
        if max(abs(values[name][row] - value), abs(values[name][first] - value)) > _PRINTED:
            raise DataError(path, f"the best {name!r} to be {value} at {row}", f"{values[name][first]:.3f} at {first}")
