"""Correlations between proxies, pair by pair, and what the heat map says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from naslib_zc_plugin.report.heatmap import COEFFICIENTS, heatmap, similarities
from naslib_zc_plugin.report.statistics import agreement
from tests.report.tables import column, table
from tests.report.test_figures import words

matplotlib = pytest.importorskip("matplotlib")

RNG = np.random.default_rng(3)
N = 60
TRUTH = {f"arch{i}": float(accuracy) for i, accuracy in enumerate(RNG.uniform(10, 95, N))}
ENTRIES: dict[str, list[float | str]] = {
    "up": list(RNG.normal(size=N)),
    "$x_1": ["undefined" if value > 1 else value for value in RNG.normal(size=N)],
    "down": ["left" if value < -1 else value for value in RNG.normal(size=N)],
    "flat": [1.0] * N,
}
SCORES = table({label: column(entries, up=label != "down") for label, entries in ENTRIES.items()})


ORACLES = {"spearman": spearmanr, "kendall": kendalltau, "pearson": pearsonr}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_each_cell_is_over_the_architectures_that_both_define(name: str) -> None:
    found = similarities(SCORES, TRUTH, "top-1")[name]
    assert np.isnan([found.low, found.high]).all()
    assert found.labels == ["top-1", *ENTRIES]
    assert found.counts[2].endswith(f", {ENTRIES['$x_1'].count('undefined')} undefined")
    signs = [1, 1, 1, -1, 1]
    columns = [list(TRUTH.values()), *ENTRIES.values()]
    for i, one in enumerate(columns):
        for j, other in enumerate(columns):
            pairs = [(a, b) for a, b in zip(one, other) if not isinstance(a, str) and not isinstance(b, str)]
            assert found.n[i, j] == len(pairs)
            if 4 in (i, j):
                assert np.isnan(found.values[i, j])
            else:
                assert found.values[i, j] == pytest.approx(signs[i] * signs[j] * ORACLES[name](*zip(*pairs))[0])


def test_intervals_are_those_of_the_agreement_with_the_accuracy() -> None:
    found = similarities(SCORES, TRUTH, resamples=50, seed=4)
    kept = [place for place, entry in enumerate(ENTRIES["$x_1"]) if not isinstance(entry, str)]
    scores = [entry for entry in ENTRIES["$x_1"] if not isinstance(entry, str)]
    accuracies = list(TRUTH.values())
    agreed = agreement(scores, [accuracies[place] for place in kept], resamples=50, seed=4)
    for name, one in found.items():
        estimate = getattr(agreed, name)
        assert (one.values[2, 0], one.low[2, 0], one.high[0, 2]) == (estimate.value, estimate.low, estimate.high)
        assert (one.low[1:4, 0] < one.values[1:4, 0]).all() and (one.values[1:4, 0] < one.high[1:4, 0]).all()
        assert np.isnan(one.low[0, 0]) and np.isnan(one.low[4]).all()


def test_the_figure_says_rho_and_how_many(tmp_path: Path) -> None:
    found = similarities(SCORES, TRUTH)["kendall"]
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = words(heatmap(tmp_path / "a.svg", found))
    assert f"{found.values[0, 1]:+.2f}" in text and "Kendall's τ" in text and "$x_1" in text and "–" in text
    assert f"N {found.n[2, 3]}" in text and found.counts[3] in text
    assert heatmap(tmp_path / "a.png", found, dpi=40).read_bytes().startswith(b"\x89PNG")


def test_another_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end it in \.png or \.svg"):
        heatmap(tmp_path / "a.pdf", similarities(SCORES, TRUTH)["spearman"])
