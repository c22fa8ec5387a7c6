"""The printed numbers of four papers, and what is said of ours beside one.

``printed.csv`` has a line for each row of a table and each part of it (a data set, a search): the campaign that scores
its networks, the label of the scores there, the column of the benchmark that they are compared with, options, and the
printed numbers by measure. ``explained.csv`` has the numbers that ours differ from for a reason that an experiment
shows. Both are data: nothing here computes.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
PAPERS = {
    "gradalign": "GradAlign for training-free model performance inference",
    "epsilon": "Light and accurate: neural architecture search via two constant shared weights initialisations",
    "lightweight": "Lightweight neural architecture search",
    "relu": "ReLU is all you need for NASWOT",
}
MEASURES = {
    "tau": "τ",
    "rho": "ρ",
    "r": "r",
    "tau_top": "τ, top 10 %",
    "rho_top": "ρ, top 10 %",
    "rho_best": "ρ, best 10 % by score",
    "overlap": "Top-10 %/top-10 %",
    "hits": "Top-64/top-5 %",
    "kept": "kept",
    "selected": "accuracy of the selected",
    "rank": "mean rank",
    "validation": "validation",
    "validation_sd": "validation, deviation",
    "test": "test",
    "test_sd": "test, deviation",
    "seconds": "seconds",
    "weights": "weights",
}
MISSING = {
    "nds": "no copy of the NDS files could be had; with them, nas-zc import and the campaigns configs/nds_*.yaml",
    "nasbench101": "test accuracies of NAS-Bench-101, and the set of networks that the paper took, could not be had",
    "hardware": "seconds of another machine",
    "structure": "an example of a record, no measurement",
    "space": "of the whole space of 423,624 cells, of which accuracies of 20,001 could be had",
}
"""Why a number is not to be had, by the option ``missing``."""
INSIDE, OUTSIDE, EXPLAINED = "inside", "outside", "outside, explained"
UNDEFINED, NOT_RUN, NOT_TO_BE_HAD = "undefined", "not run", "not to be had"
VERDICTS = (INSIDE, EXPLAINED, OUTSIDE, UNDEFINED, NOT_RUN, NOT_TO_BE_HAD)
"""What is said of a printed number, the best first."""


@dataclass(frozen=True)
class PrintedRow:
    """One row of a printed table, and one part of it.

    Attributes:
        table: such as ``gradalign-4``.
        row: the method or setting.
        part: the data set, benchmark or search.
        campaigns: names of the campaigns that may have its scores, perhaps with a star, or joined by a plus.
            None: the scores are a column of the benchmark, or there are none.
        label: of the scores.
        truth: the benchmark's column.
        options: of the evaluation, by name; an empty text for a plain one.
        printed: the numbers by measure, as printed.
    """

    table: str
    row: str
    part: str
    campaigns: tuple[str, ...]
    label: str
    truth: str
    options: Mapping[str, str]
    printed: Mapping[str, str]


@dataclass(frozen=True)
class OurNumber:
    """Ours: a number, its 95 % interval (its own value twice where it is exact), and of how many architectures.

    ``value`` is None where there is none, and ``reason`` says why. ``theirs``: how many the paper took, where these
    are another sample, so that the interval is that of the difference; 0: all, or the same.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str = ""
    verdict: str = NOT_RUN
    theirs: int = 0


@dataclass(frozen=True)
class ComparedNumber:
    """A printed number beside ours.

    Attributes:
        row: its row.
        measure: which number.
        printed: as printed.
        ours: ours.
        source: the campaign of the scores, with ``stored`` or ``made now``.
        verdict: one of :data:`VERDICTS`.
        why: of the verdict.
    """

    row: PrintedRow
    measure: str
    printed: str
    ours: OurNumber
    source: str
    verdict: str
    why: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less printed."""
        number = number_of(self.printed)
        return None if number is None or self.ours.value is None else self.ours.value - number


def number_of(printed: str) -> float | None:
    """Return a printed number; None where it is none, as a pair of weights."""
    try:
        return float(printed)
    except ValueError:
        return None


def half_unit(printed: str) -> float:
    """Return half a unit of a printed number's last digit, by which rounding may have moved it.

    >>> half_unit("0.25"), half_unit("44")
    (0.005, 0.5)
    """
    return 0.5 * 10.0 ** -len(printed.partition(".")[2])


def judged(row: PrintedRow, measure: str, ours: OurNumber, source: str) -> ComparedNumber:
    """Return the cell of a printed number: inside if a number that is printed so lies in the interval of ours."""
    printed = row.printed[measure]
    number = number_of(printed)
    verdict, why = ours.verdict, ours.reason
    if number is not None and ours.value is not None and ours.low is not None and ours.high is not None:
        room = half_unit(printed) * (1 + 1e-9)
        verdict = INSIDE if ours.low - room <= number <= ours.high + room else OUTSIDE
    if verdict == OUTSIDE and (found := explanation(row, measure)):
        verdict, why = EXPLAINED, found
    return ComparedNumber(row, measure, printed, ours, source, verdict, why)


@lru_cache(maxsize=1)
def printed_rows() -> tuple[PrintedRow, ...]:
    """Return all rows, in the order of the papers' tables."""
    return tuple(_row(line) for line in _lines("printed.csv"))


def list_tables() -> list[str]:
    """Return the names of the tables.

    >>> list_tables()[:3]
    ['gradalign-2', 'gradalign-3', 'gradalign-4']
    """
    return list(dict.fromkeys(row.table for row in printed_rows()))


def printed_table(table: str) -> list[PrintedRow]:
    """Return the rows of a table.

    Raises:
        ValueError: there is no such table.
    """
    found = [row for row in printed_rows() if row.table == table]
    if not found:
        raise ValueError(f"no table {table!r}; there are {', '.join(list_tables())}")
    return found


def title(table: str) -> str:
    """Return a table's title.

    >>> title("gradalign-4")
    'GradAlign, Table 4'
    """
    paper, _, number = table.partition("-")
    roman = {"1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI"}
    named = {
        "gradalign": "GradAlign",
        "epsilon": "epsilon",
        "lightweight": "Lightweight NAS",
        "relu": "NASWOT by ReLU",
    }[paper]
    if number.startswith("section"):
        return f"{named}, {number.replace('-', ' ')}"
    if paper == "lightweight":
        number = roman[number]
    first, _, rest = number.partition("-")
    return f"{named}, Table {first}{' (' + rest + ')' if rest else ''}"


def explanation(row: PrintedRow, measure: str) -> str:
    """Return why ours differs from a printed number, as an experiment shows; an empty text if none does."""
    for line in _explained():
        patterns = (line["table"], line["row"], line["part"], line["measure"])
        names = (row.table, row.row, row.part, measure)
        if all(any(fnmatchcase(name, p) for p in pattern.split("|")) for name, pattern in zip(names, patterns)):
            return line["why"]
    return ""


def counted(cells: Iterable[ComparedNumber]) -> dict[str, int]:
    """Count cells by verdict, all verdicts in their order."""
    found = Counter(cell.verdict for cell in cells)
    return {verdict: found[verdict] for verdict in VERDICTS}


@lru_cache(maxsize=1)
def _explained() -> Sequence[Mapping[str, str]]:
    return _lines("explained.csv")


def _lines(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _row(line: Mapping[str, str]) -> PrintedRow:
    given: dict[str, Any] = {name: line[name] for name in ("table", "row", "part", "label", "truth")}
    options = dict(re.fullmatch(r"([^=]+)=?(.*)", text).groups() for text in line["options"].split())  # type: ignore[union-attr,misc]
    numbers = dict(text.split("=", 1) for text in line["printed"].split())
    campaigns = tuple(name for name in line["campaigns"].split("|") if name)
    return PrintedRow(**given, campaigns=campaigns, options=options, printed=numbers)
