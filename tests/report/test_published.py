"""What is printed beside what is ours: cells, rows, and tables in their places on a page."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from naslib_zc_plugin.report.published import (
    HEADER,
    Ranking,
    difference,
    interval,
    markdown,
    replaced,
    row_beside,
    side,
)
from naslib_zc_plugin.report.statistics import Estimate
from tests.report.tables import Entry, column

RNG = np.random.default_rng(8)
TRUTH = RNG.normal(size=200)
NOISY: list[Entry] = [float(value) for value in TRUTH + RNG.normal(size=200)]


def test_where_a_printed_value_lies() -> None:
    estimate = Estimate(0.5, 0.4, 0.6)
    assert [side(value, estimate) for value in (0.3, 0.4, 0.6, 0.7)] == ["above", "inside", "inside", "below"]
    assert [difference(value, estimate) for value in (0.3, 0.45, None)] == ["+0.200", "+0.050*", "–"]
    assert difference(0.5, Estimate(0.25, None, None)) == "-0.250"
    with pytest.raises(ValueError, match="without interval"):
        side(0.5, Estimate(0.5, None, None))


def test_a_coefficient_in_words() -> None:
    assert interval(Estimate(0.5, 0.4, 0.6), 2) == "0.50 [0.40, 0.60]"
    assert interval(Estimate(0.5, None, None)) == "0.500" and interval(Estimate(None, None, None)) == "–"


@pytest.mark.parametrize("up", [True, False])
def test_a_row_of_the_measures_of_the_tables(up: bool) -> None:
    entries: list[Entry] = [value if up else -float(value) for value in NOISY]
    entries[:3], entries[3:10] = ["failed", "left", "failed"], ["undefined"] * 7
    printed = Ranking(0.7, None, 0.5, 0.1, 12.5, 3)
    row = row_beside("p", printed, "60 %", column(entries, up=up), TRUTH, resamples=20)
    values, truth = np.array(NOISY[10:], dtype=float), TRUTH[10:]
    best = truth > np.quantile(truth, 0.9)
    chosen = values > np.quantile(values, 0.9)
    hits = np.count_nonzero((truth > np.quantile(truth, 0.95)) & (values >= np.sort(values)[-64]))
    rho, tau = spearmanr(values, truth)[0], kendalltau(values, truth)[0]
    assert len(row) == len(HEADER) and row[:5] == ["p", "60 %", "190 of 197 (96.4 %)", "7", "0.7"]
    assert row[5].startswith(f"{rho:.3f} [") and row[6].startswith(f"{rho - 0.7:+.3f}")
    assert row[7] == "0.5" and row[8].startswith(f"{tau:.3f} [") and row[9].startswith(f"{tau - 0.5:+.3f}")
    assert row[10] == f"– / {spearmanr(values[best], truth[best])[0]:.2f}"
    assert row[11] == f"0.1 / {kendalltau(values[best], truth[best])[0]:.2f}"
    shared = 100 * np.count_nonzero(best & chosen) / np.count_nonzero(chosen)
    assert row[12] == f"12.5 / {shared:.2f}".rstrip("0").rstrip(".") and row[13] == f"3 / {hits}"


def test_a_row_without_scores() -> None:
    none = column(["undefined"] * 3)
    row = row_beside("p", Ranking(0.7, *[None] * 5), "–", none, TRUTH[:3])
    assert row[2:7] == ["0 of 3 (0.0 %)", "3", "0.7", "–", "–"] and row[-1] == "– / –"


def test_a_table_takes_the_place_of_the_one_below_its_name() -> None:
    page = "# A\n\n<!-- one -->\n\n| old |\n| --- |\n\nText\n\n<!-- two -->\n\nMore\n"
    new = replaced(page, {"one": "| \\1 new |\n", "two": markdown(["", "a"], [["b", ""]])})
    assert (
        new == "# A\n\n<!-- one -->\n\n| \\1 new |\n\nText\n\n<!-- two -->\n\n| | a |\n| --- | --- |\n| b | |\n\nMore\n"
    )
    with pytest.raises(ValueError, match="0 places <!-- three -->"):
        replaced(page, {"three": ""})
