"""Leaderboards as text for a terminal, as Markdown, and as CSV in full precision."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from .board import Board, Row, Vote
from .notes import notes, title
from .ranking import Ranking
from .sheet import escaped, heading, sheet_markdown, sheet_text
from .sheets import ranks, sheets
from .statistics import Agreement

_KEYS = 20  # of networks that share the best score, in a cell of the CSV


def as_text(boards: Sequence[Board], ranking: Ranking | None = None, brief: bool = False) -> str:
    """Aligned columns, for a terminal.

    Args:
        boards: one after another, each with its notes.
        ranking: the proxies over all boards, shown last.
        brief: leave out the measures among the best, which a few architectures do not give.
    """
    parts = []
    for board in boards:
        shown = [sheet for number, sheet in enumerate(sheets(board, named=1)) if not (brief and number == 1)]
        parts += [heading(title(board)), *map(sheet_text, shown), "\n".join(notes(board)) + "\n"]
    return "\n".join(parts + ([sheet_text(ranks(ranking))] if ranking else []))


def as_markdown(boards: Sequence[Board], ranking: Ranking | None = None) -> str:
    """A section per board."""
    parts = []
    for board in boards:
        listed = "".join(f"- {escaped(note)}\n" for note in notes(board))
        parts += [f"## {escaped(title(board))}\n", *map(sheet_markdown, sheets(board)), listed]
    return "\n".join(parts + ([sheet_markdown(ranks(ranking))] if ranking else []))


def as_csv(boards: Sequence[Board]) -> str:
    """A line per proxy, aggregate and vote of each board, each with its counts and how it was made.

    Numbers are in full precision; what there is not is left empty. ``facts`` is JSON.
    """
    lines = []
    for board in boards:
        lines += [_line(board, dict(_of_row(row))) for row in board.rows]
        lines += [_line(board, _of_vote(vote)) for vote in board.votes]
    header = list(dict.fromkeys(name for line in lines for name in line))
    file = io.StringIO()
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


def _line(board: Board, found: Mapping[str, object]) -> dict[str, object]:
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
        "facts": json.dumps(dict(board.facts), ensure_ascii=False, default=str),
    }


def _of_row(row: Row) -> Iterator[tuple[str, object]]:
    column, pick = row.column, row.selected
    yield from {"label": row.label, "proxy": column.proxy, "version": column.version}.items()
    yield "options", json.dumps(dict(column.options), ensure_ascii=False, default=str)
    yield "higher_is_better", str(column.higher_is_better).lower()
    yield from _coefficients("", row.agreement)
    for status, name in (("ok", "scored"), ("undefined", "undefined"), ("failed", "failed"), ("left", "left")):
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
    # What failed and what is left are not told apart: either way a member's score is missing.
    counts = {"n": vote.n, "undefined": vote.undefined, "unscored": vote.unscored}
    return {"label": vote.label, "pairs_in_order": vote.share, **counts}


def _coefficients(prefix: str, found: Agreement) -> Iterator[tuple[str, object]]:
    for name in ("spearman", "kendall", "pearson"):
        estimate = getattr(found, name)
        for part, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            yield f"{prefix}{name}{part}", value
    yield f"{prefix}n", found.n
