"""Proxies side by side: who agrees with the accuracies, by how much, and on how many architectures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .statistics import Agreement, Estimate, Undefined, agreement

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Row:
    """One proxy: its name, agreement and direction, and a score's cost in units of the caller's choice."""

    name: str
    agreement: Agreement
    higher_is_better: bool
    units: float | None = None

    @property
    def direction(self) -> str:
        """The direction of the proxy's own scores, ↑ or ↓."""
        return "↑" if self.higher_is_better else "↓"


def leaderboard(
    truth: Mapping[str, float],
    scores: Mapping[str, Mapping[str, float | None]],
    higher_is_better: Mapping[str, bool],
    *,
    units: Mapping[str, float] | None = None,
    undefined: Undefined = "drop",
    resamples: int = 1000,
    seed: int = 0,
) -> list[Row]:
    """Compare proxies by Spearman's rho, best first and the ones without a rho last.

    The architectures are those of ``truth``, with others ignored. One that a proxy's scores lack was not
    scored and counts as undefined for that proxy, so that a proxy which gives up on hard cases shows it.

    Args:
        truth: accuracy by architecture, finite, higher better.
        scores: by proxy, then by architecture; None and non-finite values are undefined.
        higher_is_better: direction by proxy.
        units: cost of one score by proxy, for display; proxies may be left out.
        undefined, resamples, seed: as for :func:`~.statistics.agreement`; the intervals are at 95 %.

    Raises:
        ValueError: for a proxy without a direction, or accuracies that are not finite.
    """
    unknown = sorted(set(scores) - set(higher_is_better))
    if unknown:
        raise ValueError(f"higher_is_better lacks {', '.join(unknown)}: say which direction is better")
    accuracies = list(truth.values())
    rows = []
    for name, by_key in scores.items():
        found = agreement(
            [by_key.get(key) for key in truth],
            accuracies,
            higher_is_better=higher_is_better[name],
            undefined=undefined,
            resamples=resamples,
            seed=seed,
            confidence=CONFIDENCE,
        )
        rows.append(Row(name, found, higher_is_better[name], (units or {}).get(name)))
    return sorted(rows, key=_place)


def as_text(rows: Sequence[Row]) -> str:
    """The leaderboard with aligned columns, for a terminal. Whatever the direction, + is agreement."""
    table = _cells(rows)
    widths = [max(map(len, column)) for column in zip(*table)]
    text = ""
    for name, direction, *numbers in table:
        aligned = [name.ljust(widths[0]), direction.ljust(widths[1])]
        aligned += [number.rjust(width) for number, width in zip(numbers, widths[2:])]
        text += "  ".join(aligned) + "\n"
    return text


def as_markdown(rows: Sequence[Row]) -> str:
    """The leaderboard as a Markdown table."""
    header, *body = ([cell.replace("|", "\\|") for cell in line] for line in _cells(rows))
    rule = [":--", ":-:"] + ["--:"] * (len(header) - 2)
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, rule, *body))


def as_csv(rows: Sequence[Row]) -> str:
    """The leaderboard as CSV in full precision, with Pearson's r; what is undefined is left empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    coefficients = ("spearman", "kendall", "pearson")
    bounds = [f"{name}{part}" for name in coefficients for part in ("", "_low", "_high")]
    writer.writerow(["proxy", "higher_is_better", *bounds, "n", "undefined", "units"])
    for row in rows:
        found = row.agreement
        estimates: list[Estimate] = [getattr(found, name) for name in coefficients]
        values = [value for e in estimates for value in (e.value, e.low, e.high)]
        direction = str(row.higher_is_better).lower()
        writer.writerow([row.name, direction, *values, found.n, found.undefined, row.units])
    return file.getvalue()


def _place(row: Row) -> tuple[bool, float, str]:
    rho = row.agreement.spearman.value
    return rho is None, -(rho or 0.0), row.name


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    """Header and body as text; the units only if any row has them."""
    level = f"[{CONFIDENCE:.0%}]"
    table = [["proxy", "", f"Spearman {level}", f"Kendall {level}", "N", "undefined", "units"]]
    for row in rows:
        found = row.agreement
        units = "–" if row.units is None else f"{row.units:g}"
        estimates = _interval(found.spearman), _interval(found.kendall)
        table.append([row.name, row.direction, *estimates, str(found.n), str(found.undefined), units])
    return table if any(row.units is not None for row in rows) else [line[:-1] for line in table]


def _interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f}"
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"
