"""Correlations between proxies, pair by pair, and what the heat map says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from naslib_zc_plugin.report.heatmap import heatmap, similarity
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


def test_each_cell_is_over_the_architectures_that_both_define() -> None:
    found = similarity(SCORES, TRUTH, "top-1")
    assert found.labels == ["top-1", *ENTRIES]
    assert found.counts[2].endswith(f", {ENTRIES['$x_1'].count('undefined')} undefined")
    signs = [1, 1, 1, -1, 1]
    columns = [list(TRUTH.values()), *ENTRIES.values()]
    for i, one in enumerate(columns):
        for j, other in enumerate(columns):
            pairs = [(a, b) for a, b in zip(one, other) if not isinstance(a, str) and not isinstance(b, str)]
            assert found.n[i, j] == len(pairs)
            if 4 in (i, j):
                assert np.isnan(found.rho[i, j])
            else:
                assert found.rho[i, j] == pytest.approx(signs[i] * signs[j] * spearmanr(*zip(*pairs))[0])


def test_the_figure_says_rho_and_how_many(tmp_path: Path) -> None:
    found = similarity(SCORES, TRUTH)
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = words(heatmap(tmp_path / "a.svg", found))
    assert f"{found.rho[0, 1]:+.2f}" in text and "$x_1" in text and "–" in text
    assert f"N {found.n[2, 3]}" in text and found.counts[3] in text
    assert heatmap(tmp_path / "a.png", found, dpi=40).read_bytes().startswith(b"\x89PNG")


def test_another_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end it in \.png or \.svg"):
        heatmap(tmp_path / "a.pdf", similarity(SCORES, TRUTH))
