"""Figures: score against accuracy, columns against each other, and search curves.

Needs matplotlib, which is imported when a figure is drawn. :func:`scatter` draws the figures of the papers: epsilon's
1, 2 and 5 (coloured by parameters), GradAlign's 2 and 3.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.aggregates import oriented
from naslib_zc_plugin.files import replacing, visible
from naslib_zc_plugin.report.correlations import Floats, IntervalEstimate, agreement
from naslib_zc_plugin.report.leaderboards import matched
from naslib_zc_plugin.report.pairs import as_array
from naslib_zc_plugin.table import Column, ScoreTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

COEFFICIENTS = {"spearman": "Spearman's ρ", "kendall": "Kendall's τ", "pearson": "Pearson's r"}
Scale = Literal["auto", "linear", "log", "symlog", "rank"]

_DECADES = 3  # scores whose magnitudes span more of them read better on a logarithmic axis
_NEGLIGIBLE = 0.01  # share of the smallest magnitudes that does not count in that span
_PANEL = (3.0, 2.6)  # inches
_LONGEST = 80  # characters of a label
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

    Undefined, failed and pending scores are counted and not drawn. A ↓ marks proxies whose lower scores are better;
    their coefficients are agreement all the same.

    Args:
        path: of the file; .png or .svg.
        table: the scores.
        truth: accuracy by architecture, higher better; architectures without one are left out.
        colour: a positive quantity by architecture for a logarithmic colour scale, such as the number of
            parameters.
        colour_label: its name.
        truth_label: name of the accuracy.
        proxies: labels of those to draw, in order; all by default.
        columns: panels in a row.
        scale: of the score axis. "auto" is logarithmic where magnitudes span more than three decades
            (synflow), "symlog" if a score is zero or negative, and linear elsewhere. "rank" draws average
            ranks.
        dpi: resolution of pixels.

    Returns:
        The path.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another suffix or scale, a label that the table does not have, a colour that is not positive, a log
            axis for scores that are not, or nothing to draw.

    >>> scatter("synflow.png", table, truth, proxies=["synflow"])  # doctest: +SKIP
    PosixPath('synflow.png')
    """
    target = _target(path)
    names = list(table) if proxies is None else list(proxies)
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
    figure.supylabel(_shown(truth_label), fontsize="medium", parse_math=False)
    if norm is not None:
        from matplotlib.cm import ScalarMappable

        figure.colorbar(ScalarMappable(norm, _COLOURS), ax=panels, label=colour_label, pad=0.01, aspect=30)
    return _saved(figure, target, dpi)


def _shown(text: str) -> str:
    """Return a text of others for a figure: on one line, and short."""
    text = visible(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix not in (".png", ".svg"):
        raise ValueError(f"cannot write {target.name}: end it in .png or .svg")
    return target


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'naslib-zc-plugin[plots]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def _saved(figure: Figure, target: Path, dpi: int) -> Path:
    ending = target.suffix[1:]
    with replacing(target) as draft:
        figure.savefig(draft, dpi=dpi, format=ending, metadata={"Date": None} if ending == "svg" else None)
    return target


def _shades(keys: Sequence[str], colour: Mapping[str, float] | None) -> tuple[Floats | None, LogNorm | None]:
    """Return the colour of each architecture and the scale that all panels share."""
    if colour is None:
        return None, None
    shades = as_array([colour.get(key) for key in keys])
    if not np.all(shades > 0):
        missing = next(key for key, shade in zip(keys, shades) if not shade > 0)
        raise ValueError(f"colour[{missing!r}] must be positive: give one for every architecture")
    from matplotlib.colors import LogNorm

    return shades, LogNorm(shades.min(), shades.max())


def _grid(count: int, columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure and its ``count`` panels, at most ``columns`` in a row."""
    across = min(columns, count)
    down = math.ceil(count / across)
    figure = _figure(_PANEL[0] * across + 0.8, _PANEL[1] * down + 0.2)
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for spare in grid.flat[count:]:
        spare.remove()
    return figure, list(grid.flat[:count])


def _draw(
    panel: Axes, values: Floats, accuracies: Floats, scale: Scale, shades: Floats | None, norm: LogNorm | None
) -> None:
    """Draw the points of a panel, those of defined scores."""
    from scipy.stats import rankdata

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
    """Set the scale of the score axis, which "auto" chooses by the magnitudes of the scores."""
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
        # The part about zero is wide enough for its labels.
        about_zero = max(1.0, sides * np.log10(magnitudes.max() / threshold) / 8)
        panel.set_xscale("symlog", linthresh=threshold, linscale=about_zero)
        ticks = SymmetricalLogLocator(base=10, linthresh=threshold)
        ticks.set_params(numticks=6)
        panel.xaxis.set_major_locator(ticks)


def status_counts(column: Column) -> str:
    """Return the number of a column's scores, and of the missing ones by reason."""
    missing = [(name, column.count(name)) for name in ("undefined", "failed", "pending")]
    return ", ".join([f"N {column.count('ok'):,}", *(f"{number:,} {name}" for name, number in missing if number)])


def _label(panel: Axes, name: str, column: Column, accuracies: Floats) -> None:
    """Give a panel its title, with the coefficients and the counts, and its grid."""
    up = column.higher_is_better
    found = agreement(column.values, accuracies, higher_is_better=up, resamples=0)
    rho, tau = ("undefined" if e.value is None else f"{e.value:+.3f}" for e in (found.spearman, found.kendall))
    title = f"{_shown(name)}{'' if up else ' ↓'}\nρ = {rho}   τ = {tau}\n{status_counts(column)}"
    panel.set_title(title, fontsize="small", parse_math=False)
    panel.tick_params(labelsize="x-small")
    panel.grid(alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


@dataclass(frozen=True, eq=False)
class RankSimilarity:
    """A coefficient between columns, each over the architectures that both define.

    Attributes:
        coefficient: one of :data:`COEFFICIENTS`.
        labels: of the accuracy, then of the columns.
        counts: number of scores and of missing ones of each, in words.
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
) -> dict[str, RankSimilarity]:
    """Correlate the columns of a table with each other and with the accuracy, by each coefficient.

    Columns may be anything that scores the same architectures: proxies, or one proxy on several parts of a network and
    their combinations ("ReLU is all you need for NASWOT", Figure 2).

    Args:
        table: the scores.
        truth: accuracy by architecture, higher better (negate a perplexity); architectures without one are left out.
        truth_label: its name.
        resamples: of each interval; 0 for none.
        seed: of the resamples.

    Returns:
        By name of the coefficient.

    Raises:
        ValueError: no architecture has an accuracy, or the number of resamples is negative.
    """
    compared, accuracies = matched(table, truth, truth_label)
    columns: list[Column] = [compared[label] for label in compared]
    values = [accuracies, *map(oriented, columns)]
    found = np.full((len(COEFFICIENTS), 3, len(values), len(values)), np.nan)
    n = np.zeros(found.shape[2:], dtype=np.int64)
    for i, one in enumerate(values):
        for j, other in enumerate(values[: i + 1]):
            both = np.isfinite(one) & np.isfinite(other)
            agreed = agreement(one[both], other[both], resamples=resamples if i != j else 0, seed=seed)
            for place, name in enumerate(COEFFICIENTS):
                found[place, :, i, j] = found[place, :, j, i] = _numbers(getattr(agreed, name))
            n[i, j] = n[j, i] = np.count_nonzero(both)
    counts = [f"N {len(accuracies):,}", *map(status_counts, columns)]
    labels = [truth_label, *compared]
    return {
        name: RankSimilarity(name, labels, counts, part[0], part[1], part[2], n)
        for name, part in zip(COEFFICIENTS, found)
    }


def _numbers(estimate: IntervalEstimate) -> list[float]:
    return [np.nan if each is None else each for each in (estimate.value, estimate.low, estimate.high)]


def heatmap(path: str | os.PathLike[str], found: RankSimilarity, *, dpi: int = 150) -> Path:
    """Draw a coefficient between columns in cells, with N where it is not that of all architectures.

    Args:
        path: of the file; .png or .svg.
        found: a result of :func:`similarities`.
        dpi: resolution.

    Returns:
        The path.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another suffix.

    >>> heatmap("alike.png", similarities(table, truth)["spearman"])  # doctest: +SKIP
    PosixPath('alike.png')
    """
    target = _target(path)
    side = 2.4 + 0.52 * len(found.labels)
    figure = _figure(side + 1.6, side)
    panel = figure.subplots()
    image = panel.imshow(found.values, cmap="RdBu_r", vmin=-1, vmax=1)
    places = range(len(found.labels))
    labels = list(map(_shown, found.labels))
    panel.set_xticks(places, labels, rotation=60, ha="right", fontsize="x-small", parse_math=False)
    rows = [f"{label}\n{count}" for label, count in zip(labels, found.counts)]
    panel.set_yticks(places, rows, fontsize="x-small", parse_math=False)
    for (i, j), value in np.ndenumerate(found.values):
        ink, text = "white" if abs(value) > 0.65 else "black", _cell(value, int(found.n[i, j]), int(found.n.max()))
        panel.text(j, i, text, ha="center", va="center", fontsize=5.5, color=ink)
    panel.set_title(f"{COEFFICIENTS[found.coefficient]}, + where both prefer the same", fontsize="small")
    figure.colorbar(image, ax=panel, shrink=0.6, pad=0.01)
    return _saved(figure, target, dpi)


def _cell(value: float, n: int, most: int) -> str:
    text = "–" if np.isnan(value) else f"{value:+.2f}"
    return text if n == most else f"{text}\nN {n:,}"


@dataclass(frozen=True, eq=False)
class SearchCurve:
    """A search: the middle of its repeats at each place, and the ends of the band; NaN where none has begun.

    Curves of different panels are drawn side by side, each panel under its title.
    """

    label: str
    places: Floats
    middle: Floats
    low: Floats
    high: Floats
    panel: str = ""


def curves(
    path: str | os.PathLike[str],
    lines: Sequence[SearchCurve],
    x_label: str,
    y_label: str,
    title: str = "",
    dpi: int = 150,
) -> Path:
    """Draw search curves.

    The vertical axis, which panels share, leaves out the steep beginning: it shows the band of each curve over the
    last four fifths of its length, and as much more as fits.

    Args:
        path: of the file; .png or .svg.
        lines: at least one.
        x_label: name of the horizontal axis.
        y_label: name of the vertical axis.
        title: above the figure.
        dpi: resolution.

    Returns:
        The path.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another suffix, or nothing to draw.

    >>> curves("search.png", [curve], "evaluations", "accuracy")  # doctest: +SKIP
    PosixPath('search.png')
    """
    target = _target(path)
    if not lines:
        raise ValueError("there is no search with an evaluation")
    panels = list(dict.fromkeys(line.panel for line in lines))
    figure = _figure(5.4 * len(panels) if panels[1:] else 6.4, 4.2)
    bounds = _bounds(lines)
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels):
        for line in lines:
            if line.panel == panel:
                (drawn,) = axes.plot(line.places, line.middle, label=_shown(line.label), linewidth=1.5)
                axes.fill_between(line.places, line.low, line.high, color=drawn.get_color(), alpha=0.15, linewidth=0)
        if bounds:
            axes.set_ylim(*bounds)
        axes.set_xlabel(_shown(x_label), parse_math=False)
        axes.set_title(_shown(": ".join(filter(None, (panel, title)))), fontsize="medium", parse_math=False)
        axes.grid(alpha=0.25, linewidth=0.5)
        for text in axes.legend(fontsize="small", loc="lower right").get_texts():
            text.set_parse_math(False)
    figure.axes[0].set_ylabel(_shown(y_label), parse_math=False)
    return _saved(figure, target, dpi)


def _bounds(lines: Sequence[SearchCurve]) -> tuple[float, float] | None:
    """Return the lower and upper end of the vertical axis; None where it needs no other than matplotlib's own."""
    shown = np.concatenate([edge[len(edge) // 5 :] for line in lines for edge in (line.low, line.high)])
    shown = shown[np.isfinite(shown)]
    if not len(shown) or shown.min() == shown.max():
        return None
    margin = 0.05 * float(shown.max() - shown.min())
    return float(shown.min()) - margin, float(shown.max()) + margin
