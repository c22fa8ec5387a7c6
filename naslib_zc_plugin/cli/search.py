"""``nas-zc search``: a search, or several that are compared, from one file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Callable, Optional

import typer

from naslib_zc_plugin.cli._console import (
    RESUMABLE,
    ConfigArgument,
    DataOption,
    StoreOption,
    again,
    complain,
    live,
    say,
    stopped_by_signals,
)
from naslib_zc_plugin.files import replace_text

if TYPE_CHECKING:
    from naslib_zc_plugin.search import LoadedSearch, SearchProgress
    from naslib_zc_plugin.search.config import CurveConfig, Experiment
    from naslib_zc_plugin.search.results import Result


def search(
    context: typer.Context,
    config: ConfigArgument,
    data: DataOption = None,
    store: StoreOption = None,
    output: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Where results and curves go; beside the store unless given.")
    ] = None,
    only: Annotated[
        Optional[list[str]],
        typer.Option(metavar="LABEL", help="Only this search; or a pattern, as 'RS *'; repeatable."),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget what the store holds.")] = False,
) -> None:
    """Run a search, or several and compare them; go on where it was stopped.

    Every evaluation is recorded at once: the same command continues, and at most the evaluation in flight is
    lost. Exit code 0: all is done; 75: stopped, to be continued.
    """
    from dataclasses import replace

    from naslib_zc_plugin.search.config import load_experiment, select_searches

    experiment = load_experiment(config, data)
    experiment = select_searches(experiment, only) if only else experiment
    experiment = replace(experiment, store=str(store)) if store else experiment
    searches = run_searches(experiment, data, restart)
    folder = output or Path(experiment.store).with_suffix("")
    written = publish_results(experiment, searches, folder, data, again(context))
    say(f"\nWritten to {folder}: {', '.join(written)}; every evaluation is in {experiment.store}.")


def run_searches(
    experiment: Experiment,
    data: Path | None,
    restart: bool,
    shown: Callable[[], AbstractContextManager[Callable[[SearchProgress], None]]] | None = None,
) -> list[LoadedSearch]:
    """Run the rest of an experiment, and show its progress.

    Args:
        experiment: the searches.
        data: the data directory.
        restart: forget what the journal holds.
        shown: how progress is shown; a line unless given.

    Raises:
        typer.Exit: it was stopped; with the code of commands that go on.
    """
    from naslib_zc_plugin.search import load_data, run_experiment
    from naslib_zc_plugin.search.journal import JOURNAL, Journal
    from naslib_zc_plugin.store.database import delete_store

    path = Path(experiment.store)
    searches = load_data(experiment, data)
    if restart:
        delete_store(path, JOURNAL)
    try:
        with Journal(path) as journal, stopped_by_signals(), (shown or partial(live, _line))() as report:
            run_experiment(searches, journal, report)
    except KeyboardInterrupt:
        complain(f"stopped; {path} holds what was done, and the same command goes on from there")
        raise typer.Exit(RESUMABLE) from None
    return searches


def _line(progress: SearchProgress) -> str:
    """Return the line of a progress."""
    runs = f"{progress.done:,} of {progress.total:,} runs done"
    if not progress.search:
        return runs
    return (
        f"{runs}; {progress.search}, run {progress.repeat + 1}: {progress.step:,} evaluations, {progress.clock:,.0f} s"
    )


def publish_results(
    experiment: Experiment, searches: Sequence[LoadedSearch], folder: Path, data: Path | None, command: str
) -> list[str]:
    """Print the results and write them, with their curves, into a folder; return the names of the files."""
    from naslib_zc_plugin.report.figures import curves
    from naslib_zc_plugin.search import comparisons, results
    from naslib_zc_plugin.text_table import table_markdown, table_text

    found = found_results(experiment, searches, data)
    ways = [results.checkpoint_table(found, experiment.curve)] if experiment.curve.at else []
    if experiment.compare:
        compared = comparisons.compare_searches(found, experiment.compare, data)
        ways.append(comparisons.comparison_table(compared, experiment.compare))
    measured = {each.config.label: _measured(each, result) for each, result in zip(searches, found) if each.measure}
    volumes = results.hypervolumes(found, measured)
    ways += [results.hypervolume_table(volumes, experiment.curve)] if volumes else []
    sheets = [results.results_table(found, searches, command), *ways, results.architectures_table(found)]
    say("\n".join(map(table_text, sheets)).rstrip())
    folder.mkdir(parents=True, exist_ok=True)
    drawn = _draw(found, experiment.curve, folder)
    if volumes:
        drawn.append("hypervolume.png")
        lines = results.hypervolume_lines(volumes)
        curves(folder / drawn[-1], lines, "evaluations", "hypervolume, %", "median, quartiles")
    pictures = "".join(f"\n![Search curves]({name})\n" for name in drawn)
    tables = "\n".join(map(table_markdown, sheets))
    replace_text(folder / "results.md", f"# {folder.name}\n\n{tables}{pictures}")
    replace_text(folder / "results.csv", results.results_csv(found))
    return ["results.md", "results.csv", *drawn]


def found_results(experiment: Experiment, searches: Sequence[LoadedSearch], data: Path | None) -> list[Result]:
    """Return the results that the journal of an experiment holds."""
    from naslib_zc_plugin.search.journal import histories
    from naslib_zc_plugin.search.results import collect_results

    recorded = histories(experiment.store)
    known = {
        each.config.label: each.known_scores(
            {entry.key for run in recorded.get(each.config.label, {}).values() for entry in run}, experiment.store
        )
        for each in searches
    }
    return collect_results(experiment.searches, recorded, data, known)


def _measured(search: LoadedSearch, result: Result) -> dict[str, float]:
    """Return the measures of what a search evaluated, of those that have one."""
    assert search.measure is not None
    keys = {entry.key for repeat in result.repeats for entry in repeat.entries}
    known = {key: search.measure(key) for key in sorted(keys)}
    return {key: value for key, value in known.items() if value is not None}


def _draw(found: Sequence[Result], curve: CurveConfig, folder: Path) -> list[str]:
    """Draw the curves over the configuration's axis, and over the other of evaluations and seconds."""
    from naslib_zc_plugin.report.figures import curves
    from naslib_zc_plugin.search.results import curve_lines

    what = f"{curve.of or 'fitness'}, {'highest so far' if curve.best == 'highest' else 'of the best so far'}"
    band = "median, quartiles" if curve.centre == "median" else "mean ± standard deviation"
    axes = {"evaluations": "evaluations", "seconds": "seconds (simulated)"}
    drawn = []
    for over in sorted(axes, key=lambda each: each != curve.over):
        lines = curve_lines(found, curve.model_copy(update={"over": over}))
        if lines and any(line.places[-1] > 0 for line in lines):
            drawn.append("curves.png" if over == curve.over else f"curves-{over}.png")
            curves(folder / drawn[-1], lines, axes[over], what, band)
    return drawn
