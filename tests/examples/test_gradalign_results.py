"""The page of GradAlign's tables holds what the committed scores give, and printed values fit each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from naslib_zc_plugin.report.leaderboards import mean_ranks
from tests.examples import example, pages

pytest.importorskip("pyarrow")
results = example("gradalign_results")


def test_the_page_holds_what_the_committed_scores_give(shared: Path) -> None:
    pages.check("gradalign", shared / "data")


def test_printed_ranks_are_those_of_the_printed_coefficients() -> None:
    ranking = mean_ranks({"nasbench101": [{method: numbers[0] for method, numbers in results.ROWS.items()}]})
    assert {row.name: row.mean for row in ranking.rows} == {name: each[-3] for name, each in results.ROWS.items()}
    assert len(results.ROWS) == 12 and all(len(each) == 8 for each in results.ROWS.values())


def test_without_exports_nothing_is_run(shared: Path, tmp_path: Path) -> None:
    empty = results.Results(shared / "data", tmp_path)
    lines = results.table2(empty, 0).splitlines()[2:]
    assert len(lines) == 13 and all("| not run |" in line for line in lines)
    assert results.table3(empty).count("not run") == 13 and results.table5(empty).count("not run") == 36
