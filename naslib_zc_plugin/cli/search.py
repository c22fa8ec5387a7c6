"""``nas-zc search``: a search, or several that are compared, from one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from naslib_zc_plugin.cli._again import again
from naslib_zc_plugin.cli._campaign import live
from naslib_zc_plugin.cli._console import complain, say
from naslib_zc_plugin.cli._search import publish, shown
from naslib_zc_plugin.cli._stop import RESUMABLE, stopped_by_signals


def search(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration in YAML, see configs/.")],
    data: Annotated[Path | None, typer.Option(envvar="NAS_ZC_DATA", help="Directory with tables and images.")] = None,
    store: Annotated[Path | None, typer.Option(help="Instead of the configuration's file.")] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where results and curves go; beside the store unless given.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget what the store holds.")] = False,
) -> None:
    """Run a search, or several and compare them; go on where it was stopped.

    Every evaluation is written down as it is done: the same command continues, and at most the evaluation in flight is
    lost. Exit code 0: all is done; 75: stopped, to be continued.
    """
    from dataclasses import replace

    from naslib_zc_plugin.experiment.config import load
    from naslib_zc_plugin.experiment.journal import Journal, forget
    from naslib_zc_plugin.experiment.run import declare, prepare, run

    experiment = load(config, data)
    experiment = replace(experiment, store=str(store)) if store else experiment
    path = Path(experiment.store)
    prepared = prepare(experiment, data)
    if restart:
        forget(path)
    stopped = False
    with Journal(path) as journal:
        declare(prepared, journal)
        try:
            with stopped_by_signals(), live(shown) as report:
                run(prepared, journal, report)
        except KeyboardInterrupt:
            stopped = True
    if stopped:
        complain(f"stopped; {path} holds what was done, and the same command goes on from there")
        raise typer.Exit(RESUMABLE)
    folder = output or path.with_suffix("")
    written = publish(experiment, prepared, folder, data, again(context))
    say(f"\nWritten to {folder}: {', '.join(written)}; every evaluation is in {path}.")
