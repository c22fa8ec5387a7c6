"""Proxies side by side: who agrees with the accuracies, by how much, on how many architectures, and whom they pick."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

from .aggregates import Aggregate, upward, vote
from .board import Board, Options, Row, Vote
from .bootstrap import Floats, Indices
from .statistics import agreement
from .top import selected, top


def leaderboard(
    table: ScoreTable,
    truth: Mapping[str, float],
    truth_name: str = "accuracy",
    options: Options | None = None,
    units: Mapping[str, float] | None = None,
    command: str = "",
) -> Board:
    """Compare the proxies of a table by their agreement with accuracies.

    Args:
        table: the scores. Architectures without a finite accuracy are left out and counted.
        truth: accuracy by architecture, higher better (negate a perplexity).
        truth_name: what it is.
        options: see there.
        units: cost of one score by label, for display; labels may be left out.
        command: what makes this board again, for display.

    Raises:
        ValueError: no architecture has an accuracy, an aggregate of columns that are not there, or options out of
            range.
    """
    options = options or Options()
    compared, accuracies = matched(table, truth, truth_name)
    if options.positive:
        columns = {label: positive(column) for label, column in compared.columns.items()}
        compared = replace(compared, columns=columns)
    given = {a.label: a.column(compared) for a in options.aggregates if a.kind != "vote"}
    rows = [
        _row(label, column, compared.keys, accuracies, options, (units or {}).get(label))
        for label, column in {**compared.columns, **given}.items()
    ]
    votes = [_vote(a, compared, accuracies) for a in options.aggregates if a.kind == "vote"]
    span = float(accuracies.min()), float(accuracies.max())
    untrained = len(table) - len(compared)
    rows.sort(key=_place)
    return Board(table.name, truth_name, rows, votes, len(compared), untrained, span, options, table.facts, command)


def matched(table: ScoreTable, truth: Mapping[str, float], truth_name: str = "accuracy") -> tuple[ScoreTable, Floats]:
    """The architectures of a table that have a finite accuracy, and that.

    Raises:
        ValueError: there are none.
    """
    accuracies = np.array([truth.get(key, math.nan) for key in table.keys], dtype=np.float64)
    known = np.flatnonzero(np.isfinite(accuracies))
    if not len(known):
        raise ValueError(f"{table.name}: {truth_name} is known of no architecture; take that of its search space")
    columns = {label: _part(table[label], known) for label in table}
    return ScoreTable(table.name, [table.keys[i] for i in known.tolist()], columns, table.facts), accuracies[known]


def _part(column: Column, chosen: Indices) -> Column:
    return replace(column, values=column.values[chosen], status=column.status[chosen], seconds=column.seconds[chosen])


def positive(column: Column) -> Column:
    """The column with scores that are not above zero undefined."""
    refused = column.values <= 0
    status = np.where(refused, STATUSES.index("undefined"), column.status).astype(np.uint8)
    return replace(column, values=np.where(refused, np.nan, column.values), status=status)


def _row(
    label: str, column: Column, keys: Sequence[str], accuracies: Floats, options: Options, units: float | None
) -> Row:
    seconds = column.seconds[np.isfinite(column.seconds)]
    made = judged(column)
    values, truth = upward(column)[made], accuracies[made]
    asked: dict[str, Any] = {"undefined": options.undefined, "resamples": options.resamples, "seed": options.seed}
    pick = selected(upward(column), accuracies)
    return Row(
        label,
        column,
        agreement(values, truth, **asked),
        top(values, truth, share=options.share, **asked),
        pick,
        tuple(keys[i] for i in pick.positions) if pick else (),
        float(np.median(seconds)) if len(seconds) else None,
        units,
    )


def judged(column: Column) -> npt.NDArray[np.bool_]:
    """Where a score was made, be it undefined."""
    return np.isin(column.status, [STATUSES.index("ok"), STATUSES.index("undefined")])


def _vote(aggregate: Aggregate, table: ScoreTable, accuracies: Floats) -> Vote:
    columns = [table[label] for label in aggregate.members]
    made = np.all([judged(column) for column in columns], axis=0)
    scores, n = [upward(column)[made] for column in columns], int(np.count_nonzero(made))
    undefined = int(np.count_nonzero(np.isnan(scores).any(axis=0)))
    return Vote(aggregate.label, vote(scores, accuracies[made]), n, undefined, len(table) - n)


def _place(row: Row) -> tuple[bool, float, str]:
    rho = row.agreement.spearman.value
    return rho is None, -(rho or 0.0), row.label
