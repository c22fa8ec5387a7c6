"""How an experiment is shown: while it runs, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from naslib_zc_plugin.cli._campaign import live
from naslib_zc_plugin.cli._console import complain, say
from naslib_zc_plugin.cli._stop import RESUMABLE, stopped_by_signals

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import Curve, Experiment
    from naslib_zc_plugin.search.results import Result
    from naslib_zc_plugin.search.run import Prepared, Progress


def shown(progress: Progress) -> str:
    """Progress in one line."""
    runs = f"{progress.done:,} of {progress.total:,} runs done"
    if not progress.search:
        return runs
    return (
        f"{runs}; {progress.search}, run {progress.repeat + 1}: {progress.step:,} evaluations, {progress.clock:,.0f} s"
    )


def searched(experiment: Experiment, data: Path | None, restart: bool) -> list[Prepared]:
    """Run what is left of an experiment, and show how it comes along.

    Raises:
        typer.Exit: it was stopped; with the code that says that the same command goes on.
    """
    from naslib_zc_plugin.campaign.database import forget
    from naslib_zc_plugin.search.journal import JOURNAL, Journal
    from naslib_zc_plugin.search.run import declare, prepare, run

    path = Path(experiment.store)
    prepared = prepare(experiment, data)
    if restart:
        forget(path, JOURNAL)
    try:
        with Journal(path) as journal, stopped_by_signals(), live(shown) as report:
            declare(prepared, journal)
            run(prepared, journal, report)
    except KeyboardInterrupt:
        complain(f"stopped; {path} holds what was done, and the same command goes on from there")
        raise typer.Exit(RESUMABLE) from None
    return prepared


def publish(
    experiment: Experiment, prepared: Sequence[Prepared], folder: Path, data: Path | None, command: str
) -> list[str]:
    """Print the results and write them, with their curves, into a folder; returns the names of the files."""
    from naslib_zc_plugin.report.sheet import sheet_markdown, sheet_text
    from naslib_zc_plugin.search import words
    from naslib_zc_plugin.search.journal import histories
    from naslib_zc_plugin.search.results import results
    from naslib_zc_plugin.search.stages import on_the_way

    found = results(experiment.searches, histories(experiment.store), data)
    ways = [on_the_way(found, experiment.curve)] if experiment.curve.at else []
    sheets = [words.summary(found, prepared, command), *ways, words.architectures(found)]
    say("\n".join(map(sheet_text, sheets)).rstrip())
    folder.mkdir(parents=True, exist_ok=True)
    drawn = _draw(found, experiment.curve, folder)
    pictures = "".join(f"\n![Search curves]({name})\n" for name in drawn)
    (folder / "results.md").write_text(
        f"# {folder.name}\n\n" + "\n".join(map(sheet_markdown, sheets)) + pictures, encoding="utf-8"
    )
    (folder / "results.csv").write_text(words.as_csv(found), encoding="utf-8")
    return ["results.md", "results.csv", *drawn]


def _draw(found: Sequence[Result], curve: Curve, folder: Path) -> list[str]:
    """Draw the curves over what the configuration says, and over the other of evaluations and seconds."""
    from dataclasses import replace

    from naslib_zc_plugin.report.curves import curves
    from naslib_zc_plugin.search.progress import lines

    what = f"{curve.of or 'fitness'}, {'highest so far' if curve.best == 'highest' else 'of the best so far'}"
    band = "median, quartiles" if curve.centre == "median" else "mean ± standard deviation"
    axes = {"evaluations": "evaluations", "seconds": "seconds (simulated)"}
    drawn = []
    for over in sorted(axes, key=lambda each: each != curve.over):
        shown = lines(found, replace(curve, over=over, at=()))
        if shown and any(line.places[-1] > 0 for line in shown):
            drawn.append("curves.png" if over == curve.over else f"curves-{over}.png")
            curves(folder / drawn[-1], shown, axes[over], what, band)
    return drawn
