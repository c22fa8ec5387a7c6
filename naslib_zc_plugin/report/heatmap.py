"""How alike proxies rank architectures: rank correlations between all of them, and with the accuracy, as a heat map."""

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
from .statistics import agreement


@dataclass(frozen=True, eq=False)
class Similarity:
    """Spearman's rho between columns, each over the architectures that both define.

    Attributes:
        labels: of the accuracy, then of the columns.
        counts: how many scores each of them has and lacks, in words.
        rho: shape (labels, labels), NaN where there is none; higher is better on both sides.
        n: architectures behind each, the same shape.
    """

    labels: Sequence[str]
    counts: Sequence[str]
    rho: Floats
    n: NDArray[np.int64]


def similarity(table: ScoreTable, truth: Mapping[str, float], truth_label: str = "accuracy") -> Similarity:
    """Correlate the columns of a table with each other and with the accuracy.

    Args:
        table: the scores.
        truth: accuracy by architecture, higher better; architectures without one are left out.
        truth_label: what it is.

    Raises:
        ValueError: no architecture has an accuracy.
    """
    compared, accuracies = matched(table, truth, truth_label)
    columns: list[Column] = [compared[label] for label in compared]
    values = [accuracies, *map(upward, columns)]
    rho = np.full((len(values), len(values)), np.nan)
    n = np.zeros_like(rho, dtype=np.int64)
    for i, one in enumerate(values):
        for j, other in enumerate(values[: i + 1]):
            both = np.isfinite(one) & np.isfinite(other)
            found = agreement(one[both], other[both], resamples=0).spearman.value
            rho[i, j] = rho[j, i] = np.nan if found is None else found
            n[i, j] = n[j, i] = np.count_nonzero(both)
    said = [f"N {len(accuracies):,}", *map(counts, columns)]
    return Similarity([truth_label, *compared], said, rho, n)


def heatmap(path: str | os.PathLike[str], found: Similarity, *, dpi: int = 150) -> Path:
    """Draw it: Spearman's rho in each cell, with N where it is not that of all architectures.

    Args:
        path: where to write; .png or .svg.
        found: what :func:`similarity` gives.
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
    image = panel.imshow(found.rho, cmap="RdBu_r", vmin=-1, vmax=1)
    places = range(len(found.labels))
    panel.set_xticks(places, found.labels, rotation=60, ha="right", fontsize="x-small", parse_math=False)
    rows = [f"{label}\n{said}" for label, said in zip(found.labels, found.counts)]
    panel.set_yticks(places, rows, fontsize="x-small", parse_math=False)
    for i in places:
        for j in places:
            panel.text(j, i, _cell(found, i, j), ha="center", va="center", fontsize=5.5, color=_ink(found.rho[i, j]))
    panel.set_title("Spearman's ρ, + where both prefer the same", fontsize="small")
    figure.colorbar(image, ax=panel, shrink=0.6, pad=0.01)
    figure.savefig(target, dpi=dpi, metadata={"Date": None} if target.suffix == ".svg" else None)
    return target


def _cell(found: Similarity, i: int, j: int) -> str:
    rho = "–" if np.isnan(found.rho[i, j]) else f"{found.rho[i, j]:+.2f}"
    return rho if found.n[i, j] == found.n.max() else f"{rho}\nN {found.n[i, j]:,}"


def _ink(rho: float) -> str:
    return "white" if abs(rho) > 0.65 else "black"
