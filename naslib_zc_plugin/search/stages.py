"""What the best so far is worth after so many evaluations or seconds, as a table: budgets compared in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.report.sheet import Sheet
from naslib_zc_plugin.search.config import Curve
from naslib_zc_plugin.search.progress import drawn, series, summary
from naslib_zc_plugin.search.results import Floats, Repeat, Result


def on_the_way(results: Sequence[Result], curve: Curve) -> Sheet:
    """What the best so far is worth at the places that a curve names."""
    body = []
    for label, table, counts in stages(results, curve):
        runs = next(len(result.repeats) for result in results if result.search.label == label)
        body.append([label, *(_stage(row, count, runs, curve) for row, count in zip(table, counts))])
    what = f"{curve.of or 'fitness'}, {'the highest so far' if curve.best == 'highest' else 'of the best so far'}"
    band = "median [quartiles]" if curve.centre == "median" else "mean ± population standard deviation"
    note = f"{what[0].upper()}{what[1:]}: {band} over the runs."
    return Sheet(f"After so many {curve.over}", ["search", *(f"{at:,}" for at in curve.at)], body, notes=[note])


def stages(results: Sequence[Result], curve: Curve) -> list[tuple[str, Floats, NDArray[np.intp]]]:
    """By search: at each of ``curve.at``, middle and ends of the band, and how many repeats have a number there."""
    found = []
    for _, result in drawn(results, replace(curve, panels={})):
        table = np.array([_at(repeat, curve) for repeat in result.repeats])
        found.append((result.search.label, np.array(summary(table, curve.centre)).T, (~np.isnan(table)).sum(axis=0)))
    return found


def _at(repeat: Repeat, curve: Curve) -> Floats:
    """The number of the best so far at each of ``curve.at``; NaN where the repeat did not get there."""
    values = series(repeat, curve)
    if curve.over == "evaluations":
        return np.array([values[int(at) - 1] if at <= len(values) else np.nan for at in curve.at])
    clock = np.array([entry.clock for entry in repeat.entries])
    steps = np.searchsorted(clock, np.array(curve.at), side="right") - 1
    return np.where((steps >= 0) & (np.array(curve.at) <= clock[-1]), values[steps], np.nan)


def _stage(row: Floats, count: int, runs: int, curve: Curve) -> str:
    middle, low, high = row
    if not count:
        return "–"
    of = f" ({count} of {runs} runs)" if count < runs else ""
    if curve.centre == "median":
        return f"{middle:.2f} [{low:.2f}, {high:.2f}]{of}"
    return f"{middle:.2f} ± {high - middle:.2f}{of}"
