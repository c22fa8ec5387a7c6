"""The printed numbers as data, and the verdicts on ours."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from naslib_zc_plugin.reproduce import printed
from naslib_zc_plugin.reproduce.printed import (
    EXPLAINED,
    INSIDE,
    MEASURES,
    MISSING,
    NOT_RUN,
    OUTSIDE,
    OurNumber,
    PrintedRow,
    counted,
    explanation,
    judged,
    list_tables,
    printed_rows,
    printed_table,
    title,
)

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def _row(**numbers: str) -> PrintedRow:
    return PrintedRow("toy-1", "naswot", "CIFAR-10", (), "naswot", "accuracy", {}, numbers)


def test_all_printed_numbers_are_there_and_each_once() -> None:
    rows = printed_rows()
    places = [(row.table, row.row, row.part, measure) for row in rows for measure in row.printed]
    assert len(places) == len(set(places))
    assert sum(len(row.printed) for row in rows) == 1402
    assert {measure for row in rows for measure in row.printed} <= set(MEASURES)
    # GradAlign's Table 4 has twelve methods on three data sets; NASWOT's .587 and zen's .219 are in it.
    cells = {(row.row, row.part): row.printed["tau"] for row in printed_table("gradalign-4")}
    assert len(cells) == 36
    assert (cells["naswot", "CIFAR-10"], cells["zen", "ImageNet16-120"]) == ("0.587", "0.219")


def test_numbers_have_the_digits_that_are_printed() -> None:
    """A zero that is left out at the end makes the number ten times as wide: .7 is any from .65 to .75."""
    digits: dict[tuple[str, str], set[int]] = {}
    for row in printed_rows():
        for measure in {"tau", "rho", "r", "rho_top", "tau_top", "rho_best"} & set(row.printed):
            digits.setdefault((row.table, measure), set()).add(len(row.printed[measure].partition(".")[2]))
    uneven = {place: found for place, found in digits.items() if len(found) > 1}
    assert not uneven
    assert {found.pop() for (table, _), found in digits.items() if table.startswith("epsilon")} == {2}


def test_each_row_can_be_made_or_says_why_not() -> None:
    for row in printed_rows():
        if missing := row.options.get("missing"):
            assert missing in MISSING
        elif not {"ranks", "weights"} & ({*row.options} | {*row.printed}):
            assert row.label
            assert row.truth
        for name in (name for joined in row.campaigns for name in joined.split("+")):
            assert "*" in name or (CONFIGS / f"{name}.yaml").exists(), name


def test_explanations_are_of_rows_that_exist() -> None:
    with (Path(printed.__file__).parent / "explained.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    reached = {explanation(row, measure) for row in printed_rows() for measure in row.printed}
    assert {line["why"] for line in lines} <= reached
    assert all(line["why"].strip() for line in lines)


def test_tables_have_titles() -> None:
    assert len({title(name) for name in list_tables()}) == len(list_tables())
    assert title("lightweight-3") == "Lightweight NAS, Table III"
    assert title("epsilon-1-brackets") == "epsilon, Table 1 (brackets)"
    with pytest.raises(ValueError, match=r"no table 'epsilon-99'; there are gradalign-2"):
        printed_table("epsilon-99")


@pytest.mark.parametrize(
    ("text", "low", "high", "verdict"),
    [
        ("0.70", 0.680, 0.693, OUTSIDE),  # .695 at the least rounds to .70
        ("0.7", 0.640, 0.651, INSIDE),  # .65 rounds to .7
        ("44", 30.0, 43.5, INSIDE),
        ("44", 30.0, 43.4, OUTSIDE),
        ("-0.247", -0.3, -0.2474, INSIDE),
        ("-0.247", -0.3, -0.2476, OUTSIDE),
    ],
)
def test_a_number_is_inside_if_one_that_is_printed_so_is(text: str, low: float, high: float, verdict: str) -> None:
    cell = judged(_row(tau=text), "tau", OurNumber((low + high) / 2, low, high, 100), "made")
    assert cell.verdict == verdict
    assert cell.difference == pytest.approx((low + high) / 2 - float(text))


def test_an_explained_number_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"table": "toy-*", "row": "zen|naswot", "part": "*", "measure": "tau", "why": "another batch"}]
    monkeypatch.setattr(printed, "_explained", lambda: lines)
    ours = OurNumber(0.5, 0.4, 0.6, 100)
    cells = [judged(_row(tau="0.9", rho="0.9"), measure, ours, "made") for measure in ("tau", "rho")]
    assert [(cell.verdict, cell.why) for cell in cells] == [(EXPLAINED, "another batch"), (OUTSIDE, "")]
    assert judged(_row(tau="0.5"), "tau", ours, "made").verdict == INSIDE
    absent = judged(_row(tau="0.5"), "tau", OurNumber(None, reason="no scores"), "")
    assert (absent.verdict, absent.why) == (NOT_RUN, "no scores")
    assert counted([*cells, absent])[NOT_RUN] == 1
