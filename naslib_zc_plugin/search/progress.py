"""How searches come along: a number of the best so far, over evaluations or seconds, for all repeats together."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from naslib_zc_plugin.report.curves import Line
from naslib_zc_plugin.search.config import Curve
from naslib_zc_plugin.search.results import Floats, Repeat, Result

_POINTS = 400


def lines(results: Sequence[Result], curve: Curve) -> list[Line]:
    """A line for each search that has evaluations and what the curve is of."""
    found = []
    for panel, result in drawn(results, curve):
        places, table = _table(result.repeats, curve)
        found.append(Line(result.search.label, places, *summary(table, curve.centre), panel))
    return found


def drawn(results: Sequence[Result], curve: Curve) -> Iterator[tuple[str, Result]]:
    """What has a line, and the title of its panel."""
    there = {r.search.label: r for r in results if not curve.of or curve.of in r.search.report}
    for title, patterns in curve.panels.items() or [("", ["*"])]:
        for label, result in there.items():
            if result.repeats and any(fnmatch.fnmatchcase(label, pattern) for pattern in patterns):
                yield title, result


def series(repeat: Repeat, curve: Curve) -> Floats:
    """By step, the number of the best so far; NaN before there is one."""
    fitness = np.array([np.nan if entry.fitness is None else entry.fitness for entry in repeat.entries])
    values = repeat.values[curve.of] if curve.of else fitness
    if curve.best == "highest":
        return np.fmax.accumulate(values)
    return np.where(repeat.leaders >= 0, values[repeat.leaders], np.nan)


def _table(repeats: Sequence[Repeat], curve: Curve) -> tuple[Floats, Floats]:
    """Places on the axis, and the numbers there: repeats × places."""
    values = [series(repeat, curve) for repeat in repeats]
    if curve.over == "evaluations":
        length = min(map(len, values))
        return np.arange(1.0, length + 1), np.array([each[:length] for each in values])
    clocks = [np.array([entry.clock for entry in repeat.entries]) for repeat in repeats]
    places = np.linspace(0, max(clock[-1] for clock in clocks), _POINTS)
    steps = [np.searchsorted(clock, places, side="right") - 1 for clock in clocks]
    return places, np.array([np.where(at >= 0, each[at], np.nan) for each, at in zip(values, steps)])


def summary(table: Floats, centre: str) -> tuple[Floats, Floats, Floats]:
    """The middle and the ends of the band, over the repeats that have a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # places that no repeat has reached stay empty
        if centre == "median":
            low, middle, high = np.nanquantile(table, [0.25, 0.5, 0.75], axis=0)
            return middle, low, high
        middle, spread = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
    return middle, middle - spread, middle + spread
