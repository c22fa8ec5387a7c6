"""Score tables made by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Union

import numpy as np

from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

Entry = Union[float, str]
"""A score, or the status of one that is not there."""

FACTS: dict[str, Any] = {
    "space": "nasbench201",
    "network": {"C": 16, "N": 5},
    "preset": "naslib",
    "images": {"name": "cifar10.npz", "sha256": "c0ffee"},
    "dataset": "cifar10",
    "seed": 7,
    "torch": "2.13.0",
    "command": "nas-zc score configs/a.yaml",
}


def column(
    entries: Sequence[Entry],
    proxy: str = "p",
    up: bool = True,
    seconds: Sequence[float] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Column:
    """A column of scores, and of statuses where there are none."""
    status = [STATUSES.index(entry) if isinstance(entry, str) else 1 for entry in entries]
    values = [math.nan if isinstance(entry, str) else entry for entry in entries]
    known = [math.nan] * len(entries) if seconds is None else list(seconds)
    return Column(proxy, 1, up, np.array(values), np.array(status, dtype=np.uint8), np.array(known), options or {})


def table(columns: Mapping[str, Column], keys: Sequence[str] = (), facts: Mapping[str, Any] = FACTS) -> ScoreTable:
    """A table of them; keys are numbered unless given."""
    length = len(next(iter(columns.values())).values)
    return ScoreTable("trial", keys or [f"arch{i}" for i in range(length)], columns, facts)
