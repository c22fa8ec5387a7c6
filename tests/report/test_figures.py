"""Figures: score against accuracy, columns against each other; matplotlib is imported only to draw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from naslib_zc_plugin.report import figures
from naslib_zc_plugin.report.correlations import agreement
from naslib_zc_plugin.report.figures import COEFFICIENTS, heatmap, similarities
from tests.report.tables import column, table

matplotlib = pytest.importorskip("matplotlib")

RNG = np.random.default_rng(0)
TRUTH = {f"arch{i}": float(accuracy) for i, accuracy in enumerate(RNG.uniform(10, 95, 40))}
ACCURACIES = list(TRUTH.values())
SIZES = {key: accuracy**3 for key, accuracy in TRUTH.items()}
SCORES = table(
    {
        "naswot": column([accuracy + float(RNG.normal()) for accuracy in ACCURACIES]),
        "synflow": column([10.0 ** (accuracy / 3) for accuracy in ACCURACIES]),
        "$\\kappa": column([-accuracy for accuracy in ACCURACIES[:30]] + ["undefined"] * 5 + ["pending"] * 5, up=False),
        "nothing": column(["failed"] * 40),
    }
)


def words(path: Path) -> str:
    texts = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
    return " ".join(" ".join(text.itertext()) for text in texts)


def test_png(tmp_path: Path) -> None:
    path = figures.scatter(tmp_path / "a.png", SCORES, TRUTH, colour=SIZES, columns=2, dpi=50)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (340, 270)


def test_svg_titles_say_how_many_and_how_well(tmp_path: Path) -> None:
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        path = figures.scatter(
            str(tmp_path / "a.svg"),
            SCORES,
            TRUTH,
            colour=SIZES,
            truth_label="top-1",
        )
    text = words(path)
    for title in (
        "synflow ρ = +1.000 τ = +1.000 N 40",
        "$\\kappa ↓ ρ = +1.000 τ = +1.000 N 30, 5 undefined, 5 pending",
        "nothing ρ = undefined τ = undefined N 0, 40 failed",
    ):
        assert title in " ".join(text.split())
    assert "top-1" in text
    assert "parameters" in text


def test_chosen_proxies_in_order_without_colour(tmp_path: Path) -> None:
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = words(figures.scatter(tmp_path / "a.svg", SCORES, TRUTH, proxies=["synflow", "naswot"], scale="rank"))
    assert 0 <= text.index("synflow") < text.index("naswot")
    assert "nothing" not in text
    assert "parameters" not in text


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (RNG.normal(size=1000), "linear"),
        (RNG.uniform(1, 9, 100), "linear"),
        (10 ** RNG.uniform(0, 60, 100), "log"),
        (np.append(10 ** RNG.uniform(0, 60, 100), 0.0), "symlog"),
        (-(10 ** RNG.uniform(0, 6, 100)), "symlog"),
        (np.zeros(5), "linear"),
        (np.zeros(0), "linear"),
    ],
)
def test_axis_follows_the_decades(scores: np.ndarray, expected: str) -> None:
    from matplotlib.figure import Figure

    panel = Figure().subplots()
    figures._set_scale(panel, scores, "auto")
    assert panel.get_xscale() == expected


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.pdf", {}, "end it in .png or .svg"),
        ("a.png", {"proxies": ["zen"]}, "no scores called 'zen'; it has naswot"),
        ("a.png", {"proxies": []}, "choose one proxy or more"),
        ("a.png", {"columns": 0}, "columns"),
        ("a.png", {"scale": "cubic"}, "scale='cubic'"),
        ("a.png", {"scale": "log", "proxies": ["$\\kappa"]}, "symlog"),
        ("a.png", {"colour": {**SIZES, "arch3": 0.0}}, "'arch3'"),
        ("a.png", {"colour": {"arch0": 1.0}}, "'arch1'"),
    ],
)
def test_bad_input(tmp_path: Path, name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figures.scatter(tmp_path / name, SCORES, TRUTH, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="accuracy is known of no architecture"):
        figures.scatter(tmp_path / "a.png", SCORES, {})


def test_architectures_without_accuracy_are_not_drawn(tmp_path: Path) -> None:
    known = dict(list(TRUTH.items())[:12])
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = words(figures.scatter(tmp_path / "a.svg", SCORES, known, proxies=["naswot"], colour=SIZES))
    assert "N 12" in text


@pytest.mark.filterwarnings("error")
def test_one_colour_and_one_score_for_all(tmp_path: Path) -> None:
    same = table({"same": column([7.0] * 40)})
    path = figures.scatter(tmp_path / "a.png", same, TRUTH, colour=dict.fromkeys(TRUTH, 7.0))
    assert path.stat().st_size > 1000


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("figure", "colors", "ticker", "cm"):
        monkeypatch.setitem(sys.modules, f"matplotlib.{module}", None)
    with pytest.raises(ImportError, match=r"pip install 'naslib-zc-plugin\[plots\]'"):
        figures.scatter(tmp_path / "a.png", SCORES, TRUTH, colour=SIZES)


def test_matplotlib_waits_for_a_figure_and_pyplot_for_ever(tmp_path: Path) -> None:
    script = f"""
import sys
from naslib_zc_plugin import aggregates
from naslib_zc_plugin.report import correlations, figures, leaderboards, rendering, selection
assert not {{"matplotlib", "torch"}} & set(sys.modules)
from tests.report.tables import column, table
figures.scatter({str(tmp_path / "a.png")!r}, table({{"p": column([1.0, 2.0])}}), {{"arch0": 1.0, "arch1": 2.0}})
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    repository = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=repository)


COLUMNS_RNG = np.random.default_rng(3)
N = 60
COLUMNS_TRUTH = {f"arch{i}": float(accuracy) for i, accuracy in enumerate(COLUMNS_RNG.uniform(10, 95, N))}
ENTRIES: dict[str, list[float | str]] = {
    "up": list(COLUMNS_RNG.normal(size=N)),
    "$x_1": ["undefined" if value > 1 else value for value in COLUMNS_RNG.normal(size=N)],
    "down": ["pending" if value < -1 else value for value in COLUMNS_RNG.normal(size=N)],
    "flat": [1.0] * N,
}
COLUMNS = table({label: column(entries, up=label != "down") for label, entries in ENTRIES.items()})


ORACLES = {"spearman": spearmanr, "kendall": kendalltau, "pearson": pearsonr}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_each_cell_is_over_the_architectures_that_both_define(name: str) -> None:
    found = similarities(COLUMNS, COLUMNS_TRUTH, "top-1")[name]
    assert np.isnan([found.low, found.high]).all()
    assert found.labels == ["top-1", *ENTRIES]
    assert found.counts[2].endswith(f", {ENTRIES['$x_1'].count('undefined')} undefined")
    signs = [1, 1, 1, -1, 1]
    columns = [list(COLUMNS_TRUTH.values()), *ENTRIES.values()]
    for i, one in enumerate(columns):
        for j, other in enumerate(columns):
            pairs = [(a, b) for a, b in zip(one, other) if not isinstance(a, str) and not isinstance(b, str)]
            assert found.n[i, j] == len(pairs)
            if 4 in (i, j):
                assert np.isnan(found.values[i, j])
            else:
                assert found.values[i, j] == pytest.approx(signs[i] * signs[j] * ORACLES[name](*zip(*pairs))[0])


def test_intervals_are_those_of_the_agreement_with_the_accuracy() -> None:
    found = similarities(COLUMNS, COLUMNS_TRUTH, resamples=50, seed=4)
    kept = [place for place, entry in enumerate(ENTRIES["$x_1"]) if not isinstance(entry, str)]
    scores = [entry for entry in ENTRIES["$x_1"] if not isinstance(entry, str)]
    accuracies = list(COLUMNS_TRUTH.values())
    agreed = agreement(scores, [accuracies[place] for place in kept], resamples=50, seed=4)
    for name, one in found.items():
        estimate = getattr(agreed, name)
        assert (one.values[2, 0], one.low[2, 0], one.high[0, 2]) == (estimate.value, estimate.low, estimate.high)
        assert (one.low[1:4, 0] < one.values[1:4, 0]).all() and (one.values[1:4, 0] < one.high[1:4, 0]).all()
        assert np.isnan(one.low[0, 0]) and np.isnan(one.low[4]).all()


def test_the_figure_says_rho_and_how_many(tmp_path: Path) -> None:
    found = similarities(COLUMNS, COLUMNS_TRUTH)["kendall"]
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = words(heatmap(tmp_path / "a.svg", found))
    assert f"{found.values[0, 1]:+.2f}" in text and "Kendall's τ" in text and "$x_1" in text and "–" in text
    assert f"N {found.n[2, 3]}" in text and found.counts[3] in text
    assert heatmap(tmp_path / "a.png", found, dpi=40).read_bytes().startswith(b"\x89PNG")


def test_another_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end it in \.png or \.svg"):
        heatmap(tmp_path / "a.pdf", similarities(COLUMNS, COLUMNS_TRUTH)["spearman"])
