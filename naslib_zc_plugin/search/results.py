"""What an experiment found: the best of each repeat, and how each repeat got there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.search.columns import column
from naslib_zc_plugin.search.config import Search
from naslib_zc_plugin.search.journal import Entry
from naslib_zc_plugin.search.recorder import goes_on
from naslib_zc_plugin.strategies import preset

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Repeat:
    """One repeat of a search.

    Attributes:
        number: from 0.
        entries: its evaluations, as far as the budget goes.
        leaders: by step, the step whose architecture was the best so far; −1 before there is one.
        values: title of the report → by step, the number of that step's architecture; NaN where there is none.
    """

    number: int
    entries: Sequence[Entry]
    leaders: NDArray[np.intp]
    values: Mapping[str, Floats]

    @property
    def best(self) -> Entry | None:
        """The evaluation that won."""
        return self.entries[self.leaders[-1]] if len(self.leaders) and self.leaders[-1] >= 0 else None

    @property
    def best_after(self) -> int:
        """How many evaluations it took until the winner was among them; 0 where there is none."""
        return int(self.leaders[-1]) + 1 if len(self.leaders) else 0

    def found(self, title: str) -> float:
        """What the report tells of the best architecture; NaN where there is nothing."""
        return float(self.values[title][self.leaders[-1]]) if self.best else math.nan

    def seconds(self) -> float:
        """Of the whole repeat."""
        return self.entries[-1].clock if self.entries else 0.0


@dataclass(frozen=True, eq=False)
class Result:
    """A search and its repeats; ``repeats`` holds those that were begun."""

    search: Search
    repeats: Sequence[Repeat]

    def counts(self) -> tuple[int, int]:
        """Evaluations of all repeats, and those without a fitness."""
        entries = [entry for repeat in self.repeats for entry in repeat.entries]
        return len(entries), sum(entry.fitness is None for entry in entries)

    def complete(self) -> bool:
        """Whether every repeat has used its budget up."""
        return len(self.repeats) == self.search.repeats and not any(
            goes_on(self.search.budget, len(repeat.entries), repeat.seconds()) for repeat in self.repeats
        )


def results(
    searches: Sequence[Search], histories: Mapping[str, Mapping[int, Sequence[Entry]]], data: str | Path | None
) -> list[Result]:
    """The results of searches from what was recorded.

    Raises:
        ValueError: a column of a report that the benchmark does not have.
        DataError: the benchmark cannot be read.
    """
    found = []
    for search in searches:
        recorded = histories.get(search.label, {})
        repeats = []
        for number in range(search.repeats):
            entries = _within(search, recorded.get(number, ()))
            if entries:
                values = {title: _values(search, name, entries, data) for title, name in search.report.items()}
                repeats.append(Repeat(number, entries, _leaders(entries, _start(search)), values))
        found.append(Result(search, repeats))
    return found


def _within(search: Search, entries: Sequence[Entry]) -> list[Entry]:
    """As far as the budget goes; the journal may hold more, of a larger one."""
    clocks = [0.0, *(entry.clock for entry in entries)]
    return [entry for step, entry in enumerate(entries) if goes_on(search.budget, step, clocks[step])]


def _start(search: Search) -> float:
    usual = preset(search.strategy["preset"]).get(search.strategy["name"], {}) if "preset" in search.strategy else {}
    start = {**usual, **search.strategy}.get("start")
    return -math.inf if start is None else float(start)


def _leaders(entries: Sequence[Entry], start: float) -> NDArray[np.intp]:
    leaders, leader, highest = [], -1, start
    for step, entry in enumerate(entries):
        if entry.fitness is not None and entry.fitness > highest:
            leader, highest = step, entry.fitness
        leaders.append(leader)
    return np.array(leaders, dtype=np.intp)


def _values(search: Search, name: str, entries: Sequence[Entry], data: str | Path | None) -> Floats:
    """By step, what the evaluator told by that name, or else the number in the benchmark's column."""
    if any(name in entry.told for entry in entries):
        return np.array([entry.told.get(name, math.nan) for entry in entries])
    numbers = column(name, search.space, data)
    return np.array([numbers.get(entry.key, math.nan) for entry in entries])
