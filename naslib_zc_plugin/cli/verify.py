"""``nas-zc verify``: a sample of a file's scores, made anew."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from naslib_zc_plugin.cli._console import DataOption, complain, say, show_table, steps

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.verification import Recomputed
    from naslib_zc_plugin.table import ScoreTable

_SHOWN = 20  # differences that are printed


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Parquet export, a store or embedded:NAME.")],
    sample: Annotated[int, typer.Option(min=1, help="How many architectures are scored again.")] = 20,
    seed: Annotated[
        Optional[int], typer.Option(min=0, help="Of the sample; drawn anew, and told, unless given.")
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0, help="How much of itself a score may differ.")] = 1e-4,
    data: DataOption = None,
) -> None:
    """Score a sample of a file's architectures again, as the file says that they were scored, and compare.

    The file's provenance names the space, the protocol, the images, the proxies with their versions and options, and
    the seed; all of it must lead to the same here. Images are looked for by their name beside the file and in the data
    directory, and must have the same content. Exit code 0: all scores of the sample are equal; 1: some differ; 2: they
    cannot be made here.
    """
    from naslib_zc_plugin.campaign.store import read_table
    from naslib_zc_plugin.campaign.verification import config_of, drawn, recompute

    if file.suffix in (".csv", ".jsonl", ".json"):
        raise ValueError(f"{file} does not say how its scores were made: take `nas-zc export STORE FILE.parquet`")
    table = read_table(file)
    config = config_of(table, file.parent, data)
    seed = secrets.randbelow(2**32) if seed is None else seed
    keys, found = drawn(table, sample, seed), []
    with steps(len(keys)) as step:
        for key, rows in zip(keys, recompute(table, config, keys)):
            found += rows
            step(key)
    _show(table, found, tolerance)
    drawn_by = f"{len(keys)} of {len(table):,} architectures, drawn by --seed {seed}"
    say(f"{drawn_by}; equal: within {tolerance:g} of the score.")
    different = [each for each in found if each.difference > tolerance]
    if different:
        _refuse(different)


def _show(table: ScoreTable, found: Sequence[Recomputed], tolerance: float) -> None:
    """Print for each proxy how many scores are equal."""
    rows = []
    for label, column in table.columns.items():
        own = [each for each in found if each.label == label]
        equal = sum(each.difference <= tolerance for each in own)
        largest = max((each.difference for each in own if math.isfinite(each.difference)), default=math.nan)
        far = "–" if math.isnan(largest) else f"{largest:.1e}"
        rows.append([label, f"{column.proxy}, version {column.version}", f"{equal} of {len(own)}", far])
    show_table(["label", "proxy", "equal", "largest difference"], rows, ["equal", "largest difference"])


def _refuse(different: Sequence[Recomputed]) -> None:
    """Print the scores that differ.

    Raises:
        typer.Exit: always.
    """
    say()
    rows = [
        [each.label, _number(each.stored), _number(each.made), each.reason or f"{each.difference:.1e}", each.key]
        for each in different[:_SHOWN]
    ]
    show_table(["label", "in the file", "here", "difference", "architecture"], rows, ["in the file", "here"])
    more = f", of which {_SHOWN} are shown" if len(different) > _SHOWN else ""
    complain(f"refused: {len(different):,} scores differ{more}")
    raise typer.Exit(1)


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.7g}"
