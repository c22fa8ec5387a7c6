"""What papers print beside what campaigns give: cells and tables of Markdown pages that are made again from scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Optional

from naslib_zc_plugin.table import Column

from .aggregates import upward
from .bootstrap import Floats
from .leaderboard import judged
from .statistics import Estimate, agreement
from .top import top

RANKING = ("N", "undefined", "ρ", "ρ top 10 %", "τ", "τ top 10 %", "Top-10 %/top-10 %", "Top-64/top-5 %")
"""What :func:`ranking` gives, in the order of epsilon's tables."""
Printed = Sequence[Optional[float]]
"""Of :data:`RANKING` all but the second; None where nothing is printed."""


def interval(estimate: Estimate, digits: int = 3) -> str:
    """A coefficient with its interval, as far as there are."""
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def side(value: float, estimate: Estimate) -> str:
    """Where an estimate lies from a printed value: its interval holds it, or lies above or below.

    Raises:
        ValueError: an estimate without interval.
    """
    if estimate.low is None or estimate.high is None:
        raise ValueError("an estimate without interval lies on no side of anything")
    return "above" if estimate.low > value else "below" if estimate.high < value else "inside"


def difference(value: float | None, estimate: Estimate) -> str:
    """Ours less printed, with a star where the interval holds the printed value."""
    if value is None or estimate.value is None:
        return "–"
    inside = estimate.low is not None and side(value, estimate) == "inside"
    return f"{estimate.value - value:+.3f}{'*' if inside else ''}"


def ranking(column: Column, truth: Floats, resamples: int = 1000) -> tuple[int, int, list[Estimate]]:
    """The measures of epsilon's tables: how many scores are defined and not, and the others of :data:`RANKING`.

    Shares and counts are without interval. Failed scores, and those not made yet, have no part.
    """
    made = judged(column)
    values, accuracies = upward(column)[made], truth[made]
    whole = agreement(values, accuracies, resamples=resamples)
    best = top(values, accuracies, resamples=resamples)
    plain = [None if each is None else float(each) for each in (best.overlap, best.hits)]
    found = [whole.spearman, best.by_accuracy.spearman, whole.kendall, best.by_accuracy.kendall]
    return whole.n, whole.undefined, [*found, *(Estimate(each, None, None) for each in plain)]


def rows_beside(label: str, printed: Printed, column: Column, truth: Floats, resamples: int = 1000) -> list[list[str]]:
    """Two rows of a table under :data:`RANKING`: what is printed, and ours with the differences.

    Args:
        label: of the rows.
        printed: see there.
        column: the scores.
        truth: accuracies of its architectures, finite.
        resamples: of the intervals.
    """
    defined, undefined, found = ranking(column, truth, resamples)
    count, *coefficients = printed
    theirs = ["–" if each is None else f"{each:g}" for each in coefficients]
    ours = [interval(each, 2) for each in found[:4]]
    ours = [f"{cell} ({difference(value, each)})" for cell, value, each in zip(ours, coefficients, found)]
    overlap, hits = found[4].value, found[5].value
    ours += ["–" if overlap is None else f"{overlap:.2f}", "–" if hits is None else f"{hits:.0f}"]
    first = [label, "printed", "–" if count is None else f"{count:,.0f}", "–"]
    failed = column.count("failed")
    told = f"{undefined:,}; {failed:,} failed" if failed else f"{undefined:,}"
    return [[*first, *theirs], [label, "ours", f"{defined:,}", told, *ours]]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def replaced(page: str, found: Mapping[str, str]) -> str:
    """The page with each table in the place of the one below ``<!-- its name -->``.

    Raises:
        ValueError: a table has no place there, or more than one.
    """
    for name, table in found.items():
        escaped = table.replace("\\", r"\\")
        page, count = re.subn(rf"(<!-- {re.escape(name)} -->\n\n)(?:\|.*\n)*\n?", rf"\g<1>{escaped}\n", page)
        if count != 1:
            raise ValueError(f"the page has {count} places <!-- {name} -->: it should have one")
    return page
