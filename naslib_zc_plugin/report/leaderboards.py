"""Leaderboards: proxies side by side, with their agreement, the counts behind it, and the network that each selects.

:func:`leaderboard` compares the proxies of one score table, :func:`mean_ranks` those of several.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.aggregates import Aggregate, Share, oriented, ranked_scores
from naslib_zc_plugin.report.correlations import Agreement, Floats, UndefinedRank, agreement
from naslib_zc_plugin.report.selection import SHARE, Selected, Top, selected, top
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable


@dataclass(frozen=True)
class LeaderboardOptions:
    """The options of a leaderboard.

    Attributes:
        aggregates: columns joined into rows of their own, some also into a share of pairs.
        undefined: rank of undefined scores. Failed ones and pending architectures have no rank.
        positive: count scores that are not above zero as undefined, as epsilon's evaluation does on NAS-Bench-101 and
            NAS-Bench-NLP (and not on NAS-Bench-201).
        share: of the architectures that are the best.
        resamples: of the 95 % intervals; 0 for none.
        seed: of the resamples.
    """

    aggregates: Sequence[Aggregate] = ()
    undefined: UndefinedRank = "drop"
    positive: bool = False
    share: float = SHARE
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class ProxyRow:
    """One proxy of a leaderboard.

    Attributes:
        label: of its column.
        column: its scores of the leaderboard's architectures.
        agreement: with all accuracies.
        top: the same among the best.
        selected: the network of its best score; None where none is defined.
        networks: the key of that network, or the keys of all that share the best score.
        seconds: median of the scores whose cost is known; None where none is.
        units: cost of one score in a unit of the caller's choice.
    """

    label: str
    column: Column
    agreement: Agreement
    top: Top
    selected: Selected | None
    networks: tuple[str, ...]
    seconds: float | None
    units: float | None = None


@dataclass(frozen=True)
class Vote:
    """A majority of proxies: the share of pairs that it orders correctly, over ``n`` architectures.

    In ``undefined`` of them a member's score is undefined, which votes minus; ``unscored`` more are failed or pending.
    """

    label: str
    share: float
    n: int
    undefined: int
    unscored: int


@dataclass(frozen=True)
class Leaderboard:
    """Proxies compared by their agreement with accuracies.

    Attributes:
        name: the score table's.
        truth: name of the accuracy.
        rows: proxies and aggregates, best Spearman's rho first and those without one last.
        votes: shares of pairs in order, of the aggregates that have that measure.
        architectures: how many of the table have an accuracy, and are compared.
        untrained: how many have none, and are left out.
        accuracies: the lowest and the highest.
        options: of the computation.
        facts: the provenance of the scores; see :class:`~naslib_zc_plugin.table.ScoreTable`.
        command: the command that makes this leaderboard again; empty: not known.
        truth_source: where the accuracies come from; empty: the command tells.
    """

    name: str
    truth: str
    rows: Sequence[ProxyRow]
    votes: Sequence[Vote]
    architectures: int
    untrained: int
    accuracies: tuple[float, float]
    options: LeaderboardOptions
    facts: Mapping[str, Any]
    command: str = ""
    truth_source: str = ""


def leaderboard(
    table: ScoreTable,
    truth: Mapping[str, float],
    truth_name: str = "accuracy",
    options: LeaderboardOptions | None = None,
    units: Mapping[str, float] | None = None,
    command: str = "",
    truth_source: str = "",
) -> Leaderboard:
    """Compare the proxies of a table by their agreement with accuracies.

    Args:
        table: the scores. Architectures without a finite accuracy are left out and counted.
        truth: accuracy by architecture, higher better (negate a perplexity).
        truth_name: its name.
        options: of the computation.
        units: cost of one score by label, for display; labels may be left out.
        command: the command that makes this leaderboard again, for display.
        truth_source: where the accuracies come from, for display.

    Returns:
        The leaderboard, with the best proxy first.

    Raises:
        ValueError: no architecture has an accuracy, an aggregate joins columns that do not exist, or options are out of
            range.

    >>> import numpy as np
    >>> scores = Column("naswot", 1, True, np.arange(4.0), np.ones(4, np.uint8), np.full(4, 0.1))
    >>> table = ScoreTable("toy", ["a", "b", "c", "d"], {"naswot": scores})
    >>> found = leaderboard(table, {"a": 0.7, "b": 0.8, "c": 0.9}, options=LeaderboardOptions(resamples=0))
    >>> found.rows[0].agreement.kendall.value, found.rows[0].networks, found.untrained
    (1.0, ('c',), 1)
    """
    options = options or LeaderboardOptions()
    compared, accuracies = matched(table, truth, truth_name)
    if options.positive:
        compared = replace(compared, columns={label: positive(compared[label]) for label in compared})
    given = {a.label: a.column(compared) for a in options.aggregates}
    rows = [
        _row(label, column, compared.keys, accuracies, options, units or {})
        for label, column in {**compared.columns, **given}.items()
    ]
    votes = [_vote(a, a.share, compared, accuracies) for a in options.aggregates if a.share]
    span = float(accuracies.min()), float(accuracies.max())
    count = len(compared)
    rows.sort(key=_place)
    return Leaderboard(
        table.name, truth_name, rows, votes, count, len(table) - count, span, options, table.facts, command,
        truth_source,
    )  # fmt: skip


def matched(table: ScoreTable, truth: Mapping[str, float], truth_name: str = "accuracy") -> tuple[ScoreTable, Floats]:
    """Return the part of a table whose architectures have a finite accuracy, and those accuracies.

    Args:
        table: the scores.
        truth: accuracy by architecture.
        truth_name: its name, for the message.

    Raises:
        ValueError: there is no such architecture.
    """
    accuracies = np.array([truth.get(key, math.nan) for key in table.keys], dtype=np.float64)
    known = np.flatnonzero(np.isfinite(accuracies))
    if not len(known):
        raise ValueError(f"{table.name}: {truth_name} is known of no architecture; take that of its search space")
    columns = {
        label: replace(each, values=each.values[known], status=each.status[known], seconds=each.seconds[known])
        for label, each in table.columns.items()
    }
    return ScoreTable(table.name, [table.keys[i] for i in known.tolist()], columns, table.facts), accuracies[known]


def positive(column: Column) -> Column:
    """Return the column with scores that are not above zero as undefined."""
    refused = column.values <= 0
    status = np.where(refused, STATUSES.index("undefined"), column.status).astype(np.uint8)
    return replace(column, values=np.where(refused, np.nan, column.values), status=status)


def _row(
    label: str,
    column: Column,
    keys: Sequence[str],
    accuracies: Floats,
    options: LeaderboardOptions,
    units: Mapping[str, float],
) -> ProxyRow:
    """Compare one column with the accuracies, over the architectures that it scored."""
    seconds = column.seconds[np.isfinite(column.seconds)]
    scored = is_scored(column)
    values, truth = oriented(column)[scored], accuracies[scored]
    given: dict[str, Any] = {"undefined": options.undefined, "resamples": options.resamples, "seed": options.seed}
    pick = selected(oriented(column), accuracies)
    return ProxyRow(
        label,
        column,
        agreement(values, truth, **given),
        top(values, truth, share=options.share, **given),
        pick,
        tuple(keys[i] for i in pick.positions) if pick else (),
        float(np.median(seconds)) if len(seconds) else None,
        units.get(label),
    )


def is_scored(column: Column) -> npt.NDArray[np.bool_]:
    """Return for each architecture whether its score was computed, an undefined one included."""
    return np.isin(column.status, [STATUSES.index("ok"), STATUSES.index("undefined")])


def _vote(aggregate: Aggregate, share: Share, table: ScoreTable, accuracies: Floats) -> Vote:
    """Hold a vote over the architectures that all members scored."""
    columns = [table[label] for label in aggregate.labels]
    made = np.all([is_scored(column) for column in columns], axis=0)
    scores, n = np.stack([ranked_scores(column)[made] for column in columns]), int(np.count_nonzero(made))
    undefined = int(np.count_nonzero(np.isinf(scores).any(axis=0)))
    return Vote(aggregate.label, share(scores, accuracies[made]), n, undefined, len(table) - n)


def _place(row: ProxyRow) -> tuple[bool, float, str]:
    """Return the sort key of a row: best Spearman's rho first, rows without one last."""
    rho = row.agreement.spearman.value
    return rho is None, -(rho or 0.0), row.label


@dataclass(frozen=True)
class MeanRank:
    """A method's rank, 1 the best: by benchmark the mean over its data sets, and the mean over benchmarks."""

    name: str
    ranks: Mapping[str, float]
    mean: float


@dataclass(frozen=True)
class Ranking:
    """Methods with the best mean rank first; ``unranked`` ones have no coefficient on some data set."""

    rows: Sequence[MeanRank]
    unranked: Sequence[str]


def mean_ranks(coefficients: Mapping[str, Sequence[Mapping[str, float | None]]]) -> Ranking:
    """Rank methods on each data set, and average over the data sets of a benchmark, then over benchmarks.

    Equal coefficients share a rank, and the next one has the next: 1, 2, 2, 3. With that, GradAlign's Tables 2, 4 and
    6 give its Table 8 exactly.

    Args:
        coefficients: by benchmark a mapping for each data set, from methods to a coefficient, higher better (there
            Kendall's tau); None where a method has none.

    Raises:
        ValueError: there is no benchmark, one without data sets, or no method with a coefficient on all of them.

    >>> ranking = mean_ranks({"nasbench201": [{"naswot": 0.6, "synflow": 0.5}, {"naswot": 0.4, "synflow": 0.5}]})
    >>> [(row.name, row.mean) for row in ranking.rows]
    [('naswot', 1.5), ('synflow', 1.5)]
    """
    from scipy.stats import rankdata

    columns = [column for benchmark in coefficients.values() for column in benchmark]
    if not columns or not all(coefficients.values()):
        raise ValueError("mean ranks need one benchmark or more, each with a data set or more")
    names = list(dict.fromkeys(name for column in columns for name in column))
    ranked = [name for name in names if all(column.get(name) is not None for column in columns)]
    if not ranked:
        raise ValueError("no method has a coefficient on every data set: there is nothing to rank")
    by_benchmark = {}
    for benchmark, group in coefficients.items():
        values = np.array([[column[name] for name in ranked] for column in group], dtype=np.float64)
        by_benchmark[benchmark] = rankdata(-values, method="dense", axis=1).mean(axis=0)
    rows = []
    for place, name in enumerate(ranked):
        ranks = {benchmark: float(found[place]) for benchmark, found in by_benchmark.items()}
        rows.append(MeanRank(name, ranks, float(np.mean(list(ranks.values())))))
    rows.sort(key=lambda row: row.mean)
    return Ranking(rows, [name for name in names if name not in ranked])
