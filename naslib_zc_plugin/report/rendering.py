"""Leaderboards in words: as text for a terminal, as Markdown, as CSV in full precision; and HTML pages of tables.

Such a page needs nothing else: no network, no other file; its tables sort at a touch. That of leaderboards is
:mod:`naslib_zc_plugin.report.page`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from naslib_zc_plugin.files import csv_cell, visible
from naslib_zc_plugin.report.correlations import CONFIDENCE, MOST_DRAWN, Agreement, IntervalEstimate
from naslib_zc_plugin.report.leaderboards import Leaderboard, ProxyRow, Ranking, Vote
from naslib_zc_plugin.text_table import (
    TextTable,
    escaped,
    heading,
    html_text,
    table_markdown,
    table_text,
)

_FIRST = ("proxy", "better")
_COUNTS = ("N", "undefined", "failed", "pending")
_COSTS = ("s/score", "units")  # shown where they are known
_KEYS = 20  # of networks that share the best score, in a cell of the CSV
_LISTED = 8  # entries of a list among the facts


def as_text(boards: Sequence[Leaderboard], ranking: Ranking | None = None, brief: bool = False) -> str:
    """Return leaderboards for a terminal, with aligned columns.

    Args:
        boards: one after another, each with its notes.
        ranking: the proxies over all boards, shown last.
        brief: whether to leave out the measures among the best, which need more than a few architectures.
    """
    parts = []
    for board in boards:
        shown = [table for number, table in enumerate(board_tables(board, named=1)) if not (brief and number == 1)]
        parts += [heading(board_title(board)), *map(table_text, shown)]
        parts.append("".join(f"{visible(note)}\n" for note in board_notes(board)))
    return "\n".join(parts + ([table_text(rank_table(ranking))] if ranking else []))


def as_markdown(boards: Sequence[Leaderboard], ranking: Ranking | None = None) -> str:
    """Return leaderboards as Markdown, a section each, and the ranking."""
    parts = []
    for board in boards:
        listed = "".join(f"- {escaped(note)}\n" for note in board_notes(board))
        parts += [f"## {escaped(board_title(board))}\n", *map(table_markdown, board_tables(board)), listed]
    return "\n".join(parts + ([table_markdown(rank_table(ranking))] if ranking else []))


def as_csv(boards: Sequence[Leaderboard]) -> str:
    """Return a line of CSV per proxy, aggregate and vote of each board, with its counts and its provenance.

    Numbers are in full precision; a missing one is left empty. ``facts`` is JSON, without named architectures.
    """
    lines = []
    for board in boards:
        lines += [_line(board, dict(_of_row(row))) for row in board.rows]
        lines += [_line(board, _of_vote(vote)) for vote in board.votes]
    header = list(dict.fromkeys(name for line in lines for name in line))
    file = io.StringIO()
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in line.items()} for line in lines)
    return file.getvalue()


def html_page(heading: str, body: str) -> str:
    """Return one HTML page that needs nothing else, whose tables sort at a touch.

    Args:
        heading: of the page.
        body: HTML, such as tables of :func:`~naslib_zc_plugin.text_table.table_html`.
    """
    # In XHTML's syntax, which browsers and XML parsers read alike; its script needs no sign that XML would escape.
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    # The page's own style and script are the only ones that its policy lets a browser use.
    hashes = {kind: _hash(page.partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]) for kind in ("style", "script")}
    return Template(page).substitute(title=html_text(heading), body=body, **hashes)


def _hash(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def board_title(board: Leaderboard) -> str:
    """Return a leaderboard's title."""
    return f"{board.name}: proxies against {board.truth}"


def board_notes(board: Leaderboard) -> list[str]:
    """Return the meaning of the tables, the provenance of the scores, and the command; a sentence or fact a line."""
    options = board.options
    low, high = board.accuracies
    among = f" {board.untrained:,} more have no accuracy and are left out." if board.untrained else ""
    places = {
        "drop": "Undefined scores are left out and counted, and so are failed ones and networks left to score.",
        "worst": "Undefined scores rank below all others, tied; failed ones and networks left to score are left out.",
    }
    lines = [
        f"{board.architectures:,} architectures, {board.truth} {four_digits(low)} to {four_digits(high)}.{among}",
        "+: a proxy prefers the better ones, whatever the direction (↑ ↓) of its own scores; –: no such number exists.",
        places[options.undefined],
    ]
    if options.positive:
        lines.append("Scores that are not above zero count as undefined.")
    if options.resamples:
        lines.append(
            f"[{CONFIDENCE:.0%}]: bootstrap over architectures, {options.resamples:,} resamples, seed {options.seed}"
            f"{f'; of more than {MOST_DRAWN:,}, by their influences' if board.architectures > MOST_DRAWN else ''}."
        )
    if board.truth_source:
        lines.append(f"Accuracies: {board.truth_source}.")
    lines += [f"Proxies: {'; '.join(map(_proxy, board.rows))}.", *provenance_notes(board.facts)]
    return [*lines, f"Tabulated by: {board.command}"] if board.command else lines


def provenance_notes(facts: Mapping[str, Any]) -> list[str]:
    """Return the facts of scores in one line, and their command in another; proxies have a line of their own."""
    shown = {name: value for name, value in _told(facts).items() if name not in ("command", "proxies")}
    lines = [f"Scores: {'; '.join(f'{name} {_fact(value)}' for name, value in shown.items())}."] if shown else []
    return lines + ([f"Scored by: {facts['command']}"] if "command" in facts else [])


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with the number of the architectures in the place of their names, which the scores have."""
    named = facts.get("architectures")
    return {**facts, "architectures": f"{len(named):,} that were named"} if isinstance(named, list) else dict(facts)


def _proxy(row: ProxyRow) -> str:
    """Return version and options of a row's proxy, and its name where the label is another."""
    column = row.column
    name = "" if row.label == column.proxy else f"{column.proxy} "
    options = "".join(f", {option} {_fact(value)}" for option, value in column.options.items())
    return f"{row.label} ({name}version {column.version}{options})"


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({', '.join(f'{name} {_fact(part)}' for name, part in value.items())})"
    if isinstance(value, (list, tuple)):
        shown = [_fact(part) for part in value[:_LISTED]]
        return f"[{', '.join(shown)}{f' … {len(value):,} in all' if len(value) > _LISTED else ''}]"
    return {True: "yes", False: "no", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)


def four_digits(value: float) -> str:
    """Format an accuracy to four digits."""
    return format(value, "#.4g")


def board_tables(board: Leaderboard, named: int = 3) -> list[TextTable]:
    """Return a leaderboard's tables: agreement, the best, the selected networks, and votes if any.

    Args:
        board: the leaderboard.
        named: number of networks with the same best score that are named; the others are counted.
    """
    return [_agreement(board), _best(board), _selected(board, named), *([_votes(board)] if board.votes else [])]


def rank_table(ranking: Ranking) -> TextTable:
    """Return mean ranks as a table."""
    benchmarks = list(ranking.rows[0].ranks)
    body = [[row.name, *(f"{row.ranks[name]:.3f}" for name in benchmarks), f"{row.mean:.3f}"] for row in ranking.rows]
    notes = [
        f"Ranks by Kendall's tau among these {len(body)}, 1 the best, each over the architectures counted above; "
        "mean over data sets, then over benchmarks."
    ]
    if ranking.unranked:
        notes.append(f"Not ranked, as they lack a coefficient somewhere: {', '.join(ranking.unranked)}.")
    return TextTable("Mean rank", ["proxy", *benchmarks, "mean"], body, notes=notes)


def _agreement(board: Leaderboard) -> TextTable:
    """Return the table of coefficients over all architectures."""
    level = f" [{CONFIDENCE:.0%}]" if board.options.resamples else ""
    header = [*_FIRST, *(name + level for name in ("Spearman", "Kendall", "Pearson")), *_COUNTS, *_COSTS]
    body = []
    for row in board.rows:
        found = row.agreement
        estimates = map(_signed, (found.spearman, found.kendall, found.pearson))
        body.append([*_first(row), *estimates, *_counts(row), _number(row.seconds, ".3g"), _number(row.units, "g")])
    kept = [i for i, name in enumerate(header) if name not in _COSTS or any(line[i] != "–" for line in body)]
    return TextTable("Agreement", [header[i] for i in kept], [[line[i] for i in kept] for line in body], ["better"])


def _best(board: Leaderboard) -> TextTable:
    """Return the table of the measures among the best."""
    percent = f"{100 * board.options.share:g}%"
    header = [*_FIRST, "by accuracy: Spearman", "Kendall", "N", "by score: Spearman", "Kendall", "N"]
    header += [f"Top-{percent}/top-{percent}", "Top-64/top-5%", "of N"]
    body = []
    for row in board.rows:
        cells = list(_first(row))
        for found in (row.top.by_accuracy, row.top.by_score):
            cells += [_signed(found.spearman), _signed(found.kendall), _count(found.n)]
        body.append([*cells, _number(row.top.overlap, ".1f"), _number(row.top.hits, "d"), _count(row.agreement.n)])
    return TextTable(f"Among the best {percent} by accuracy, and by score", header, body, ["better"])


def _votes(board: Leaderboard) -> TextTable:
    """Return the table of votes."""
    header = ("vote", "pairs in order", "2p − 1", "N", "undefined", "failed or pending")
    body = []
    for vote in board.votes:
        counts = map(_count, (vote.n, vote.undefined, vote.unscored))
        body.append([vote.label, f"{vote.share:.1%}", f"{2 * vote.share - 1:+.3f}", *counts])
    how = "Share p of pairs that a majority orders as the accuracies do; an undefined score votes minus."
    return TextTable("Votes", header, body, notes=[how])


def _selected(board: Leaderboard, named: int) -> TextTable:
    """Return the table of the networks with the best score."""
    header = [*_FIRST, board.truth, "rank", "ties", *_COUNTS, "network"]
    body = []
    for row in board.rows:
        *numbers, network = _pick(row, named)
        body.append([*_first(row), *numbers, *_counts(row), network])
    best = f"of {board.architectures:,}, the best has {four_digits(board.accuracies[1])}"
    return TextTable(f"The network of the best score ({best})", header, body, ["better", "network"])


def _first(row: ProxyRow) -> tuple[str, str]:
    return row.label, "↑" if row.column.higher_is_better else "↓"


def _counts(row: ProxyRow) -> Iterator[str]:
    """Yield the number of scores behind the coefficients, and the numbers of missing ones."""
    yield _count(row.agreement.n)
    for status in ("undefined", "failed", "pending"):
        yield _count(row.column.count(status))


def _pick(row: ProxyRow, named: int) -> tuple[str, str, str, str]:
    """Return accuracy, rank, number and names of the networks with a proxy's best score."""
    pick = row.selected
    if pick is None:
        return "–", "–", "–", "–"
    if len(row.networks) == 1:
        return four_digits(pick.accuracy), _count(pick.rank), "–", row.networks[0]
    reached = f"{four_digits(pick.low)} to {four_digits(pick.high)}, mean {four_digits(pick.accuracy)}"
    more = len(row.networks) - named
    names = " ".join(row.networks[:named]) + (f" and {more:,} more" if more > 0 else "")
    return reached, f"{pick.rank:,} to {pick.worst_rank:,}", _count(len(row.networks)), names


def interval(estimate: IntervalEstimate, digits: int = 3, sign: str = "") -> str:
    """Return a coefficient with its interval, as far as they exist.

    Args:
        estimate: the coefficient.
        digits: after the point.
        sign: ``"+"`` to show the sign of positive numbers, else ``""``.

    >>> interval(IntervalEstimate(0.5, 0.4, 0.61), sign="+"), interval(IntervalEstimate(0.5, None, None), 2)
    ('+0.500 [+0.400, +0.610]', '0.50')
    """
    if estimate.value is None:
        return "–"
    form = f"{sign}.{digits}f"
    if estimate.low is None or estimate.high is None:
        return format(estimate.value, form)
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _signed(estimate: IntervalEstimate) -> str:
    return interval(estimate, sign="+")


def _count(number: int) -> str:
    return f"{number:,}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _line(board: Leaderboard, found: Mapping[str, object]) -> dict[str, object]:
    options = board.options
    return {
        "table": board.name,
        "truth": board.truth,
        **found,
        "undefined_rank": options.undefined,
        "positive_only": str(options.positive).lower(),
        "share": options.share,
        "resamples": options.resamples,
        "seed": options.seed,
        "architectures": board.architectures,
        "untrained": board.untrained,
        "best_accuracy": board.accuracies[1],
        "command": board.command,
        "facts": json.dumps(_told(board.facts), ensure_ascii=False, default=str),
    }


def _of_row(row: ProxyRow) -> Iterator[tuple[str, object]]:
    """Yield the cells of a proxy's line of CSV, by column."""
    column, pick = row.column, row.selected
    yield from {"label": row.label, "proxy": column.proxy, "version": column.version}.items()
    yield "options", json.dumps(dict(column.options), ensure_ascii=False, default=str)
    yield "higher_is_better", str(column.higher_is_better).lower()
    yield from _coefficients("", row.agreement)
    for status, name in (("ok", "scored"), ("undefined", "undefined"), ("failed", "failed"), ("pending", "pending")):
        yield name, column.count(status)
    yield from _coefficients("by_accuracy_", row.top.by_accuracy)
    yield from _coefficients("by_score_", row.top.by_score)
    yield from {"overlap": row.top.overlap, "hits": row.top.hits}.items()
    if pick:
        names = ("accuracy", "low", "high", "rank", "worst_rank")
        yield from ((f"selected_{name}", getattr(pick, name)) for name in names)
        yield "selected_count", len(row.networks)
        yield "selected", " ".join(row.networks[:_KEYS]) + (" …" if len(row.networks) > _KEYS else "")
    yield from {"seconds": row.seconds, "units": row.units}.items()


def _of_vote(vote: Vote) -> dict[str, object]:
    # Failed and pending ones are counted together: either way a member's score is missing.
    counts = {"n": vote.n, "undefined": vote.undefined, "unscored": vote.unscored}
    return {"label": vote.label, "pairs_in_order": vote.share, **counts}


def _coefficients(prefix: str, found: Agreement) -> Iterator[tuple[str, object]]:
    for name in ("spearman", "kendall", "pearson"):
        estimate = getattr(found, name)
        for part, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            yield f"{prefix}{name}{part}", value
    yield f"{prefix}n", found.n


def html_figure(caption: str, image: bytes) -> str:
    """Return a PNG image as part of a page."""
    text, data = html_text(caption), b64encode(image).decode("ascii")
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}" /><figcaption>{text}</figcaption></figure>\n'
