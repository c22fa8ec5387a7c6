"""The tables made again as text: one for a terminal, and the page with all of them and the counts at its top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from naslib_zc_plugin.reproduce.printed import (
    EXPLAINED,
    INSIDE,
    MEASURES,
    NOT_RUN,
    NOT_TO_BE_HAD,
    OUTSIDE,
    PAPERS,
    VERDICTS,
    ComparedNumber,
    counted,
    number_of,
    title,
)

HEADER = ("row", "part", "measure", "printed", "ours", "difference", "N", "verdict", "scores", "why")
_FEW = 30  # architectures, with fewer of which an interval holds nearly anything


def lines(cells: Sequence[ComparedNumber]) -> list[list[str]]:
    """Return a line under :data:`HEADER` for each printed number."""
    return [_line(cell) for cell in cells]


def counts_text(cells: Sequence[ComparedNumber]) -> str:
    """Return how many numbers are inside, outside, and so on, in one line."""
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in counted(cells).items() if count)
    return f"{len(cells):,} printed numbers: {counts}."


def whole_page(tables: Mapping[str, Sequence[ComparedNumber]], command: str, note: str = "") -> str:
    """Return the page with all tables.

    Args:
        tables: cells by table.
        command: that makes it again.
        note: about the scores.
    """
    every = [cell for cells in tables.values() for cell in cells]
    parts = [
        "# Every printed number, made again\n",
        f"The tables of four papers, number by number, beside what our scores give. Made by\n\n    {command}\n",
        f"{note}\n" if note else "",
        _summary(every),
        "\n## By table\n",
        _by_table(tables),
        "\n## Explained by an experiment\n",
        _explanations(every),
        "\n## Not run, and not to be had\n",
        _absent(every),
    ]
    for name, cells in tables.items():
        parts += [f"\n## {title(name)}\n", f'`nas-zc reproduce {name}`; of "{PAPERS[name.partition("-")[0]]}".\n']
        shown = [cell for cell in cells if cell.verdict not in (NOT_RUN, NOT_TO_BE_HAD)]
        left = counts_text(cells)
        parts += [f"{left}\n", _markdown(HEADER, lines(shown)) if shown else ""]
    return "\n".join(part for part in parts if part)


def _summary(every: Sequence[ComparedNumber]) -> str:
    counts = counted(every)
    obtainable = len(every) - counts[NOT_TO_BE_HAD]
    held = counts[INSIDE] + counts[EXPLAINED]
    few = sum(cell.verdict == INSIDE and 0 < cell.ours.n < _FEW for cell in every)
    compared = counts[INSIDE] + counts[EXPLAINED] + counts[OUTSIDE]
    sampled = sum(cell.ours.theirs > 0 for cell in every)
    rows = [[verdict, f"{counts[verdict]:,}", _meaning(verdict)] for verdict in VERDICTS]
    rows.append(["all", f"{len(every):,}", ""])
    text = _markdown(("verdict", "numbers", ""), rows)
    return (
        f"{text}\n"
        f"Of the {obtainable:,} numbers that are to be had, {compared:,} are compared; {held:,} "
        f"({_percent(held, obtainable)}) are inside, or outside with an experiment that says why. {few:,} of those "
        f"inside rest on fewer than {_FEW} networks (N), whose interval holds nearly anything: they confirm little. By "
        f"chance alone one in twenty true numbers is outside of a 95 % interval: {round(0.05 * compared):,} of "
        f"{compared:,}, though neighbours in a table share their networks and stray together. The papers took a sample "
        f"of their own for {sampled:,} of the numbers (N says of how many): the interval is that of the difference.\n"
    )


def _meaning(verdict: str) -> str:
    return {
        INSIDE: "our 95 % interval holds a number that rounds to the printed one",
        EXPLAINED: "it does not, and an experiment says why",
        OUTSIDE: "it does not, and nothing says why",
        "undefined": "our scores define no such number",
        NOT_RUN: "scores are missing, or too few",
        NOT_TO_BE_HAD: "needs data or a machine that could not be had",
    }[verdict]


def _by_table(tables: Mapping[str, Sequence[ComparedNumber]]) -> str:
    rows = []
    for name, cells in tables.items():
        counts = counted(cells)
        rows.append([title(name), *(f"{counts[verdict] or '–'}" for verdict in VERDICTS)])
    return _markdown(("table", *VERDICTS), rows)


def _explanations(every: Sequence[ComparedNumber]) -> str:
    by_reason: dict[str, list[ComparedNumber]] = {}
    for cell in every:
        if cell.verdict == EXPLAINED:
            by_reason.setdefault(cell.why, []).append(cell)
    if not by_reason:
        return "None.\n"
    found = []
    for why, cells in by_reason.items():
        where = ", ".join(dict.fromkeys(f"{title(cell.row.table)} ({cell.row.row})" for cell in cells))
        found.append(f"- **{where}**, {len(cells)} numbers: {why}\n")
    return "".join(found)


def _absent(every: Sequence[ComparedNumber]) -> str:
    found: dict[tuple[str, str, str], int] = {}
    for cell in every:
        if cell.verdict in (NOT_RUN, NOT_TO_BE_HAD):
            why = cell.why if cell.verdict == NOT_TO_BE_HAD or not cell.ours.n else "scores of too few networks"
            place = (title(cell.row.table), cell.verdict, why)
            found[place] = found.get(place, 0) + 1
    return _markdown(("table", "", "why", "numbers"), [[*place, f"{count:,}"] for place, count in found.items()])


def _line(cell: ComparedNumber) -> list[str]:
    ours = cell.ours
    number = number_of(cell.printed)
    digits = len(cell.printed.partition(".")[2]) + 1 if number is not None else 0
    digits = max(digits, 3) if cell.measure in ("tau", "rho", "r", "tau_top", "rho_top", "rho_best") else digits
    shown = "–"
    if ours.value is not None:
        shown = f"{ours.value:.{digits}f}"
        if ours.low is not None and ours.high is not None and (ours.low, ours.high) != (ours.value, ours.value):
            shown += f" [{ours.low:.{digits}f}, {ours.high:.{digits}f}]"
    difference = "–" if cell.difference is None else f"{cell.difference:+.{digits}f}"
    size = f"{ours.n:,}" if ours.n else "–"
    if ours.theirs:
        size += f", of {ours.theirs:,} theirs"
    why = cell.why if cell.verdict != INSIDE else ""
    return [cell.row.row, cell.row.part, MEASURES[cell.measure], cell.printed or "–", shown, difference, size,
            cell.verdict, cell.source, why]  # fmt: skip


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    every = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |\n" for line in every)
