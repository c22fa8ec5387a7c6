"""``nas-zc export``: a store as a file that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from naslib_zc_plugin.cli._console import say, working


def export(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The store of a campaign, also while it runs.")],
    output: Annotated[Path, typer.Argument(metavar="FILE", help=".parquet, .csv, .jsonl, or .json (zc_<space>.json).")],
    canonical: Annotated[
        bool, typer.Option("--canonical", help="Only what does not depend on the machine (.csv, .jsonl).")
    ] = False,
    data: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Data directory, for the accuracies in .json.")
    ] = None,
) -> None:
    """Write the scores of a campaign as Parquet, CSV, JSON lines or NAS-Bench-Suite-Zero's JSON."""
    from naslib_zc_plugin.campaign import exchange as exporting

    with working(f"writing {output}"):
        count = exporting.export(store, output, canonical, data)
    say(f"{count:,} scores written to {output}.")
