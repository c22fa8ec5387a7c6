"""Leaderboards as files: Markdown, CSV, figures, and one HTML page that holds them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from naslib_zc_plugin.report.board import Board
from naslib_zc_plugin.report.figures import scatter
from naslib_zc_plugin.report.heatmap import heatmap, similarities
from naslib_zc_plugin.report.page import as_html
from naslib_zc_plugin.report.ranking import Ranking
from naslib_zc_plugin.report.render import as_csv, as_markdown
from naslib_zc_plugin.table import ScoreTable


@dataclass(frozen=True)
class Picture:
    """What the figures beside a board show: scores against ``truth``, whose axis is called ``label``.

    ``colour`` is the number of parameters by architecture, where they are known.
    """

    table: ScoreTable
    truth: Mapping[str, float]
    label: str
    colour: Mapping[str, float] | None = None


def publish(
    output: Path, boards: Sequence[Board], pictures: Sequence[Picture], ranking: Ranking | None, heading: str
) -> list[str]:
    """Write everything into a folder, which is made if it is not there.

    Args:
        output: the folder. Files of an earlier run are replaced.
        boards: at least one.
        pictures: one for each board.
        ranking: over all boards.
        heading: of the page and of the Markdown file.

    Returns:
        The names of the files.
    """
    output.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    figures = []
    for number, picture in enumerate(pictures, 1):
        part = "" if len(pictures) == 1 else f"-{number}"
        names = f"scatter{part}.png", f"heatmap{part}.png"
        scatter(output / names[0], picture.table, picture.truth, colour=picture.colour, truth_label=picture.label)
        heatmap(output / names[1], similarities(picture.table, picture.truth, picture.label)["spearman"])
        captions = f"Scores against {picture.label}", "Rank correlations between proxies"
        figures.append({caption: (output / name).read_bytes() for caption, name in zip(captions, names)})
        written += names
    texts = {
        "leaderboard.md": f"# {heading}\n\n{as_markdown(boards, ranking)}",
        "leaderboard.csv": as_csv(boards),
        "leaderboard.html": as_html(boards, ranking, figures, heading),
    }
    for name, text in texts.items():
        (output / name).write_text(text, encoding="utf-8")
    return [*texts, *written]
