"""``nas-zc search``: a search, or several that are compared, from one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from naslib_zc_plugin.cli._again import again
from naslib_zc_plugin.cli._console import say
from naslib_zc_plugin.cli._search import publish, searched


def search(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration in YAML, see configs/.")],
    data: Annotated[
        Optional[Path], typer.Option(envvar="NAS_ZC_DATA", help="Directory with tables and images.")
    ] = None,
    store: Annotated[Optional[Path], typer.Option(help="Instead of the configuration's file.")] = None,
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

    Every evaluation is written down as it is done: the same command continues, and at most the evaluation in flight is
    lost. Exit code 0: all is done; 75: stopped, to be continued.
    """
    from dataclasses import replace

    from naslib_zc_plugin.search.config import load
    from naslib_zc_plugin.search.config import only as chosen

    experiment = load(config, data)
    experiment = chosen(experiment, only) if only else experiment
    experiment = replace(experiment, store=str(store)) if store else experiment
    prepared = searched(experiment, data, restart)
    folder = output or Path(experiment.store).with_suffix("")
    written = publish(experiment, prepared, folder, data, again(context))
    say(f"\nWritten to {folder}: {', '.join(written)}; every evaluation is in {experiment.store}.")
