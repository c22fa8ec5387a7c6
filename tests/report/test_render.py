"""Leaderboards in words: every table and its counts, aligned text, Markdown, and CSV in full precision."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from naslib_zc_plugin.report.aggregates import Aggregate
from naslib_zc_plugin.report.board import Board, Options
from naslib_zc_plugin.report.leaderboard import leaderboard
from naslib_zc_plugin.report.notes import notes
from naslib_zc_plugin.report.ranking import mean_ranks
from naslib_zc_plugin.report.render import as_csv, as_markdown, as_text
from naslib_zc_plugin.report.sheets import sheets
from tests.report.tables import FACTS, column, table
from tests.report.test_leaderboard import ACCURACIES, SCORES, TRUTH

VOTE = Aggregate.parse("vote:down,noisy|one,partial")
RANKING = mean_ranks({"one": [{"a": 0.5, "b": 0.1}], "two": [{"a": 0.1, "b": 0.2, "c": 0.3}]})


@pytest.fixture(scope="module")
def board() -> Board:
    truth = {**TRUTH, "arch0": 50.125}
    return leaderboard(SCORES, truth, "test", Options([VOTE], resamples=50), {"down": 2.5}, "nas-zc leaderboard a.db")


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def test_text_has_a_row_per_proxy_in_each_table_with_its_counts(board: Board) -> None:
    text = as_text([board])
    assert text.startswith("trial: proxies against test\n")
    lines = [cells(line) for line in text.splitlines() if line.startswith("partial ")]
    assert len(lines) == 3
    agreement, best, selected = lines
    assert agreement[-6:] == ["3", "2", "2", "1", "–", "–"]
    assert best[-1] == "3"
    assert selected[2:] == ["88.00", "4", "–", "3", "2", "2", "1", "arch4"]
    assert cells(text.splitlines()[4])[-6:] == ["N", "undefined", "failed", "left", "s/score", "units"]
    assert [line for line in text.splitlines() if line.startswith("vote(")]


def test_ties_are_named_and_ranged(board: Board) -> None:
    (sheet,) = (sheet for sheet in sheets(board, named=2) if "best score" in sheet.title)
    constant = dict(zip(sheet.header, sheet.body[-1]))
    assert constant["test"] == "50.12 to 94.00, mean 77.39"
    assert (constant["rank"], constant["ties"], constant["network"]) == ("1 to 8", "8", "arch0 arch1 and 6 more")


def test_notes_say_how_it_was_made_and_how_to_make_it_again(board: Board) -> None:
    text = "\n".join(notes(board))
    for words in ("8 architectures, test 50.12 to 94.00", "left out and counted", "50 resamples, seed 0"):
        assert words in text
    for fact in ("preset naslib", "images (name cifar10.npz, sha256 c0ffee)", "network (C 16, N 5)", "torch 2.13.0"):
        assert fact in text
    assert "down (ntk version 1)" in text and "noisy|one (p version 1, weights [0.0001, 10])" in text
    assert f"Scored by: {FACTS['command']}\nTabulated by: nas-zc leaderboard a.db" in text


def test_notes_of_other_options() -> None:
    options = Options(undefined="worst", positive=True, resamples=0)
    found = leaderboard(
        table({"p": column([1.0, 2.0])}, facts={"keys": list(range(100))}), {"arch0": 1.0}, options=options
    )
    text = "\n".join(notes(found))
    for words in ("1 more have no accuracy", "rank below all others", "not above zero", "6, 7 … 100 in all]"):
        assert words in text
    assert "bootstrap" not in text and "Scored by" not in text and "Tabulated by" not in text
    assert "[95%]" not in as_text([found])
    assert "s/score" not in as_text([found]) and "units" not in as_text([found])


def test_brief_text_leaves_the_best_out(board: Board) -> None:
    assert "Among the best" in as_text([board]) and "Among the best" not in as_text([board], brief=True)


def test_text_is_aligned(board: Board) -> None:
    block = as_text([board]).split("\n\n")[1].splitlines()
    header, rows = block[1], block[2:]
    for name in ("N", "undefined", "failed", "left", "s/score", "units"):
        end = re.search(rf"\b{name}\b", header).end()  # type: ignore[union-attr]
        assert all(row[end - 1] != " " and row[end : end + 1] in ("", " ") for row in rows)


def test_markdown_has_one_cell_per_column(board: Board) -> None:
    blocks = [block for block in as_markdown([board, board], RANKING).split("\n\n") if block.startswith("| ")]
    assert len(blocks) == 2 * 4 + 1
    for block in blocks:
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.strip().splitlines()]
        assert len({len(row) for row in rows}) == 1
        assert all(re.fullmatch(r" (:--|--:) ", cell) for cell in rows[1])
    assert blocks[0].splitlines()[3].startswith(r"| noisy\|one | ↑ |")


def test_csv_keeps_full_precision_and_every_count(board: Board) -> None:
    read = list(csv.DictReader(io.StringIO(as_csv([board]), newline="")))
    assert [line["label"] for line in read] == [row.label for row in board.rows] + [VOTE.label]
    for line, row in zip(read, board.rows):
        tops = {"": row.agreement, "by_accuracy_": row.top.by_accuracy, "by_score_": row.top.by_score}
        for prefix, found in tops.items():
            assert int(line[f"{prefix}n"]) == found.n
            for name in ("spearman", "kendall", "pearson"):
                texts = [line[f"{prefix}{name}{part}"] for part in ("", "_low", "_high")]
                estimate = getattr(found, name)
                values = [float(text) if text else None for text in texts]
                assert values == [estimate.value, estimate.low, estimate.high]
        assert [int(line[name]) for name in ("scored", "undefined", "failed", "left")] == [
            row.column.count(status) for status in ("ok", "undefined", "failed", "left")
        ]
        assert row.selected is not None and float(line["selected_accuracy"]) == row.selected.accuracy
        assert json.loads(line["facts"]) == FACTS and line["command"] == board.command
    down, noisy = read[:2]
    assert (down["units"], noisy["units"], down["higher_is_better"], down["undefined_rank"]) == (
        "2.5",
        "",
        "false",
        "drop",
    )
    assert json.loads(noisy["options"]) == {"weights": [1e-4, 10]} and noisy["selected"] == "arch5"
    (vote,) = board.votes
    assert (float(read[-1]["pairs_in_order"]), int(read[-1]["n"])) == (vote.share, vote.n)


def test_csv_names_only_some_of_many_ties() -> None:
    scores = table({"p": column([1.0] * 30)})
    found = leaderboard(scores, {key: float(i) for i, key in enumerate(scores.keys)}, options=Options(resamples=0))
    (line,) = csv.DictReader(io.StringIO(as_csv([found])))
    assert line["selected_count"] == "30" and line["selected"].split()[-2:] == ["arch19", "…"]


def test_mean_ranks_say_who_is_not_ranked() -> None:
    text = as_text([], RANKING)
    assert [cells(line) for line in text.splitlines()[1:4]] == [
        ["proxy", "one", "two", "mean"],
        ["a", "1.000", "2.000", "1.500"],
        ["b", "2.000", "1.000", "1.500"],
    ]
    assert "Not ranked, as they lack a coefficient somewhere: c." in text


def test_what_has_no_score_at_all() -> None:
    scores = table({"p": column(["undefined", "failed", "left", "left"] * 2)})
    found = leaderboard(scores, dict(zip(TRUTH, ACCURACIES)))
    assert cells(as_text([found]).splitlines()[5]) == ["p", "↑", "–", "–", "–", "0", "2", "2", "4"]
    (line,) = csv.DictReader(io.StringIO(as_csv([found])))
    assert (line["n"], line["left"], line["spearman"]) == ("0", "4", "") and not line.get("selected")
