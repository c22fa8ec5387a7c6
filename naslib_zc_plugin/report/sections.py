"""Parts of pages about one table: agreement with what training gave, columns beside each other, their components."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Optional

import numpy as np

from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

from .aggregates import upward
from .components import components
from .heatmap import Similarity
from .leaderboard import judged, matched
from .published import difference, interval, markdown
from .statistics import agreement

Printed = tuple[Optional[float], Optional[float], Optional[float]]
"""Kendall's τ, Pearson's r and Spearman's ρ of a paper."""


def chosen(table: ScoreTable, labels: Sequence[str], without: Collection[str] = ()) -> ScoreTable:
    """Some columns of a table, ``without`` some architectures.

    Raises:
        ValueError: the table lacks a column.
    """
    kept = [place for place, key in enumerate(table.keys) if key not in without]
    columns = {
        label: replace(column, values=column.values[kept], status=column.status[kept], seconds=column.seconds[kept])
        for label, column in ((label, table[label]) for label in labels)
    }
    return ScoreTable(table.name, [table.keys[place] for place in kept], columns, table.facts)


def with_columns(table: ScoreTable, numbers: Mapping[str, Mapping[str, float]]) -> ScoreTable:
    """A table with further columns of plain numbers, higher better, undefined where an architecture has none."""
    made = {}
    for label, known in numbers.items():
        values = np.array([known.get(key, np.nan) for key in table.keys], dtype=np.float64)
        there = np.where(np.isfinite(values), STATUSES.index("ok"), STATUSES.index("undefined")).astype(np.uint8)
        made[label] = Column(label, 1, True, values, there, np.full(len(values), np.nan))
    return ScoreTable(table.name, table.keys, {**table.columns, **made}, table.facts)


def repeated(table: ScoreTable, keys: Mapping[str, str]) -> ScoreTable:
    """A table whose rows are trainings: name of a training → architecture; those that the table lacks are left out."""
    places = {key: place for place, key in enumerate(table.keys)}
    named = [(name, places[key]) for name, key in keys.items() if key in places]
    rows = [place for _, place in named]
    columns = {
        label: replace(each, values=each.values[rows], status=each.status[rows], seconds=each.seconds[rows])
        for label, each in table.columns.items()
    }
    return ScoreTable(table.name, [name for name, _ in named], columns, table.facts)


def agreements(
    table: ScoreTable, truth: Mapping[str, float], printed: Mapping[str, Printed] | None = None, resamples: int = 1000
) -> str:
    """A table with a row per column: Kendall's τ, Pearson's r and Spearman's ρ beside printed ones.

    Args:
        table: the scores.
        truth: by architecture, higher better.
        printed: by label; the others have none.
        resamples: of the intervals.
    """
    compared, accuracies = matched(table, truth)
    rows = []
    for label, column in compared.columns.items():
        made = judged(column)
        found = agreement(upward(column)[made], accuracies[made], resamples=resamples)
        row = [label, f"{found.n:,}", f"{found.undefined:,}"]
        theirs = (printed or {}).get(label, (None, None, None))
        for value, estimate in zip(theirs, (found.kendall, found.pearson, found.spearman)):
            row += ["–" if value is None else f"{value:g}", interval(estimate), difference(value, estimate)]
        rows.append(row)
    triples = [cell for sign in "τrρ" for cell in (f"{sign} printed", sign, "difference")]
    return markdown(["", "N", "undefined", *triples], rows)


def beside_each_other(found: Similarity) -> str:
    """A coefficient between all columns, with N where it is not that of all architectures."""
    rows = []
    for label, values, counts in zip(found.labels, found.values, found.n):
        cells = ["–" if np.isnan(value) else f"{value:.2f}" for value in values]
        few = [f" ({count:,})" if count < found.n.max() else "" for count in counts.tolist()]
        rows.append([label, *(cell + count for cell, count in zip(cells, few))])
    return markdown(["", *found.labels], rows)


def shares(table: ScoreTable, labels: Sequence[str], resamples: int = 1000) -> str:
    """Principal components of columns, standardised and as they are: what each component has of the variance."""
    rows = []
    for standardised in (True, False):
        found = components(table, labels, standardised=standardised, resamples=resamples)
        others = ", ".join(f"{share:.1%}" for share in found.shares[1:])
        loadings = ", ".join(f"{label} {weight:+.2f}" for label, weight in zip(found.labels, found.loadings[0]))
        share = interval(found.first)
        how = "standardised" if standardised else "as they are"
        rows.append([how, f"{found.n:,}", f"{found.left_out:,}", share, others.replace("%", " %"), loadings])
    header = ["columns", "N", "left out", "share of the first", "of the others", "loadings of the first"]
    return markdown(header, rows)
