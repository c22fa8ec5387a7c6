"""How alike proxies rank architectures: correlations between all of them, and with the accuracy, as heat maps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.table import Column, ScoreTable

from .aggregates import upward
from .bootstrap import Floats
from .figures import counts
from .leaderboard import matched
from .statistics import Estimate, agreement

COEFFICIENTS = {"spearman": "Spearman's ρ", "kendall": "Kendall's τ", "pearson": "Pearson's r"}


@dataclass(frozen=True, eq=False)
class Similarity:
    """A coefficient between columns, each over the architectures that both define.

    Attributes:
        coefficient: one of :data:`COEFFICIENTS`.
        labels: of the accuracy, then of the columns.
        counts: how many scores each of them has and lacks, in words.
        values: shape (labels, labels), NaN where there is none; + where both prefer the same.
        low: lower ends of the 95 % bootstrap intervals, the same shape; NaN without resamples.
        high: upper ends.
        n: architectures behind each, the same shape.
    """

    coefficient: str
    labels: Sequence[str]
    counts: Sequence[str]
    values: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]


def similarities(
    table: ScoreTable,
    truth: Mapping[str, float],
    truth_label: str = "accuracy",
    *,
    resamples: int = 0,
    seed: int = 0,
) -> dict[str, Similarity]:
    """Correlate the columns of a table with each other and with the accuracy, by each coefficient.

    Columns may be anything that scores the same architectures: proxies, or one proxy on several parts of a network and
    their combinations ("ReLU is all you need for NASWOT", Figure 2).

    Args:
        table: the scores.
        truth: accuracy by architecture, higher better (negate a perplexity); architectures without one are left out.
        truth_label: what it is.
        resamples: of each interval; 0 for none.
        seed: of the resamples.

    Raises:
        ValueError: no architecture has an accuracy, or a negative number of resamples.
    """
    compared, accuracies = matched(table, truth, truth_label)
    columns: list[Column] = [compared[label] for label in compared]
    values = [accuracies, *map(upward, columns)]
    found = np.full((len(COEFFICIENTS), 3, len(values), len(values)), np.nan)
    n = np.zeros(found.shape[2:], dtype=np.int64)
    for i, one in enumerate(values):
        for j, other in enumerate(values[: i + 1]):
            both = np.isfinite(one) & np.isfinite(other)
            agreed = agreement(one[both], other[both], resamples=resamples if i != j else 0, seed=seed)
            for place, name in enumerate(COEFFICIENTS):
                found[place, :, i, j] = found[place, :, j, i] = _numbers(getattr(agreed, name))
            n[i, j] = n[j, i] = np.count_nonzero(both)
    said = [f"N {len(accuracies):,}", *map(counts, columns)]
    labels = [truth_label, *compared]
    return {
        name: Similarity(name, labels, said, part[0], part[1], part[2], n) for name, part in zip(COEFFICIENTS, found)
    }


def _numbers(estimate: Estimate) -> list[float]:
    return [np.nan if each is None else each for each in (estimate.value, estimate.low, estimate.high)]


def heatmap(path: str | os.PathLike[str], found: Similarity, *, dpi: int = 150) -> Path:
    """Draw it: the coefficient in each cell, with N where it is not that of all architectures.

    Args:
        path: where to write; .png or .svg.
        found: one of what :func:`similarities` gives.
        dpi: resolution.

    Raises:
        ImportError: without matplotlib.
        ValueError: for another suffix.
    """
    target = Path(path)
    if target.suffix not in (".png", ".svg"):
        raise ValueError(f"cannot write {target.name}: end it in .png or .svg")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'naslib-zc-plugin[plots]'") from error
    side = 2.4 + 0.52 * len(found.labels)
    figure = Figure(figsize=(side + 1.6, side), layout="constrained")
    panel = figure.subplots()
    image = panel.imshow(found.values, cmap="RdBu_r", vmin=-1, vmax=1)
    places = range(len(found.labels))
    panel.set_xticks(places, found.labels, rotation=60, ha="right", fontsize="x-small", parse_math=False)
    rows = [f"{label}\n{said}" for label, said in zip(found.labels, found.counts)]
    panel.set_yticks(places, rows, fontsize="x-small", parse_math=False)
    for i in places:
        for j in places:
            panel.text(j, i, _cell(found, i, j), ha="center", va="center", fontsize=5.5, color=_ink(found.values[i, j]))
    panel.set_title(f"{COEFFICIENTS[found.coefficient]}, + where both prefer the same", fontsize="small")
    figure.colorbar(image, ax=panel, shrink=0.6, pad=0.01)
    figure.savefig(target, dpi=dpi, metadata={"Date": None} if target.suffix == ".svg" else None)
    return target


def _cell(found: Similarity, i: int, j: int) -> str:
    value = "–" if np.isnan(found.values[i, j]) else f"{found.values[i, j]:+.2f}"
    return value if found.n[i, j] == found.n.max() else f"{value}\nN {found.n[i, j]:,}"


def _ink(value: float) -> str:
    return "white" if abs(value) > 0.65 else "black"
