"""Parts of pages: each number is that of the function that it is taken from, or of an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from naslib_zc_plugin.report.components import components
from naslib_zc_plugin.report.heatmap import similarities
from naslib_zc_plugin.report.sections import agreements, beside_each_other, chosen, repeated, shares, with_columns
from tests.report.tables import Entry, column, table

RNG = np.random.default_rng(2)
TRUTH = {f"arch{place}": float(value) for place, value in enumerate(RNG.normal(size=40))}
NOISY: list[Entry] = [value + float(noise) for value, noise in zip(TRUTH.values(), RNG.normal(size=40))]
SCORES = table({"a": column(NOISY), "down": column([-float(x) for x in NOISY], up=False),
                "b": column([*map(float, RNG.normal(size=38)), "undefined", "failed"])})  # fmt: skip


def test_agreements_beside_printed_ones() -> None:
    a, down, b = agreements(SCORES, TRUTH, {"a": (0.4, None, 0.6)}, resamples=30).splitlines()[2:]
    cells = a.strip("| ").split(" | ")
    values, truth = np.array(NOISY, dtype=float), list(TRUTH.values())
    assert cells[:4] == ["a", "40", "0", "0.4"] and cells[6:9:2] == ["–", "–"] and cells[9] == "0.6"
    for place, oracle in ((4, kendalltau), (7, pearsonr), (10, spearmanr)):
        assert cells[place].startswith(f"{oracle(values, truth)[0]:.3f} [")
    assert down.split(" | ")[4:5] == a.split(" | ")[4:5] and " | 38 | 1 | " in b


def test_columns_beside_each_other() -> None:
    found = similarities(SCORES, TRUTH, "trained")["kendall"]
    header, _, *rows = beside_each_other(found).splitlines()
    assert header == "| | trained | a | down | b |" and len(rows) == 4
    assert rows[1].split(" | ")[2:4] == ["1.00", "1.00"]
    assert rows[3].split(" | ")[1] == f"{found.values[3, 0]:.2f} (38)"


def test_components_in_words() -> None:
    line, raw = shares(SCORES, ["a", "b"], resamples=20).splitlines()[2:]
    found = components(SCORES, ["a", "b"], resamples=20)
    assert line.startswith(f"| standardised | 38 | 2 | {found.first.value:.3f} [") and raw.startswith("| as they are |")
    assert f"{found.shares[1]:.1%}".replace("%", " %") in line and f"a {found.loadings[0, 0]:+.2f}" in line


def test_parts_of_tables() -> None:
    part = chosen(SCORES, ["b"], without={"arch0", "arch39"})
    assert list(part) == ["b"] and part.keys == SCORES.keys[1:39] and part["b"].count("undefined") == 1
    with pytest.raises(ValueError, match="no scores called 'c'"):
        chosen(SCORES, ["c"])
    wide = with_columns(SCORES, {"size": {"arch1": 3.0}})
    assert wide["size"].values[1] == 3 and wide["size"].count("undefined") == 39 and list(wide)[0] == "a"


def test_trainings_of_one_architecture_are_rows() -> None:
    rows = repeated(SCORES, {"0": "arch3", "1": "arch39", "2": "arch3", "3": "elsewhere"})
    assert rows.keys == ["0", "1", "2"] and rows["a"].values.tolist() == [NOISY[3], NOISY[39], NOISY[3]]
    assert [rows["b"].count(name) for name in ("ok", "failed")] == [2, 1]
