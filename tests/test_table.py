"""Tables of scores in memory."""

from __future__ import annotations

import numpy as np
import pytest

from naslib_zc_plugin.table import STATUSES, Column, ScoreTable


def test_a_table_counts_and_names_its_columns() -> None:
    codes = [STATUSES.index(name) for name in ("ok", "failed", "pending", "ok")]
    values = np.array([1.0, np.nan, np.nan, 1e61])
    column = Column("snip", 1, True, values, np.array(codes, dtype=np.uint8), np.full(4, np.nan))
    table = ScoreTable("mine", ["a", "b", "c", "d"], {"edge": column, "other": column})
    assert {name: column.count(name) for name in STATUSES} == {"pending": 1, "ok": 2, "undefined": 0, "failed": 1}
    assert len(table) == 4 and list(table) == ["edge", "other"] and table["edge"] is column
    with pytest.raises(ValueError, match="mine has no scores called 'snip'; it has edge, other"):
        table["snip"]
    with pytest.raises(ValueError, match="not in tuple"):
        column.count("splendid")


def test_codes_of_statuses_are_part_of_the_stores_format() -> None:
    assert STATUSES == ("pending", "ok", "undefined", "failed")
