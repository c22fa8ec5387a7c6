"""The page of epsilon's tables holds what the committed scores give, and says what was not run."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from result_pages import HEADER

from tests.examples import EXAMPLES, example, pages

pytest.importorskip("pyarrow")
RESULTS = EXAMPLES.parent / "docs" / "results"
results = example("epsilon_results")


def printed() -> list[dict[str, str]]:
    with (RESULTS / "printed" / "epsilon.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_page_holds_what_the_committed_scores_give(shared: Path) -> None:
    pages.check("epsilon", shared / "data")


def test_what_is_printed_has_a_row_for_every_pair_of_weights() -> None:
    rows = printed()
    assert Counter(row["table"] for row in rows) == {
        "1 cifar10": 7, "1 cifar100": 7, "1 imagenet16_120": 7, "2": 7, "3": 7, "5": 6, "6": 5, "7": 15,
        "8": 45, "9": 28,
    }  # fmt: skip
    for row in rows:
        numbers = [float(row[name]) for name in ("rho", "rho_top", "tau", "tau_top") if row[name]]
        assert all(-1 <= number <= 1 for number in numbers)
        assert not row["overlap"] or 0 <= float(row["overlap"]) <= 100
        assert not row["hits"] or 0 <= int(row["hits"]) <= 64
    assert {row["row"]: row["rho"] for row in rows if row["table"] == "8"}["1e-07, 1"] == "0.87"
    assert {row["row"]: row["kept"] for row in rows if row["table"] == "7"}["0.0001, 10"] == "2120"


def test_the_rows_ask_for_columns_that_their_configurations_make() -> None:
    asked: dict[str, set[str]] = {}
    for row in printed():
        asked.setdefault(row["campaign"], set()).add(row["column"])
    for campaign, columns in asked.items():
        path = EXAMPLES.parent / "configs" / f"{campaign}.yaml"
        config = pytest.importorskip("yaml").safe_load(path.read_text(encoding="utf-8"))
        made = {each if isinstance(each, str) else each.get("label", each["name"]) for each in config["proxies"]}
        assert columns <= made, campaign


def test_a_campaign_that_is_not_there_is_not_run(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "printed").mkdir()
    (tmp_path / "printed" / "epsilon.csv").write_text((RESULTS / "printed" / "epsilon.csv").read_text("utf-8"), "utf-8")
    found = results.tables(results.Results(shared / "data", tmp_path))
    rows = [line.split(" | ") for table in found.values() for line in table.splitlines()[2:]]
    assert len(rows) == 134 and {row[2] for row in rows} == {"not run"} and {len(row) for row in rows} == {len(HEADER)}
    assert "| 1e-07, 1 | 2,957 of 5,000 (59.1 %) | not run |" in found["table 8"]
