"""``nas-zc merge``: stores of one campaign joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from naslib_zc_plugin.cli._console import say, working


def merge(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The store that grows; made if it is not there.")],
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE", help="Stores of the same campaign, or Parquet exports of them.")
    ],
) -> None:
    """Copy the scores of other stores into one; stores that contradict each other are refused.

    An export becomes a store again that way, and its campaign can go on.
    """
    from naslib_zc_plugin.campaign import exchange as merging

    with working(f"copying into {target}"):
        count = merging.merge(target, sources)
    say(f"{count:,} scores added to {target}.")
