"""``nas-zc score``: a campaign, from its configuration to its store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from naslib_zc_plugin.cli._campaign import estimate, fork, live, shown
from naslib_zc_plugin.cli._console import complain, say
from naslib_zc_plugin.cli._single import single
from naslib_zc_plugin.cli._stop import RESUMABLE, asked_to_stop


def score(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration in YAML, see configs/.")],
    data: Annotated[
        Optional[Path], typer.Option(envvar="NAS_ZC_DATA", help="Directory with images and tables.")
    ] = None,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Instead of the configuration's number.")] = None,
    store: Annotated[Optional[Path], typer.Option(help="Instead of the configuration's file.")] = None,
    arch: Annotated[
        Optional[str], typer.Option(metavar="KEY", help="Score this one alone; show where it stands in the store.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count, measure a few, estimate, and score nothing.")
    ] = False,
    extend: Annotated[bool, typer.Option("--extend", help="Add architectures or proxies to what is there.")] = False,
    fork_: Annotated[bool, typer.Option("--fork", help="Start another store beside one made otherwise.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Score again what failed.")] = False,
) -> None:
    """Score many architectures, and go on where it was stopped.

    The same command continues: kill it at any moment, and at most the architectures in flight are lost. Exit code 0:
    all is done; 75: stopped, to be continued.
    """
    from dataclasses import replace

    from naslib_zc_plugin.campaign.config import load
    from naslib_zc_plugin.campaign.engines import starter
    from naslib_zc_plugin.campaign.identity import facts
    from naslib_zc_plugin.campaign.run import prepare, run
    from naslib_zc_plugin.campaign.store import Store

    campaign = load(config, data)
    changes: dict[str, Any] = {"store": str(store)} if store else {}
    if workers:
        changes["engine"] = {**campaign.engine, "workers": workers}
    campaign = replace(campaign, **changes)
    if dry_run:
        return estimate(campaign)
    if arch:
        return single(campaign, arch)
    # What is wrong with the configuration is told before a file is made.
    known, start = facts(campaign), starter(campaign)
    path = fork(campaign) if fork_ else Path(campaign.store)
    with Store(path) as results, asked_to_stop() as stop, live(shown) as report:
        # A path of this machine would tell others nothing.
        command = f"nas-zc score {config.name if config.is_absolute() else config}"
        prepare(campaign, results, extend, command, known)
        if retry:
            say(f"{results.forget_failures()} failed scores are made again.")
        done = run(campaign, results, start(), report, lambda: bool(stop))
    if done.left:
        complain(f"stopped with {done.done:,} of {done.total:,} done in {path}; the same command goes on from there")
        raise typer.Exit(RESUMABLE)
    say(f"{done.total:,} architectures in {path}: {done.undefined:,} scores undefined, {done.failed:,} failed.")
