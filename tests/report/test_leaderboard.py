"""Leaderboards: order, what counts as undefined, and the three renderings."""

from __future__ import annotations

import csv
import io
import re

import pytest

from naslib_zc_plugin.report.leaderboard import Row, as_csv, as_markdown, as_text, leaderboard
from naslib_zc_plugin.report.statistics import agreement

TRUTH = {f"arch{i}": float(accuracy) for i, accuracy in enumerate([50, 61, 72, 70, 88, 91, 93, 94])}
UP = {key: accuracy**2 for key, accuracy in TRUTH.items()}
SCORES = {
    "constant": dict.fromkeys(TRUTH, 1.0),
    "down": {key: -score for key, score in UP.items()},
    "noisy|one": dict(zip(TRUTH, [3.0, 1.0, 2.0, 5.0, 4.0, 8.0, 7.0, 6.0])),
    "partial": {
        "arch1": 1.0,
        "arch4": 3.0,
        "arch5": None,
        "arch6": float("nan"),
        "arch7": 2.0,
        "elsewhere": 9.0,
    },
    "wrong": UP,
}
DIRECTIONS = {
    "constant": True,
    "down": False,
    "noisy|one": True,
    "partial": True,
    "wrong": False,
    "unused": True,
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return leaderboard(TRUTH, SCORES, DIRECTIONS, units={"down": 2.5}, resamples=100)


def test_best_first_and_undefined_last(rows: list[Row]) -> None:
    assert [row.name for row in rows] == ["down", "noisy|one", "partial", "wrong", "constant"]
    assert [row.direction for row in rows] == ["↓", "↑", "↑", "↓", "↑"]
    assert [row.units for row in rows] == [2.5, None, None, None, None]
    assert rows[0].agreement.spearman.value == 1
    assert rows[3].agreement.spearman.value == -1
    assert rows[4].agreement.spearman.value is None


def test_a_row_is_the_proxys_agreement(rows: list[Row]) -> None:
    expected = agreement(list(SCORES["noisy|one"].values()), list(TRUTH.values()), resamples=100)
    assert rows[1].agreement == expected


def test_architectures_not_scored_are_undefined(rows: list[Row]) -> None:
    assert (rows[2].agreement.n, rows[2].agreement.undefined) == (3, 5)
    worst = leaderboard(TRUTH, SCORES, DIRECTIONS, undefined="worst", resamples=0)
    partial = next(row for row in worst if row.name == "partial")
    assert (partial.agreement.n, partial.agreement.undefined) == (8, 5)


def test_a_direction_is_required() -> None:
    with pytest.raises(ValueError, match="higher_is_better lacks down"):
        leaderboard(TRUTH, {"down": UP}, {})


def test_text_is_aligned(rows: list[Row]) -> None:
    header, *lines = as_text(rows).splitlines()
    assert len({len(line) for line in (header, *lines)}) == 1
    assert header.split() == "proxy Spearman [95%] Kendall [95%] N undefined units".split()
    assert lines[0].split()[:5] == ["down", "↓", "+1.000", "[+1.000,", "+1.000]"]
    assert lines[0].split()[-3:] == ["8", "0", "2.5"]
    assert lines[4].split() == ["constant", "↑", "–", "–", "8", "0", "–"]
    for line in lines:
        assert re.match(r"[\d–.]", line[-1])


def test_units_and_intervals_show_only_where_they_exist() -> None:
    text = as_text(leaderboard(TRUTH, {"down": SCORES["down"]}, DIRECTIONS, resamples=0))
    assert "units" not in text
    assert text.splitlines()[1].split() == ["down", "↓", "+1.000", "+1.000", "8", "0"]


def test_markdown_has_one_cell_per_column(rows: list[Row]) -> None:
    lines = as_markdown(rows).splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert [len(line) for line in cells] == [7] * 7
    assert cells[3][0].strip() == r"noisy\|one"
    assert all(re.fullmatch(r" (:--|:-:|--:) ", cell) for cell in cells[1])


def test_csv_keeps_full_precision(rows: list[Row]) -> None:
    read = list(csv.DictReader(io.StringIO(as_csv(rows), newline="")))
    assert [line["proxy"] for line in read] == [row.name for row in rows]
    for line, row in zip(read, rows):
        for name in ("spearman", "kendall", "pearson"):
            estimate = getattr(row.agreement, name)
            texts = (line[name], line[f"{name}_low"], line[f"{name}_high"])
            found = [float(text) if text else None for text in texts]
            assert found == [estimate.value, estimate.low, estimate.high]
        assert (int(line["n"]), int(line["undefined"])) == (row.agreement.n, row.agreement.undefined)
    assert [line["higher_is_better"] for line in read[:2]] == ["false", "true"]
    assert [line["units"] for line in read[:2]] == ["2.5", ""]


def test_no_proxies() -> None:
    assert as_text([]).split()[0] == "proxy"
    assert len(as_markdown([]).splitlines()) == 2
    assert len(as_csv([]).splitlines()) == 1
