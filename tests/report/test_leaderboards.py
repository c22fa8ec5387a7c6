"""Leaderboards: what they hold and count, and mean ranks over several."""

from __future__ import annotations

import math

import numpy as np
import pytest

from naslib_zc_plugin.aggregates import Aggregate, vote_share
from naslib_zc_plugin.report.correlations import agreement
from naslib_zc_plugin.report.leaderboards import Leaderboard, LeaderboardOptions, leaderboard, mean_ranks
from naslib_zc_plugin.report.selection import selected, top
from tests.report.tables import FACTS, column, table

ACCURACIES = [50.0, 61.0, 72.0, 70.0, 88.0, 91.0, 93.0, 94.0]
TRUTH = {f"arch{i}": accuracy for i, accuracy in enumerate(ACCURACIES)}
NOISY = [3.0, 1.0, 2.0, 5.0, 4.0, 8.0, 7.0, 6.0]
PARTIAL = ["pending", 1.0, "failed", "failed", 3.0, "undefined", "undefined", 2.0]
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
def board() -> Leaderboard:
    return leaderboard(SCORES, TRUTH, "test", LeaderboardOptions(resamples=100), units={"down": 2.5}, command="again")


def test_best_first_and_undefined_last(board: Leaderboard) -> None:
    assert [row.label for row in board.rows] == ["down", "noisy|one", "partial", "wrong", "constant"]
    assert [row.units for row in board.rows] == [2.5, None, None, None, None]
    assert board.rows[0].agreement.spearman.value == 1
    assert board.rows[3].agreement.spearman.value == -1
    assert board.rows[4].agreement.spearman.value is None


def test_a_row_is_the_proxys_measures(board: Leaderboard) -> None:
    row = board.rows[1]
    assert row.agreement == agreement(NOISY, ACCURACIES, resamples=100)
    assert row.top == top(NOISY, ACCURACIES, resamples=100)
    assert row.selected == selected(NOISY, ACCURACIES) and row.networks == ("arch5",)
    assert board.rows[0].seconds == 2 and row.seconds is None
    assert board.rows[4].networks == tuple(TRUTH)


def test_a_board_says_what_it_compares(board: Leaderboard) -> None:
    assert (board.name, board.truth, board.architectures, board.untrained) == ("trial", "test", 8, 0)
    assert (board.accuracies, board.facts, board.command) == ((50, 94), FACTS, "again")


def test_undefined_scores_rank_where_told_and_missing_ones_never() -> None:
    partial = leaderboard(SCORES, TRUTH).rows[2]
    assert [partial.column.count(status) for status in ("ok", "undefined", "failed", "pending")] == [3, 2, 2, 1]
    assert (partial.agreement.n, partial.agreement.undefined) == (3, 2)
    worst = next(
        row
        for row in leaderboard(SCORES, TRUTH, options=LeaderboardOptions(undefined="worst")).rows
        if row.label == "partial"
    )
    assert (worst.agreement.n, worst.agreement.undefined) == (5, 2)
    kept = [i for i, entry in enumerate(PARTIAL) if entry not in ("failed", "pending")]
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
    scores = table({"p": column([0.0, -1.0, 2.0, 3.0, 1.0, "failed", "pending", "undefined"])})
    (row,) = leaderboard(scores, TRUTH, options=LeaderboardOptions(positive=True)).rows
    assert [row.column.count(status) for status in ("ok", "undefined", "failed", "pending")] == [3, 3, 1, 1]
    assert row.agreement == agreement([2.0, 3.0, 1.0, None, None, None], [72, 70, 88, 94, 50, 61])


def test_aggregates_are_rows_and_votes() -> None:
    asked = [Aggregate.parse(text) for text in ("log_rank_sum:down,noisy|one", "vote:down,noisy|one,partial")]
    found = leaderboard(SCORES, TRUTH, options=LeaderboardOptions(asked, resamples=0))
    joined = next(row for row in found.rows if row.label == "log_rank_sum(down, noisy|one)")
    ranks = np.argsort(np.argsort(ACCURACIES)) + 1
    noisy = np.argsort(np.argsort(NOISY)) + 1
    expected = agreement(np.log(ranks / len(ranks)) + np.log(noisy / len(ranks)), ACCURACIES, resamples=0)
    assert joined.agreement == expected
    (share,) = found.votes
    judged = [1, 4, 5, 6, 7]  # partial has a score there, or an undefined one
    undefined = -np.inf
    members = [[ACCURACIES[i] for i in judged], [NOISY[i] for i in judged], [1.0, 3.0, undefined, undefined, 2.0]]
    assert share.share == vote_share(np.array(members), np.array([ACCURACIES[i] for i in judged]))
    assert "vote(down, noisy|one, partial)" in {row.label for row in found.rows}
    assert (share.label, share.n, share.undefined, share.unscored) == ("vote(down, noisy|one, partial)", 5, 2, 3)


def test_one_architecture_has_no_coefficient() -> None:
    found = leaderboard(table({"p": column([1.0])}), {"arch0": 1.0})
    assert found.rows[0].agreement.spearman.value is None and found.rows[0].top.overlap is None


# Kendall's tau as printed: NAS-Bench-101 (Table 2); NAS-Bench-201 on CIFAR-10, CIFAR-100, ImageNet16-120 (Table 4);
# NDS on Amoeba, DARTS, DARTS-fix-w-d, ENAS, NASNet, PNAS (Table 6). Then the ranks of Table 8.
PRINTED = """
GradAlign-I   .287  .617 .633 .623   .274  .545  .189 .444  .306 .415   2.000  1.000  1.000  1.333
GradAlign-II  .284  .599 .622 .607   .257  .540  .148 .425  .298 .408   3.000  2.000  2.833  2.611
GradSign      .278  .561 .595 .596   .260  .541  .153 .427  .293 .408   4.000  3.667  2.333  3.333
NASWOT        .244  .587 .621 .594   .187  .462  .102 .370  .278 .360   7.000  3.333  4.167  4.833
TE-NAS        .271  .387 .377 .345   .039  .164  .021 .205 -.533 .151   5.000 10.333  8.333  7.889
fisher       -.247  .377 .404 .367  -.122  .197 -.213 .032 -.099 .040  12.000  9.667 11.000 10.889
grad_norm    -.207  .437 .464 .427  -.113  .228 -.186 .056 -.078 .097  11.000  7.667  9.833  9.500
grasp         .175  .319 .379 .411   .072 -.052  .086 .053  .171 .021   8.000 10.000  8.500  8.833
jacob_cov    -.029  .553 .549 .554   .236  .192  .169 .122  .122 .158   9.000  5.667  6.000  6.889
snip         -.186  .435 .466 .432  -.079  .272 -.157 .093 -.048 .152  10.000  7.333  8.667  8.667
Synflow       .254  .540 .568 .561  -.053  .299 -.092 .133  .019 .181   6.000  5.333  7.333  6.222
Zen-NAS       .395  .180 .188 .219  -.020  .323  .011 .183  .071 .187   1.000 12.000  6.333  6.444
"""
LINES = {name: list(map(float, numbers)) for name, *numbers in map(str.split, PRINTED.strip().splitlines())}
TAU = [{name: numbers[place] for name, numbers in LINES.items()} for place in range(10)]
BENCHMARKS = {"NAS-Bench-101": TAU[:1], "NAS-Bench-201": TAU[1:4], "NDS": TAU[4:]}


def test_gradaligns_table_8_comes_out_exactly() -> None:
    found = mean_ranks(BENCHMARKS)
    assert not found.unranked
    assert {row.name: [f"{rank:.3f}" for rank in (*row.ranks.values(), row.mean)] for row in found.rows} == {
        name: [f"{rank:.3f}" for rank in numbers[10:]] for name, numbers in LINES.items()
    }
    assert [row.mean for row in found.rows] == sorted(row.mean for row in found.rows)
    assert list(found.rows[0].ranks) == list(BENCHMARKS)


def test_what_lacks_a_coefficient_somewhere_is_named_and_not_ranked() -> None:
    found = mean_ranks({"one": [{"a": 0.1, "b": None, "c": 0.0}], "two": [{"c": 0.5, "a": 0.2, "d": 0.3}]})
    assert [(row.name, row.ranks, row.mean) for row in found.rows] == [
        ("a", {"one": 1, "two": 2}, 1.5),
        ("c", {"one": 2, "two": 1}, 1.5),
    ]
    assert found.unranked == ["b", "d"]


@pytest.mark.parametrize("given", [{}, {"one": []}, {"one": [{"a": 1.0}], "two": []}])
def test_nothing_to_average_over(given: dict[str, list[dict[str, float]]]) -> None:
    with pytest.raises(ValueError, match="one benchmark or more"):
        mean_ranks(given)


def test_nothing_to_rank() -> None:
    with pytest.raises(ValueError, match="nothing to rank"):
        mean_ranks({"one": [{"a": 1.0}], "two": [{"b": 1.0}]})
