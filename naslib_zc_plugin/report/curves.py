"""Search curves: what the best so far is worth, with a band over the repeats. Needs matplotlib."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bootstrap import Floats


@dataclass(frozen=True, eq=False)
class Line:
    """A search: the middle of its repeats at each place, and the ends of the band; NaN where there is nothing.

    Lines of different panels are drawn side by side, each panel under its title.
    """

    label: str
    places: Floats
    middle: Floats
    low: Floats
    high: Floats
    panel: str = ""


def curves(
    path: str | os.PathLike[str], lines: Sequence[Line], x_label: str, y_label: str, title: str = "", dpi: int = 150
) -> Path:
    """Draw search curves.

    The vertical axis, which panels share, leaves out the steep beginning: it shows the band of each line over the
    last four fifths of its length, and as much more as fits.

    Args:
        path: where to write; .png or .svg.
        lines: at least one.
        x_label, y_label: what the axes are.
        title: above the figure.
        dpi: resolution.

    Raises:
        ImportError: without matplotlib.
        ValueError: another suffix, or nothing to draw.
    """
    target = Path(path)
    if target.suffix not in (".png", ".svg"):
        raise ValueError(f"cannot write {target.name}: end it in .png or .svg")
    if not lines:
        raise ValueError("there is no search with an evaluation")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'naslib-zc-plugin[plots]'") from error
    panels = list(dict.fromkeys(line.panel for line in lines))
    figure = Figure(figsize=(5.4 * len(panels) if panels[1:] else 6.4, 4.2), layout="constrained")
    bounds = _bounds(lines)
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels):
        for line in lines:
            if line.panel == panel:
                (drawn,) = axes.plot(line.places, line.middle, label=line.label, linewidth=1.5)
                axes.fill_between(line.places, line.low, line.high, color=drawn.get_color(), alpha=0.15, linewidth=0)
        if bounds:
            axes.set_ylim(*bounds)
        axes.set_xlabel(x_label)
        axes.set_title(": ".join(filter(None, (panel, title))), fontsize="medium", parse_math=False)
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.legend(fontsize="small", loc="lower right")
    figure.axes[0].set_ylabel(y_label)
    figure.savefig(target, dpi=dpi, metadata={"Date": None} if target.suffix == ".svg" else None)
    return target


def _bounds(lines: Sequence[Line]) -> tuple[float, float] | None:
    late = [edge[len(edge) // 5 :] for line in lines for edge in (line.low, line.high)]
    shown = np.concatenate(late)
    shown = shown[np.isfinite(shown)]
    if not len(shown) or shown.min() == shown.max():
        return None
    margin = 0.05 * float(shown.max() - shown.min())
    return float(shown.min()) - margin, float(shown.max()) + margin
