"""Score against accuracy, one panel per proxy. Needs matplotlib, which is imported when a figure is drawn.

The figures of the papers: epsilon's 1, 2 and 5 (coloured by parameters), GradAlign's 2 and 3.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy.stats import rankdata

from naslib_zc_plugin.table import Column, ScoreTable

from .bootstrap import Floats
from .leaderboard import matched
from .statistics import agreement, as_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

Scale = Literal["auto", "linear", "log", "symlog", "rank"]

_DECADES = 3  # scores whose magnitudes span more of them read better on a logarithmic axis
_NEGLIGIBLE = 0.01  # share of the smallest magnitudes that says nothing about that span
_PANEL = (3.0, 2.6)  # inches
_RASTER = 2000  # more points than this stay pixels in an SVG
_COLOURS = "viridis_r"  # the darker the more, as in epsilon's figures


def scatter(
    path: str | os.PathLike[str],
    table: ScoreTable,
    truth: Mapping[str, float],
    *,
    colour: Mapping[str, float] | None = None,
    colour_label: str = "parameters",
    truth_label: str = "accuracy",
    proxies: Sequence[str] | None = None,
    columns: int = 4,
    scale: Scale = "auto",
    dpi: int = 150,
) -> Path:
    """Draw a panel per proxy: score against accuracy, titled with Spearman's rho, Kendall's tau, and how many scores.

    What is undefined, failed or left is counted and not drawn. A ↓ marks proxies whose lower scores are better; their
    coefficients are agreement all the same.

    Args:
        path: where to write; .png or .svg.
        table: the scores.
        truth: accuracy by architecture, higher better; architectures without one are left out.
        colour: a positive quantity by architecture for a logarithmic colour scale, such as the number of
            parameters.
        colour_label: what it is.
        truth_label: what the accuracy is.
        proxies: labels of those to draw, in order; all by default.
        columns: panels in a row.
        scale: of the score axis. "auto" is logarithmic where magnitudes span more than three decades
            (synflow), "symlog" if a score is zero or negative, and linear elsewhere. "rank" draws average
            ranks.
        dpi: resolution of pixels.

    Raises:
        ImportError: without matplotlib.
        ValueError: for another suffix or scale, a label that the table lacks, a colour that is not positive, a log
            axis for scores that are not, or nothing to draw.
    """
    target = Path(path)
    names = list(table) if proxies is None else list(proxies)
    if target.suffix not in (".png", ".svg"):
        raise ValueError(f"cannot write {target.name}: end it in .png or .svg")
    if not names or columns < 1:
        raise ValueError("choose one proxy or more, with columns >= 1")
    compared, accuracies = matched(table, truth, truth_label)
    chosen = [compared[name] for name in names]
    if scale not in get_args(Scale):
        raise ValueError(f"scale={scale!r}: choose one of {', '.join(get_args(Scale))}")
    figure, panels = _grid(len(names), columns)
    shades, norm = _shades(compared.keys, colour)
    for panel, name, column in zip(panels, names, chosen):
        _draw(panel, column.values, accuracies, scale, shades, norm)
        _label(panel, name, column, accuracies)
    figure.supylabel(truth_label, fontsize="medium")
    if norm is not None:
        from matplotlib.cm import ScalarMappable

        figure.colorbar(ScalarMappable(norm, _COLOURS), ax=panels, label=colour_label, pad=0.01, aspect=30)
    figure.savefig(target, dpi=dpi, metadata={"Date": None} if target.suffix == ".svg" else None)
    return target


def _shades(keys: Sequence[str], colour: Mapping[str, float] | None) -> tuple[Floats | None, LogNorm | None]:
    """The colour of each architecture and the scale that all panels share."""
    if colour is None:
        return None, None
    shades = as_array([colour.get(key) for key in keys])
    if not np.all(shades > 0):
        missing = next(key for key, shade in zip(keys, shades) if not shade > 0)
        raise ValueError(f"colour[{missing!r}] must be positive: give one for every architecture")
    from matplotlib.colors import LogNorm

    return shades, LogNorm(shades.min(), shades.max())


def _grid(count: int, columns: int) -> tuple[Figure, list[Axes]]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'naslib-zc-plugin[plots]'") from error
    across = min(columns, count)
    down = math.ceil(count / across)
    figure = Figure(figsize=(_PANEL[0] * across + 0.8, _PANEL[1] * down + 0.2), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for spare in grid.flat[count:]:
        spare.remove()
    return figure, list(grid.flat[:count])


def _draw(
    panel: Axes, values: Floats, accuracies: Floats, scale: Scale, shades: Floats | None, norm: LogNorm | None
) -> None:
    defined = ~np.isnan(values)
    shown = rankdata(values[defined]) if scale == "rank" else values[defined]
    _set_scale(panel, shown, scale)
    panel.scatter(
        shown,
        accuracies[defined],
        c="tab:blue" if shades is None else shades[defined],
        norm=norm,
        cmap=None if shades is None else _COLOURS,
        s=float(np.clip(4000 / max(1, len(shown)), 2, 14)),
        alpha=0.6,
        linewidths=0,
        rasterized=len(shown) > _RASTER,
    )


def _set_scale(panel: Axes, shown: Floats, scale: Scale) -> None:
    from matplotlib.ticker import SymmetricalLogLocator

    magnitudes = np.abs(shown[shown != 0])
    if not len(magnitudes):
        return
    least = float(np.quantile(magnitudes, _NEGLIGIBLE))
    if scale == "auto" and magnitudes.max() / least > 10.0**_DECADES:
        scale = "log" if shown.min() > 0 else "symlog"
    if scale == "log" and shown.min() <= 0:
        raise ValueError("a log axis has no place for scores <= 0: choose scale='symlog' or 'rank'")
    if scale == "log":
        panel.set_xscale("log")
    elif scale == "symlog":
        threshold = 10.0 ** np.floor(np.log10(least))
        sides = 2 if shown.min() < 0 < shown.max() else 1
        # Enough of the axis for what lies about zero that the labels there stay apart.
        about_zero = max(1.0, sides * np.log10(magnitudes.max() / threshold) / 8)
        panel.set_xscale("symlog", linthresh=threshold, linscale=about_zero)
        ticks = SymmetricalLogLocator(base=10, linthresh=threshold)
        ticks.set_params(numticks=6)
        panel.xaxis.set_major_locator(ticks)


def counts(column: Column) -> str:
    """How many scores a column has, and how many it has not, for which reasons."""
    lacking = [(name, column.count(name)) for name in ("undefined", "failed", "left")]
    return ", ".join([f"N {column.count('ok'):,}", *(f"{number:,} {name}" for name, number in lacking if number)])


def _label(panel: Axes, name: str, column: Column, accuracies: Floats) -> None:
    up = column.higher_is_better
    found = agreement(column.values, accuracies, higher_is_better=up, resamples=0)
    rho, tau = ("undefined" if e.value is None else f"{e.value:+.3f}" for e in (found.spearman, found.kendall))
    title = f"{name}{'' if up else ' ↓'}\nρ = {rho}   τ = {tau}\n{counts(column)}"
    panel.set_title(title, fontsize="small", parse_math=False)
    panel.tick_params(labelsize="x-small")
    panel.grid(alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
