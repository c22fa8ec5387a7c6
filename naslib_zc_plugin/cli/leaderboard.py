"""``nas-zc leaderboard``: proxies compared by their agreement with trained accuracies, from campaigns' stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from naslib_zc_plugin.cli._console import DataOption, again, complain, say
from naslib_zc_plugin.files import replace_text

if TYPE_CHECKING:
    from naslib_zc_plugin.benchmarks import Benchmark
    from naslib_zc_plugin.report.leaderboards import Leaderboard, Ranking
    from naslib_zc_plugin.table import ScoreTable


@dataclass(frozen=True)
class Picture:
    """The data of the figures beside a board.

    Attributes:
        table: the scores.
        truth: the accuracy by architecture.
        label: of its axis.
        colour: the number of parameters by architecture; None if they are not known.
    """

    table: ScoreTable
    truth: Mapping[str, float]
    label: str
    colour: Mapping[str, float] | None = None


def leaderboard(
    context: typer.Context,
    stores: Annotated[list[Path], typer.Argument(metavar="STORE", help="Stores, Parquet exports or embedded:NAME.")],
    data: DataOption = None,
    truth: Annotated[
        Optional[list[str]], typer.Option(metavar="COLUMN", help="What to compare with, of the benchmark; repeatable.")
    ] = None,
    table: Annotated[
        Optional[str], typer.Option("--benchmark", metavar="NAME", help="Whose columns they are, unless the space's.")
    ] = None,
    top: Annotated[float, typer.Option(min=0, max=100, help="How many percent are the best.")] = 10,
    aggregate: Annotated[
        Optional[list[str]],
        typer.Option(metavar="KIND[:A,B…]", help="recommended, az_nas, tenas, vote, log_rank_sum:A,B …; repeatable."),
    ] = None,
    undefined: Annotated[str, typer.Option(help="Undefined scores: drop, or rank worst.")] = "drop",
    positive: Annotated[
        bool, typer.Option("--positive", help="Scores <= 0 count as undefined (epsilon on NAS-Bench-101 and NLP).")
    ] = False,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples; 0: no intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    units: Annotated[
        Optional[list[str]], typer.Option(metavar="PROXY=X", help="Cost of a score, as nas-zc cost says; repeatable.")
    ] = None,
    output: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Write Markdown, CSV, HTML and figures there, too.")
    ] = None,
) -> None:
    """Compare proxies with trained accuracies: correlations, the best, the selected network, with every count.

    Several stores, or several --truth, give a table each, and the proxies' mean ranks over them.
    """
    from naslib_zc_plugin.aggregates import Aggregate
    from naslib_zc_plugin.benchmarks import benchmark
    from naslib_zc_plugin.campaign.store import read_table
    from naslib_zc_plugin.report.leaderboards import LeaderboardOptions
    from naslib_zc_plugin.report.leaderboards import leaderboard as compare
    from naslib_zc_plugin.report.rendering import as_text

    aggregates = [Aggregate.parse(text) for text in aggregate or ()]
    options = LeaderboardOptions(aggregates, undefined, positive, top / 100, resamples, seed)  # type: ignore[arg-type]
    costs, boards, pictures = _units(units or ()), [], []
    for store in stores:
        scores = read_table(store)
        found = benchmark(table or _fact(scores, "space", "which search space its architectures are of"), data)
        advice = f"what to compare with: give --truth COLUMN, one of {', '.join(found.columns)}"
        for column in truth or [_fact(scores, "truth", advice)]:
            name, accuracies = _truth(found, column)
            boards.append(compare(scores, accuracies, name, options, costs, again(context), found.source))
            pictures.append(_picture(scores, accuracies, name, found))
    ranking = _ranking(boards)
    say(as_text(boards, ranking).rstrip())
    if output:
        say(f"\nWritten to {output}: {', '.join(publish_boards(output, boards, pictures, ranking, 'Leaderboard'))}.")


def _fact(table: ScoreTable, name: str, advice: str) -> str:
    """Return an entry of a table's provenance.

    Raises:
        ValueError: there is none; the message ends with the advice.
    """
    if not table.facts.get(name):
        raise ValueError(f"{table.name} does not say {advice}")
    return str(table.facts[name])


def _truth(found: Benchmark, column: str) -> tuple[str, Mapping[str, float]]:
    """Return the name of accuracies, and the accuracies by architecture, higher is better."""
    values = found.column(column)
    better = found.columns[column].higher_is_better
    if better is None:
        raise ValueError(f"--truth {column}: neither more nor less of it is better; choose what training gave")
    return (column, values) if better else (f"−{column}", {key: -value for key, value in values.items()})


def _units(given: Sequence[str]) -> dict[str, float]:
    """Return the costs of options PROXY=X, by proxy."""
    costs = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            costs[name] = float(number)
        except ValueError:
            raise ValueError(f"--units {text}: write PROXY=NUMBER, such as naswot=0.55") from None
    return costs


def _picture(table: ScoreTable, accuracies: Mapping[str, float], name: str, found: Benchmark) -> Picture:
    """Return a picture, coloured by parameters where they are known for every architecture that is drawn."""
    sizes = {key: size for key, size in _parameters(table, name, found).items() if size > 0}
    whole = all(key in sizes for key in table.keys if key in accuracies)
    return Picture(table, accuracies, name, sizes if whole else None)


def _parameters(table: ScoreTable, truth: str, found: Benchmark) -> dict[str, float]:
    """Return the parameters of each architecture: the table's own count, or the benchmark's for the truth's data."""
    counted = next((column.values for column in table.columns.values() if column.proxy == "params"), None)
    if counted is not None:
        return dict(zip(table.keys, counted.tolist()))
    dataset = truth.lstrip("−").partition("_")[0]
    for column, scale in ((f"{dataset}_params_M", 1e6), ("params", 1.0)):
        if column in found.columns:
            return {key: scale * value for key, value in found.column(column).items()}
    return {}


def _ranking(boards: Sequence[Leaderboard]) -> Ranking | None:
    """Return the proxies' mean ranks by Kendall's tau; None unless there are several columns to rank on."""
    from naslib_zc_plugin.report.leaderboards import mean_ranks

    places: dict[tuple[str, str], dict[str, float | None]] = {}
    several = len({(board.facts["space"], board.truth) for board in boards}) < len(boards)
    for board in boards:
        place = places.setdefault((str(board.facts["space"]), board.truth), {})
        for row in board.rows:
            place[f"{board.name}/{row.label}" if several else row.label] = row.agreement.kendall.value
    if len(places) < 2:
        return None
    grouped: dict[str, list[Mapping[str, float | None]]] = {}
    for (space, _), place in places.items():
        grouped.setdefault(space, []).append(place)
    try:
        return mean_ranks(grouped)
    except ValueError as error:
        complain(f"no mean ranks: {error}")
        return None


def publish_boards(
    output: Path, boards: Sequence[Leaderboard], pictures: Sequence[Picture], ranking: Ranking | None, heading: str
) -> list[str]:
    """Write leaderboards into a folder, made if need be: as Markdown, CSV, figures, and one HTML page with them all.

    Args:
        output: the folder. Files of an earlier run are replaced.
        boards: at least one.
        pictures: one for each board.
        ranking: over all boards.
        heading: of the page and of the Markdown file.

    Returns:
        The names of the files.
    """
    from naslib_zc_plugin.report.figures import heatmap, scatter, similarities
    from naslib_zc_plugin.report.rendering import as_csv, as_html, as_markdown

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
        replace_text(output / name, text)
    return [*texts, *written]
