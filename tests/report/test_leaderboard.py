"""Leaderboards: order, what is counted and what is left out, aggregates, and what each row rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from naslib_zc_plugin.report.aggregates import Aggregate, vote
from naslib_zc_plugin.report.board import Board, Options
from naslib_zc_plugin.report.leaderboard import leaderboard
from naslib_zc_plugin.report.statistics import agreement
from naslib_zc_plugin.report.top import selected, top
from tests.report.tables import FACTS, column, table

ACCURACIES = [50.0, 61.0, 72.0, 70.0, 88.0, 91.0, 93.0, 94.0]
TRUTH = {f"arch{i}": accuracy for i, accuracy in enumerate(ACCURACIES)}
NOISY = [3.0, 1.0, 2.0, 5.0, 4.0, 8.0, 7.0, 6.0]
PARTIAL = ["left", 1.0, "failed", "failed", 3.0, "undefined", "undefined", 2.0]
SCORES = table(
    {
        "constant": column([1.0] * 8),
        "down": column(
            [-accuracy for accuracy in ACCURACIES], "ntk", up=False, seconds=[3, 1, 2, 9, math.nan, 1, 1, 9]
        ),
        "noisy|one": column(NOISY, options={"weights": (1e-4, 10)}),
        "partial": column(PARTIAL),
        "wrong": column(ACCURACIES, up=False),
    }
)


@pytest.fixture(scope="module")
def board() -> Board:
    return leaderboard(SCORES, TRUTH, "test", Options(resamples=100), units={"down": 2.5}, command="again")


def test_best_first_and_undefined_last(board: Board) -> None:
    assert [row.label for row in board.rows] == ["down", "noisy|one", "partial", "wrong", "constant"]
    assert [row.units for row in board.rows] == [2.5, None, None, None, None]
    assert board.rows[0].agreement.spearman.value == 1
    assert board.rows[3].agreement.spearman.value == -1
    assert board.rows[4].agreement.spearman.value is None


def test_a_row_is_the_proxys_measures(board: Board) -> None:
    row = board.rows[1]
    assert row.agreement == agreement(NOISY, ACCURACIES, resamples=100)
    assert row.top == top(NOISY, ACCURACIES, resamples=100)
    assert row.selected == selected(NOISY, ACCURACIES) and row.networks == ("arch5",)
    assert board.rows[0].seconds == 2 and row.seconds is None
    assert board.rows[4].networks == tuple(TRUTH)


def test_a_board_says_what_it_compares(board: Board) -> None:
    assert (board.name, board.truth, board.architectures, board.untrained) == ("trial", "test", 8, 0)
    assert (board.accuracies, board.facts, board.command) == ((50, 94), FACTS, "again")


def test_undefined_scores_rank_where_told_and_missing_ones_never() -> None:
    partial = leaderboard(SCORES, TRUTH).rows[2]
    assert [partial.column.count(status) for status in ("ok", "undefined", "failed", "left")] == [3, 2, 2, 1]
    assert (partial.agreement.n, partial.agreement.undefined) == (3, 2)
    worst = next(
        row for row in leaderboard(SCORES, TRUTH, options=Options(undefined="worst")).rows if row.label == "partial"
    )
    assert (worst.agreement.n, worst.agreement.undefined) == (5, 2)
    kept = [i for i, entry in enumerate(PARTIAL) if entry not in ("failed", "left")]
    scores = [PARTIAL[i] if isinstance(PARTIAL[i], float) else None for i in kept]
    assert worst.agreement == agreement(scores, [ACCURACIES[i] for i in kept], undefined="worst")  # type: ignore[arg-type]


def test_architectures_without_accuracy_are_left_out_and_counted() -> None:
    known = {"arch1": 61.0, "arch4": 88.0, "arch5": math.nan, "arch7": 94.0, "elsewhere": 1.0}
    found = leaderboard(SCORES, known)
    assert (found.architectures, found.untrained, found.accuracies) == (3, 5, (61, 94))
    partial = next(row for row in found.rows if row.label == "partial")
    assert partial.agreement == agreement([1.0, 3.0, 2.0], [61.0, 88.0, 94.0])
    assert partial.networks == ("arch4",) and partial.selected is not None and partial.selected.rank == 2
    with pytest.raises(ValueError, match="trial: test is known of no architecture"):
        leaderboard(SCORES, {"elsewhere": 1.0}, "test")


def test_only_positive_scores() -> None:
    scores = table({"p": column([0.0, -1.0, 2.0, 3.0, 1.0, "failed", "left", "undefined"])})
    (row,) = leaderboard(scores, TRUTH, options=Options(positive=True)).rows
    assert [row.column.count(status) for status in ("ok", "undefined", "failed", "left")] == [3, 3, 1, 1]
    assert row.agreement == agreement([2.0, 3.0, 1.0, None, None, None], [72, 70, 88, 94, 50, 61])


def test_aggregates_are_rows_and_votes() -> None:
    asked = [Aggregate.parse(text) for text in ("rank_product:down,noisy|one", "vote:down,noisy|one,partial")]
    found = leaderboard(SCORES, TRUTH, options=Options(asked, resamples=0))
    joined = next(row for row in found.rows if row.label == "rank_product(down, noisy|one)")
    ranks = np.argsort(np.argsort(ACCURACIES)) + 1
    assert joined.agreement == agreement(list(ranks * np.array(NOISY)), ACCURACIES, resamples=0)
    (share,) = found.votes
    judged = [1, 4, 5, 6, 7]  # partial has a score there, or an undefined one
    members = [[ACCURACIES[i] for i in judged], [NOISY[i] for i in judged], [1.0, 3.0, None, None, 2.0]]
    assert share.share == vote(members, [ACCURACIES[i] for i in judged])
    assert (share.label, share.n, share.undefined, share.unscored) == ("vote(down, noisy|one, partial)", 5, 2, 3)


def test_one_architecture_has_no_coefficient() -> None:
    found = leaderboard(table({"p": column([1.0])}), {"arch0": 1.0})
    assert found.rows[0].agreement.spearman.value is None and found.rows[0].top.overlap is None
