"""What one score says: its place among the scores of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from naslib_zc_plugin.table import Column


@dataclass(frozen=True)
class Standing:
    """The place of a score among ``n`` defined ones.

    Attributes:
        percentile: percent of them that are worse, with those that are equal counted half; None without any.
        better: how many are better.
        equal: how many are equal.
        n: how many are defined.
        undefined: how many are undefined, which have no part in the percentile.
        failed: how many failed.
        left: how many are not scored yet.
    """

    percentile: float | None
    better: int
    equal: int
    n: int
    undefined: int
    failed: int
    left: int


def standing(value: float, column: Column) -> Standing:
    """Where a value of the column's proxy stands among the column's, whatever the proxy's direction.

    The value has to come from the same version, options and protocol as the column, which is not checked here.

    Raises:
        ValueError: the value is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place among scores: an undefined score has no percentile")
    values = column.values[np.isfinite(column.values)]
    above, equal = int(np.count_nonzero(values > value)), int(np.count_nonzero(values == value))
    below = len(values) - above - equal
    worse, better = (below, above) if column.higher_is_better else (above, below)
    percentile = 100 * (worse + equal / 2) / len(values) if len(values) else None
    unscored = (column.count(status) for status in ("undefined", "failed", "left"))
    return Standing(percentile, better, equal, len(values), *unscored)
