"""Printed tables made again: scores of each row, its measures, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from naslib_zc_plugin.protocols import EPSILON_WEIGHTS
from naslib_zc_plugin.reproduce.measures import Numbers, estimates, search_estimates
from naslib_zc_plugin.reproduce.printed import (
    INSIDE,
    MISSING,
    NOT_TO_BE_HAD,
    OUTSIDE,
    ComparedNumber,
    OurNumber,
    PrintedRow,
    judged,
    printed_table,
)
from naslib_zc_plugin.reproduce.sources import Floats, Sources

_FEW = "networks of this part are scored, fewer than ten"
_DRAWS = 2000


class Tables:
    """Tables from scores.

    Args:
        sources: of scores and accuracies.
        resamples: of the intervals.
        runs: of each evolution.
    """

    def __init__(self, sources: Sources, resamples: int = 1000, runs: int = 60) -> None:
        self._sources, self._resamples, self._runs = sources, resamples, runs
        self.cells = lru_cache(None)(self._cells)
        self._known: dict[tuple[object, ...], tuple[str, Numbers]] = {}

    def _cells(self, table: str) -> tuple[ComparedNumber, ...]:
        """Return the cells of a table, in its order."""
        return tuple(cell for row in printed_table(table) for cell in self._row(row))

    def _row(self, row: PrintedRow) -> Iterator[ComparedNumber]:
        source, found = self._numbers(row)
        for measure in row.printed:
            ours = found.get(measure, OurNumber(None, reason=source))
            yield judged(row, measure, ours, source)

    def _numbers(self, row: PrintedRow) -> tuple[str, Numbers]:
        """Return where a row's numbers come from, and the numbers."""
        if missing := row.options.get("missing"):
            absent = OurNumber(None, reason=MISSING[missing], verdict=NOT_TO_BE_HAD)
            return "", dict.fromkeys(row.printed, absent)
        if "weights" in row.printed:
            return "protocols", {"weights": self._weights(row)}
        if compared := row.options.get("ranks"):
            return f"τ of {compared}", {"rank": self._rank(row, compared)}
        place = (row.campaigns, row.label, row.truth, tuple(row.options.items()), tuple(row.printed))
        if place not in self._known:
            self._known[place] = self._made(row)
        return self._known[place]

    def _made(self, row: PrintedRow) -> tuple[str, Numbers]:
        scored = self._sources.scored(row)
        if scored is None:
            name = row.campaigns[-1].partition("+")[0].rstrip("*")
            return f"no scores of {row.label}: nas-zc score configs/{name}.yaml", {}
        if len(scored.keys) < 10:
            return f"{scored.source}: {len(scored.keys)} {_FEW}", {}
        if kind := row.options.get("search"):
            size = len(self._sources.benchmark("nasbench201"))
            if len(scored.keys) < size:
                return f"{scored.source}: {len(scored.keys):,} of {size:,} networks have scores by {row.label}", {}
            validation = row.truth.replace("_half_train", "").replace("_test_", "_val_")
            reported = {"validation": validation, "test": row.truth}
            accuracies = {name: self._sources.truth("nasbench201", column) for name, column in reported.items()}
            scores = dict(zip(scored.keys, scored.values.tolist()))
            found = search_estimates(kind, scores, accuracies, self._runs, noise=scored.noise)
            absent = OurNumber(None, reason=MISSING["hardware"], verdict=NOT_TO_BE_HAD)
            return scored.source, {**found, "seconds": absent}
        return scored.source, estimates(scored, list(row.printed), row.options, self._resamples)

    def _weights(self, row: PrintedRow) -> OurNumber:
        """Compare a pair of weights with that of the code."""
        printed = {float(text) for text in row.printed["weights"].split("/")}
        ours = set(EPSILON_WEIGHTS[row.label])
        text = " and ".join(f"{weight:g}" for weight in sorted(ours))
        return OurNumber(None, reason=f"ours: {text}", verdict=INSIDE if printed == ours else OUTSIDE)

    def _rank(self, row: PrintedRow, compared: str) -> OurNumber:
        """Rank a row's method among those of another table by Kendall's tau, the mean over its parts."""
        names, ranks, drawn = self._ranks(compared)
        if row.row not in names:
            return OurNumber(None, reason=f"{compared} has no τ of {row.row}")
        place = names.index(row.row)
        low, high = np.quantile(drawn[:, place], [0.025, 0.975]).tolist()
        return OurNumber(float(ranks[place]), low, high)

    def _ranks(self, compared: str) -> tuple[list[str], Sequence[float], Floats]:
        """Return methods, their mean ranks, and those of coefficients drawn from their intervals.

        The draws are normal and independent; methods that err together would keep their order more often.
        """
        from scipy.stats import rankdata

        by_part: dict[str, dict[str, OurNumber]] = {}
        for cell in self.cells(compared):
            by_part.setdefault(cell.row.part, {})[cell.row.row] = cell.ours
        parts = list(by_part.values())
        names = [name for name in parts[0] if all(name in part and part[name].value is not None for part in parts)]
        rng = np.random.default_rng(0)
        values = np.array([[part[name].value for name in names] for part in parts], dtype=np.float64)
        spread = np.array([[_deviation(part[name]) for name in names] for part in parts])
        draws = values + spread * rng.standard_normal((_DRAWS, *values.shape))
        ranks = rankdata(-values, method="dense", axis=1).mean(axis=0)
        return names, ranks.tolist(), rankdata(-draws, method="dense", axis=2).mean(axis=1)


def _deviation(estimate: OurNumber) -> float:
    assert estimate.low is not None and estimate.high is not None
    return (estimate.high - estimate.low) / (2 * 1.96)
