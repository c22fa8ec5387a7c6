"""Shared parts of the pages of docs/results: printed values beside ours, columns beside each other, components.

The examples `*_results.py` import it; the tables of a page are replaced, each below the comment that names it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from naslib_zc_plugin.aggregates import oriented
from naslib_zc_plugin.report.correlations import CONFIDENCE, Floats, IntervalEstimate, agreement
from naslib_zc_plugin.report.figures import RankSimilarity
from naslib_zc_plugin.report.leaderboards import is_scored, matched
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.report.selection import top
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

Printed = tuple[Optional[float], Optional[float], Optional[float]]
"""Kendall's τ, Pearson's r and Spearman's ρ of a paper."""
HEADER = (
    "", "kept, printed", "kept", "undefined", "ρ printed", "ρ", "difference", "τ printed", "τ", "difference",
    "top 10 %: ρ", "top 10 %: τ", "Top-10 %/top-10 %", "Top-64/top-5 %",
)  # fmt: skip
"""Of the tables that :func:`row_beside` makes rows of; the last four are printed / ours."""


@dataclass(frozen=True)
class PrintedMeasures:
    """The measures of epsilon's tables, None where none is printed."""

    rho: float | None
    rho_top: float | None
    tau: float | None
    tau_top: float | None
    overlap: float | None
    hits: float | None


def side(value: float, estimate: IntervalEstimate) -> str:
    """Return whether the interval of an estimate holds a printed value, or lies above or below it.

    Raises:
        ValueError: an estimate without interval.
    """
    if estimate.low is None or estimate.high is None:
        raise ValueError("an estimate without interval lies on no side of anything")
    return "above" if estimate.low > value else "below" if estimate.high < value else "inside"


def difference(value: float | None, estimate: IntervalEstimate) -> str:
    """Return ours less printed, with a star where the interval holds the printed value."""
    if value is None or estimate.value is None:
        return "–"
    inside = estimate.low is not None and side(value, estimate) == "inside"
    return f"{estimate.value - value:+.3f}{'*' if inside else ''}"


def row_beside(
    label: str, printed: PrintedMeasures, kept: str, column: Column, truth: Floats, resamples: int = 1000
) -> list[str]:
    """Return a row under :data:`HEADER`. Failed scores, and those not computed yet, do not count.

    Args:
        label: of the row.
        printed: the paper's.
        kept: the number of scores in the paper, in words.
        column: the scores.
        truth: accuracies of its architectures, finite.
        resamples: of the intervals.
    """
    made = is_scored(column)
    values, accuracies = oriented(column)[made], truth[made]
    whole = agreement(values, accuracies, resamples=resamples)
    best = top(values, accuracies, resamples=0)
    share = f"{whole.n / (whole.n + whole.undefined):.1%}".replace("%", " %") if len(values) else "–"
    cells = [label, kept, f"{whole.n:,} of {whole.n + whole.undefined:,} ({share})", f"{whole.undefined:,}"]
    for value, estimate in ((printed.rho, whole.spearman), (printed.tau, whole.kendall)):
        cells += [_number(value), interval(estimate), difference(value, estimate)]
    among = best.by_accuracy
    return [
        *cells,
        f"{_number(printed.rho_top)} / {interval(among.spearman, 2)}",
        f"{_number(printed.tau_top)} / {interval(among.kendall, 2)}",
        f"{_number(printed.overlap)} / {_number(best.overlap)}",
        f"{_number(printed.hits)} / {_number(best.hits)}",
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def replaced(page: str, found: Mapping[str, str]) -> str:
    """Return the page with each table instead of the one below ``<!-- its name -->``.

    Raises:
        ValueError: a table has no place there, or more than one.
    """
    for name, table in found.items():
        escaped = table.replace("\\", r"\\")
        page, count = re.subn(rf"(<!-- {re.escape(name)} -->\n\n)(?:\|.*\n)*\n?", rf"\g<1>{escaped}\n", page)
        if count != 1:
            raise ValueError(f"the page has {count} places <!-- {name} -->: it should have one")
    return page


def chosen(table: ScoreTable, labels: Sequence[str], without: Collection[str] = ()) -> ScoreTable:
    """Return some columns of a table, ``without`` some architectures.

    Raises:
        ValueError: a column is missing.
    """
    kept = [place for place, key in enumerate(table.keys) if key not in without]
    columns = {
        label: replace(column, values=column.values[kept], status=column.status[kept], seconds=column.seconds[kept])
        for label, column in ((label, table[label]) for label in labels)
    }
    return ScoreTable(table.name, [table.keys[place] for place in kept], columns, table.facts)


def with_columns(table: ScoreTable, numbers: Mapping[str, Mapping[str, float]]) -> ScoreTable:
    """Return a table with further columns of plain numbers, higher better, undefined where an architecture has none."""
    made = {}
    for label, known in numbers.items():
        values = np.array([known.get(key, np.nan) for key in table.keys], dtype=np.float64)
        there = np.where(np.isfinite(values), STATUSES.index("ok"), STATUSES.index("undefined")).astype(np.uint8)
        made[label] = Column(label, 1, True, values, there, np.full(len(values), np.nan))
    return ScoreTable(table.name, table.keys, {**table.columns, **made}, table.facts)


def repeated(table: ScoreTable, keys: Mapping[str, str]) -> ScoreTable:
    """Return a table whose rows are trainings, given the architecture of each; those without scores are left out."""
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
    """Return a table with a row per column: Kendall's τ, Pearson's r and Spearman's ρ beside printed ones.

    Args:
        table: the scores.
        truth: by architecture, higher better.
        printed: by label; the others have none.
        resamples: of the intervals.
    """
    compared, accuracies = matched(table, truth)
    rows = []
    for label, column in compared.columns.items():
        made = is_scored(column)
        found = agreement(oriented(column)[made], accuracies[made], resamples=resamples)
        row = [label, f"{found.n:,}", f"{found.undefined:,}"]
        theirs = (printed or {}).get(label, (None, None, None))
        for value, estimate in zip(theirs, (found.kendall, found.pearson, found.spearman)):
            row += ["–" if value is None else f"{value:g}", interval(estimate), difference(value, estimate)]
        rows.append(row)
    triples = [cell for sign in "τrρ" for cell in (f"{sign} printed", sign, "difference")]
    return markdown(["", "N", "undefined", *triples], rows)


def beside_each_other(found: RankSimilarity) -> str:
    """Return a coefficient between all columns, with N where it is not that of all architectures."""
    rows = []
    for label, values, counts in zip(found.labels, found.values, found.n):
        cells = ["–" if np.isnan(value) else f"{value:.2f}" for value in values]
        few = [f" ({count:,})" if count < found.n.max() else "" for count in counts.tolist()]
        rows.append([label, *(cell + count for cell, count in zip(cells, few))])
    return markdown(["", *found.labels], rows)


def shares(table: ScoreTable, labels: Sequence[str], resamples: int = 1000) -> str:
    """Return principal components of columns, standardised and as they are, with their shares of the variance."""
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


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of columns, over the architectures that all of them define.

    Attributes:
        labels: of the columns.
        standardised: whether each column was brought to variance 1; otherwise the widest ones count most.
        n: architectures that count.
        left_out: architectures that some column does not define.
        shares: of the variance, descending, one per component; they sum to 1.
        loadings: shape (components, labels), unit rows whose entry of largest magnitude is positive.
        first: share of the first component, with its bootstrap percentile interval.
    """

    labels: Sequence[str]
    standardised: bool
    n: int
    left_out: int
    shares: Floats
    loadings: Floats
    first: IntervalEstimate


def components(
    table: ScoreTable,
    labels: Sequence[str] | None = None,
    *,
    standardised: bool = True,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Components:
    r"""Analyse the principal components of columns, as "ReLU is all you need for NASWOT" does of activation features.

    The shares are the eigenvalues of the columns' correlation matrix (``standardised``) or covariance matrix over their
    sum. The paper does not state its choice. Intervals are over architectures, drawn with replacement; a resample in
    which a column is constant has no correlation matrix and is left out.

    Args:
        table: the scores; signs of columns do not matter to the shares.
        labels: of two columns or more; all of the table unless given.
        standardised: see there.
        resamples: of the interval; 0 for none.
        seed: of the resamples.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: a label that is missing, fewer than two columns or three architectures, a column that does not
            vary, or options out of range.
    """
    names = list(table) if labels is None else list(labels)
    if len(names) < 2 or resamples < 0 or not 0 < confidence < 1:
        raise ValueError("give two columns or more, 0 resamples or more, and a confidence between 0 and 1")
    columns = np.stack([table[name].values for name in names], axis=1)
    rows = columns[np.isfinite(columns).all(axis=1)]
    if len(rows) < 3:
        raise ValueError(f"{table.name}: all of {', '.join(names)} are defined for {len(rows)} architectures: too few")
    flat = [name for name, spread in zip(names, np.ptp(rows, axis=0)) if spread == 0]
    if flat:
        raise ValueError(f"{table.name}: {flat[0]!r} is the same for all architectures: leave it out")
    rows = (rows - rows.mean(axis=0)) / (
        rows.std(axis=0) if standardised else np.abs(rows).max()
    )  # so nothing overflows
    values, vectors = np.linalg.eigh(_matrix(rows, standardised))
    loadings = vectors[:, ::-1].T
    largest = np.take_along_axis(loadings, np.abs(loadings).argmax(axis=1)[:, None], axis=1)
    shares = np.maximum(values[::-1], 0) / np.maximum(values, 0).sum()
    drawn = _resampled(rows, standardised, resamples, np.random.default_rng(seed))
    low, high = (
        np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist() if len(drawn) else (None, None)
    )
    first = IntervalEstimate(float(shares[0]), low, high)
    return Components(
        names, standardised, len(rows), len(columns) - len(rows), shares, loadings * np.sign(largest), first
    )


def _matrix(rows: Floats, standardised: bool) -> Floats:
    """Return correlations or covariances of the columns; NaN where a column does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.corrcoef(rows, rowvar=False) if standardised else np.cov(rows, rowvar=False))


def _resampled(rows: Floats, standardised: bool, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the first component's share in each resample."""
    matrices = (_matrix(rows[rng.integers(len(rows), size=len(rows))], standardised) for _ in range(resamples))
    values = [np.linalg.eigvalsh(matrix) for matrix in matrices if np.isfinite(matrix).all() and matrix.any()]
    return np.array([each[-1] / each.sum() for each in values])
