"""What is printed beside what is ours, columns beside each other, components, and tables in their places on a page."""

from __future__ import annotations

import numpy as np
import pytest
from result_pages import (
    HEADER,
    PrintedMeasures,
    agreements,
    beside_each_other,
    chosen,
    components,
    difference,
    markdown,
    repeated,
    replaced,
    row_beside,
    shares,
    side,
    with_columns,
)
from scipy.stats import kendalltau, pearsonr, spearmanr

from naslib_zc_plugin.report.correlations import IntervalEstimate
from naslib_zc_plugin.report.figures import similarities
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.table import ScoreTable
from tests.report.tables import Entry, column, table

RNG = np.random.default_rng(8)
TRUTH = RNG.normal(size=200)
NOISY: list[Entry] = [float(value) for value in TRUTH + RNG.normal(size=200)]


def test_where_a_printed_value_lies() -> None:
    estimate = IntervalEstimate(0.5, 0.4, 0.6)
    assert [side(value, estimate) for value in (0.3, 0.4, 0.6, 0.7)] == ["above", "inside", "inside", "below"]
    assert [difference(value, estimate) for value in (0.3, 0.45, None)] == ["+0.200", "+0.050*", "–"]
    assert difference(0.5, IntervalEstimate(0.25, None, None)) == "-0.250"
    with pytest.raises(ValueError, match="without interval"):
        side(0.5, IntervalEstimate(0.5, None, None))


def test_a_coefficient_in_words() -> None:
    assert interval(IntervalEstimate(0.5, 0.4, 0.6), 2) == "0.50 [0.40, 0.60]"
    assert (
        interval(IntervalEstimate(0.5, None, None)) == "0.500" and interval(IntervalEstimate(None, None, None)) == "–"
    )


@pytest.mark.parametrize("up", [True, False])
def test_a_row_of_the_measures_of_the_tables(up: bool) -> None:
    entries: list[Entry] = [value if up else -float(value) for value in NOISY]
    entries[:3], entries[3:10] = ["failed", "pending", "failed"], ["undefined"] * 7
    printed = PrintedMeasures(0.7, None, 0.5, 0.1, 12.5, 3)
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
    row = row_beside("p", PrintedMeasures(0.7, *[None] * 5), "–", none, TRUTH[:3])
    assert row[2:7] == ["0 of 3 (0.0 %)", "3", "0.7", "–", "–"] and row[-1] == "– / –"


def test_a_table_takes_the_place_of_the_one_below_its_name() -> None:
    page = "# A\n\n<!-- one -->\n\n| old |\n| --- |\n\nText\n\n<!-- two -->\n\nMore\n"
    new = replaced(page, {"one": "| \\1 new |\n", "two": markdown(["", "a"], [["b", ""]])})
    assert (
        new == "# A\n\n<!-- one -->\n\n| \\1 new |\n\nText\n\n<!-- two -->\n\n| | a |\n| --- | --- |\n| b | |\n\nMore\n"
    )
    with pytest.raises(ValueError, match="0 places <!-- three -->"):
        replaced(page, {"three": ""})


PARTS_RNG = np.random.default_rng(2)
PARTS_TRUTH = {f"arch{place}": float(value) for place, value in enumerate(PARTS_RNG.normal(size=40))}
PARTS_NOISY: list[Entry] = [
    value + float(noise) for value, noise in zip(PARTS_TRUTH.values(), PARTS_RNG.normal(size=40))
]
PARTS = table({"a": column(PARTS_NOISY), "down": column([-float(x) for x in PARTS_NOISY], up=False),
                "b": column([*map(float, PARTS_RNG.normal(size=38)), "undefined", "failed"])})  # fmt: skip


def test_agreements_beside_printed_ones() -> None:
    a, down, b = agreements(PARTS, PARTS_TRUTH, {"a": (0.4, None, 0.6)}, resamples=30).splitlines()[2:]
    cells = a.strip("| ").split(" | ")
    values, truth = np.array(PARTS_NOISY, dtype=float), list(PARTS_TRUTH.values())
    assert cells[:4] == ["a", "40", "0", "0.4"] and cells[6:9:2] == ["–", "–"] and cells[9] == "0.6"
    for place, oracle in ((4, kendalltau), (7, pearsonr), (10, spearmanr)):
        assert cells[place].startswith(f"{oracle(values, truth)[0]:.3f} [")
    assert down.split(" | ")[4:5] == a.split(" | ")[4:5] and " | 38 | 1 | " in b


def test_columns_beside_each_other() -> None:
    found = similarities(PARTS, PARTS_TRUTH, "trained")["kendall"]
    header, _, *rows = beside_each_other(found).splitlines()
    assert header == "| | trained | a | down | b |" and len(rows) == 4
    assert rows[1].split(" | ")[2:4] == ["1.00", "1.00"]
    assert rows[3].split(" | ")[1] == f"{found.values[3, 0]:.2f} (38)"


def test_components_in_words() -> None:
    line, raw = shares(PARTS, ["a", "b"], resamples=20).splitlines()[2:]
    found = components(PARTS, ["a", "b"], resamples=20)
    assert line.startswith(f"| standardised | 38 | 2 | {found.first.value:.3f} [") and raw.startswith("| as they are |")
    assert f"{found.shares[1]:.1%}".replace("%", " %") in line and f"a {found.loadings[0, 0]:+.2f}" in line


def test_parts_of_tables() -> None:
    part = chosen(PARTS, ["b"], without={"arch0", "arch39"})
    assert list(part) == ["b"] and part.keys == PARTS.keys[1:39] and part["b"].count("undefined") == 1
    with pytest.raises(ValueError, match="no scores called 'c'"):
        chosen(PARTS, ["c"])
    wide = with_columns(PARTS, {"size": {"arch1": 3.0}})
    assert wide["size"].values[1] == 3 and wide["size"].count("undefined") == 39 and list(wide)[0] == "a"


def test_trainings_of_one_architecture_are_rows() -> None:
    rows = repeated(PARTS, {"0": "arch3", "1": "arch39", "2": "arch3", "3": "elsewhere"})
    assert rows.keys == ["0", "1", "2"] and rows["a"].values.tolist() == [
        PARTS_NOISY[3],
        PARTS_NOISY[39],
        PARTS_NOISY[3],
    ]
    assert [rows["b"].count(name) for name in ("ok", "failed")] == [2, 1]


COMPONENTS_RNG = np.random.default_rng(5)
MIXED = COMPONENTS_RNG.normal(size=(80, 4)) @ COMPONENTS_RNG.normal(size=(4, 4)) * [1, 10, 0.1, 3] + [5, 0, -7, 100]


def scores(rows: np.ndarray, **others: list[float | str]) -> ScoreTable:
    """A table with a column per column."""
    given = {f"c{place}": list(map(float, values)) for place, values in enumerate(rows.T)}
    return table({label: column(entries) for label, entries in {**given, **others}.items()})


@pytest.mark.parametrize("standardised", [True, False])
def test_shares_and_loadings_are_those_of_scikit_learn(standardised: bool) -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    rows = (MIXED - MIXED.mean(0)) / MIXED.std(0) if standardised else MIXED
    oracle = decomposition.PCA().fit(rows)
    found = components(scores(MIXED), standardised=standardised, resamples=0)
    assert found.shares == pytest.approx(oracle.explained_variance_ratio_)
    assert np.abs(np.sum(found.loadings * oracle.components_, axis=1)) == pytest.approx(1)
    assert (found.loadings[range(4), np.abs(found.loadings).argmax(1)] > 0).all()
    assert (found.n, found.left_out, found.first.low) == (80, 0, None)


def test_one_direction_and_as_many_as_columns() -> None:
    line = np.arange(10.0)[:, None] * [1.0, -2.0, 1e30]
    one = components(scores(line), resamples=20)
    assert one.shares == pytest.approx([1, 0, 0]) and one.first.low == pytest.approx(1)
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 20, dtype=float)
    two = components(scores(corners))
    assert two.shares == pytest.approx([0.5, 0.5])
    assert two.first.low is not None and two.first.high is not None and 0.5 <= two.first.low < two.first.high < 0.7


def test_raw_columns_count_by_their_width() -> None:
    wide = COMPONENTS_RNG.normal(size=(50, 2)) * [1e6, 1]
    assert components(scores(wide), standardised=False, resamples=0).shares[0] > 0.999
    assert components(scores(wide), resamples=0).shares[0] < 0.7
    assert components(scores(wide * 1e200), standardised=False, resamples=0).shares[0] > 0.999


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    found = components(scores(MIXED), resamples=200, seed=3)
    rng, shares = np.random.default_rng(3), []
    for _ in range(200):
        drawn = MIXED[rng.integers(80, size=80)]
        values = np.linalg.svd((drawn - drawn.mean(0)) / drawn.std(0), compute_uv=False) ** 2
        shares.append(values[0] / values.sum())
    assert (found.first.low, found.first.high) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])))


def test_architectures_without_all_of_them_are_left_out_and_counted() -> None:
    entries: list[float | str] = [*map(float, MIXED[:-6, 0] ** 3), *["undefined"] * 4, *["pending"] * 2]
    found = components(scores(MIXED, cubes=entries), ["c1", "cubes"], resamples=0)
    assert (found.n, found.left_out, found.labels) == (74, 6, ["c1", "cubes"])
    expected = np.linalg.eigvalsh(np.corrcoef(MIXED[:-6, 1], MIXED[:-6, 0] ** 3))[::-1] / 2
    assert found.shares == pytest.approx(expected)


def test_what_has_no_components() -> None:
    flat = scores(MIXED, flat=[3.0] * 80, none=["undefined"] * 80)
    with pytest.raises(ValueError, match="'flat' is the same for all architectures"):
        components(flat, ["c0", "flat"])
    with pytest.raises(ValueError, match="defined for 0 architectures"):
        components(flat, ["c0", "none"])
    with pytest.raises(ValueError, match="two columns or more"):
        components(flat, ["c0"])
    with pytest.raises(ValueError, match="no scores called 'c9'"):
        components(flat, ["c0", "c9"])
