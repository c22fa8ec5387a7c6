"""What is printed beside what is ours: cells, rows, and tables in their places on a page."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from naslib_zc_plugin.report.published import difference, interval, markdown, ranking, replaced, rows_beside, side
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
def test_the_measures_of_the_tables(up: bool) -> None:
    entries: list[Entry] = [value if up else -float(value) for value in NOISY]
    entries[:3], entries[3:10] = ["failed", "left", "failed"], ["undefined"] * 7
    n, undefined, found = ranking(column(entries, up=up), TRUTH, resamples=20)
    assert (n, undefined) == (190, 7)
    values, truth = np.array(NOISY[10:], dtype=float), TRUTH[10:]
    best = truth > np.quantile(truth, 0.9)
    chosen = values > np.quantile(values, 0.9)
    hits = np.count_nonzero((truth > np.quantile(truth, 0.95)) & (values >= np.sort(values)[-64]))
    expected = [
        spearmanr(values, truth)[0], spearmanr(values[best], truth[best])[0], kendalltau(values, truth)[0],
        kendalltau(values[best], truth[best])[0],
        100 * np.count_nonzero(best & chosen) / np.count_nonzero(chosen), hits,
    ]  # fmt: skip
    assert [each.value for each in found] == pytest.approx(expected)
    assert [each.low is None for each in found] == [False] * 4 + [True] * 2


def test_two_rows() -> None:
    entries = [*NOISY[:-2], "undefined", "failed"]
    printed, ours = rows_beside("p", (5000, 0.7, None, 0.5, 0.1, 12.5, 3), column(entries), TRUTH, resamples=50)
    assert printed == ["p", "printed", "5,000", "–", "0.7", "–", "0.5", "0.1", "12.5", "3"]
    assert ours[:4] == ["p", "ours", "198", "1; 1 failed"] and len(ours) == len(printed)
    rho = spearmanr(np.array(NOISY[:-2], dtype=float), TRUTH[:-2])[0]
    assert ours[4].startswith(f"{rho:.2f} [") and f" ({rho - 0.7:+.3f}" in ours[4] and ours[5].endswith(" (–)")


def test_a_table_takes_the_place_of_the_one_below_its_name() -> None:
    page = "# A\n\n<!-- one -->\n\n| old |\n| --- |\n\nText\n\n<!-- two -->\n\nMore\n"
    new = replaced(page, {"one": "| \\1 new |\n", "two": markdown(["", "a"], [["b", ""]])})
    assert (
        new == "# A\n\n<!-- one -->\n\n| \\1 new |\n\nText\n\n<!-- two -->\n\n| | a |\n| --- | --- |\n| b | |\n\nMore\n"
    )
    with pytest.raises(ValueError, match="0 places <!-- three -->"):
        replaced(page, {"three": ""})
