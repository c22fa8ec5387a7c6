"""A leaderboard as tables to read: which columns there are, and the words in each cell."""

from __future__ import annotations

from collections.abc import Iterator

from .board import Board, Row
from .notes import accuracy
from .ranking import Ranking
from .sheet import Sheet
from .statistics import CONFIDENCE, Estimate

_FIRST = ("proxy", "better")
_COUNTS = ("N", "undefined", "failed", "left")
_COSTS = ("s/score", "units")  # shown where they are known


def sheets(board: Board, named: int = 3) -> list[Sheet]:
    """The board's tables: agreement, the best, the selected networks, and votes where there are any.

    Args:
        board: what they show.
        named: how many of the networks that share a best score are named; the others are counted.
    """
    return [_agreement(board), _best(board), _selected(board, named), *([_votes(board)] if board.votes else [])]


def ranks(ranking: Ranking) -> Sheet:
    """The mean ranks as a table."""
    benchmarks = list(ranking.rows[0].ranks)
    body = [[row.name, *(f"{row.ranks[name]:.3f}" for name in benchmarks), f"{row.mean:.3f}"] for row in ranking.rows]
    left = [f"Not ranked, as they lack a coefficient somewhere: {', '.join(ranking.unranked)}."]
    how = (
        f"Ranks by Kendall's tau among these {len(body)}, 1 the best, each over the architectures counted above; "
        "mean over data sets, then over benchmarks."
    )
    return Sheet("Mean rank", ["proxy", *benchmarks, "mean"], body, notes=[how, *(left if ranking.unranked else [])])


def _agreement(board: Board) -> Sheet:
    level = f" [{CONFIDENCE:.0%}]" if board.options.resamples else ""
    header = [*_FIRST, *(name + level for name in ("Spearman", "Kendall", "Pearson")), *_COUNTS, *_COSTS]
    body = []
    for row in board.rows:
        found = row.agreement
        estimates = map(interval, (found.spearman, found.kendall, found.pearson))
        body.append([*_first(row), *estimates, *_counts(row), _number(row.seconds, ".3g"), _number(row.units, "g")])
    kept = [i for i, name in enumerate(header) if name not in _COSTS or any(line[i] != "–" for line in body)]
    return Sheet("Agreement", [header[i] for i in kept], [[line[i] for i in kept] for line in body], ["better"])


def _best(board: Board) -> Sheet:
    percent = f"{100 * board.options.share:g}%"
    header = list(_FIRST)
    for by in ("accuracy", "score"):
        header += [f"by {by}: Spearman", "Kendall", "N"]
    header += [f"Top-{percent}/top-{percent}", "Top-64/top-5%", "of N"]
    body = []
    for row in board.rows:
        cells = list(_first(row))
        for found in (row.top.by_accuracy, row.top.by_score):
            cells += [interval(found.spearman), interval(found.kendall), _count(found.n)]
        body.append([*cells, _number(row.top.overlap, ".1f"), _number(row.top.hits, "d"), _count(row.agreement.n)])
    return Sheet(f"Among the best {percent} by accuracy, and by score", header, body, ["better"])


def _votes(board: Board) -> Sheet:
    header = ("vote", "pairs in order", "2p − 1", "N", "undefined", "failed or left")
    body = []
    for vote in board.votes:
        counts = map(_count, (vote.n, vote.undefined, vote.unscored))
        body.append([vote.label, f"{vote.share:.1%}", f"{2 * vote.share - 1:+.3f}", *counts])
    how = "Share p of pairs that a majority orders as the accuracies do; an undefined score votes minus."
    return Sheet("Votes", header, body, notes=[how])


def _selected(board: Board, named: int) -> Sheet:
    header = [*_FIRST, board.truth, "rank", "ties", *_COUNTS, "network"]
    body = []
    for row in board.rows:
        *numbers, network = _pick(row, named)
        body.append([*_first(row), *numbers, *_counts(row), network])
    best = f"The network of the best score (of {board.architectures:,}, the best has {accuracy(board.accuracies[1])})"
    return Sheet(best, header, body, ["better", "network"])


def _first(row: Row) -> tuple[str, str]:
    return row.label, "↑" if row.column.higher_is_better else "↓"


def _counts(row: Row) -> Iterator[str]:
    """How many scores the coefficients rest on, and how many there are not."""
    yield _count(row.agreement.n)
    for status in ("undefined", "failed", "left"):
        yield _count(row.column.count(status))


def _pick(row: Row, named: int) -> tuple[str, str, str, str]:
    pick = row.selected
    if pick is None:
        return "–", "–", "–", "–"
    if len(row.networks) == 1:
        return accuracy(pick.accuracy), _count(pick.rank), "–", row.networks[0]
    reached = f"{accuracy(pick.low)} to {accuracy(pick.high)}, mean {accuracy(pick.accuracy)}"
    more = len(row.networks) - named
    names = " ".join(row.networks[:named]) + (f" and {more:,} more" if more > 0 else "")
    return reached, f"{pick.rank:,} to {pick.worst_rank:,}", _count(len(row.networks)), names


def interval(estimate: Estimate) -> str:
    """A coefficient with its interval, as far as there are."""
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f}"
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"


def _count(number: int) -> str:
    return f"{number:,}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
