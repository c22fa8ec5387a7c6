"""What papers print beside what campaigns give: cells and tables of Markdown pages that are made again from scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from naslib_zc_plugin.table import Column

from .aggregates import upward
from .bootstrap import Floats
from .leaderboard import judged
from .statistics import Estimate, agreement
from .top import top

HEADER = (
    "", "kept, printed", "kept", "undefined", "ρ printed", "ρ", "difference", "τ printed", "τ", "difference",
    "top 10 %: ρ", "top 10 %: τ", "Top-10 %/top-10 %", "Top-64/top-5 %",
)  # fmt: skip
"""Of the tables that :func:`row_beside` makes rows of; the last four are printed / ours."""


@dataclass(frozen=True)
class Ranking:
    """The measures of epsilon's tables, None where there is none (or none is printed)."""

    rho: float | None
    rho_top: float | None
    tau: float | None
    tau_top: float | None
    overlap: float | None
    hits: float | None


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


def row_beside(
    label: str, printed: Ranking, kept: str, column: Column, truth: Floats, resamples: int = 1000
) -> list[str]:
    """A row under :data:`HEADER`. Failed scores, and those not made yet, have no part in it.

    Args:
        label: of the row.
        printed: the paper's.
        kept: how many scores the paper has, in words.
        column: the scores.
        truth: accuracies of its architectures, finite.
        resamples: of the intervals.
    """
    made = judged(column)
    values, accuracies = upward(column)[made], truth[made]
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
