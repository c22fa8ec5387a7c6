"""``nas-zc reproduce``: printed tables of four papers, made again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from naslib_zc_plugin.cli._console import DataOption, again, complain, say, show_table, working
from naslib_zc_plugin.files import replace_text

if TYPE_CHECKING:
    from naslib_zc_plugin.reproduce.printed import ComparedNumber
    from naslib_zc_plugin.reproduce.sources import Campaign, Sources
    from naslib_zc_plugin.reproduce.tables import Tables
    from naslib_zc_plugin.table import ScoreTable

_QUICK = 100  # architectures
_QUICK_RESAMPLES, _QUICK_RUNS = 200, 5
_SHOWN = 10  # settings


def reproduce(
    context: typer.Context,
    tables: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[TABLE]...", help="Such as gradalign-4; a list of them unless given."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All tables.")] = False,
    data: DataOption = None,
    stored: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Take scores from a folder of exports, and score nothing.")
    ] = None,
    configs: Annotated[Path, typer.Option(metavar="DIR", help="The campaigns that score networks.")] = Path("configs"),
    work: Annotated[Path, typer.Option(metavar="DIR", help="Where their stores are kept.")] = Path("reproduced"),
    quick: Annotated[bool, typer.Option("--quick", help=f"On {_QUICK} random architectures.")] = False,
    switches: Annotated[
        Optional[str],
        typer.Option(metavar="ROW,…", help="Which truth, population or rank of undefined scores would fit these rows."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=20, help="Of the intervals.")] = 1000,
    output: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Write a page, too (Markdown).")] = None,
) -> None:
    """Make printed tables of four papers again: ours beside each number, with a verdict.

    Scores are made by the campaigns of the papers' protocols, or taken from stored ones, as each line says.
    """
    from naslib_zc_plugin.reproduce.page import counts_text, whole_page
    from naslib_zc_plugin.reproduce.printed import list_tables, printed_table
    from naslib_zc_plugin.reproduce.sources import Sources
    from naslib_zc_plugin.reproduce.tables import Tables

    names = list_tables() if every else list(dict.fromkeys(tables or ()))
    if not names:
        return _show_tables()
    for name in names:
        printed_table(name)
    number = _QUICK if quick else 0
    campaign = None if stored else _campaigns(configs, work, data, number)
    if stored and not stored.is_dir():
        raise ValueError(
            f"--stored {stored}: there is no such folder; give one with exports, such as docs/results/scores"
        )
    sources = Sources(data, stored, campaign, number)
    if switches:
        return _switches(sources, names, switches.split(","))
    made = Tables(sources, _QUICK_RESAMPLES if quick else resamples, _QUICK_RUNS if quick else 60)
    found = {name: _shown(name, made) for name in names}
    if len(found) > 1:
        say(f"All: {counts_text([cell for cells in found.values() for cell in cells])}")
    if output:
        command = again(context)
        if data is not None:
            command = command.replace(shlex.quote(str(data)), "DIR")  # a path of this machine is of no use to others
        replace_text(output, whole_page(found, command))
        say(f"Written to {output}.")


def _show_tables() -> None:
    """Show which tables there are, and how many numbers each has."""
    from naslib_zc_plugin.reproduce.printed import list_tables, printed_rows, title

    counts = {name: sum(len(row.printed) for row in printed_rows() if row.table == name) for name in list_tables()}
    show_table(["table", "of", "numbers"], [[name, title(name), str(count)] for name, count in counts.items()])


def _shown(name: str, made: Tables) -> Sequence[ComparedNumber]:
    """Make a table and show it."""
    from naslib_zc_plugin.reproduce.page import HEADER, counts_text, lines
    from naslib_zc_plugin.reproduce.printed import title

    with working(f"computing {name}"):
        found = made.cells(name)
    say(f"{title(name)}\n")
    show_table(HEADER, lines(found), numbers=HEADER[3:7])
    say(f"\n{counts_text(found)}\n")
    return found


def _campaigns(configs: Path, work: Path, data: Path | None, number: int) -> Campaign:
    """Return what runs the campaign of a name, at most once, in a store of its own that the next run goes on with."""
    from naslib_zc_plugin.campaign.config import load_campaign
    from naslib_zc_plugin.campaign.store import read_table
    from naslib_zc_plugin.cli.score import run_campaign

    def run(name: str) -> ScoreTable:
        path = configs / f"{name}.yaml"
        if not path.exists():
            raise ValueError(
                f"{path} is not there: give --configs with the folder of campaigns, or --stored with one of scores"
            )
        work.mkdir(parents=True, exist_ok=True)
        store = work / f"{name}{f'_{number}' if number else ''}.db"
        campaign = load_campaign(path, data)
        campaign = campaign.replace(store=str(store), architectures=_few(campaign.architectures, number))
        complain(f"scoring by {path} into {store}")
        run_campaign(campaign, store, extend=False, command=f"nas-zc score {path.name}")
        return read_table(store)

    return run


def _few(architectures: Any, number: int) -> Any:
    """Return the first so many of a campaign's architectures, whose order is random; all of them if it is 0."""
    if not number:
        return architectures
    if isinstance(architectures, str):
        return number if architectures == "all" else architectures
    return min(architectures, number) if isinstance(architectures, int) else list(architectures)[:number]


def _switches(sources: Sources, names: Sequence[str], rows: Sequence[str]) -> None:
    """Show the settings that fit most printed numbers of some rows."""
    from fnmatch import fnmatchcase

    from naslib_zc_plugin.reproduce.printed import title
    from naslib_zc_plugin.reproduce.switches import fits

    for name in names:
        found = fits(sources, name, lambda row: any(fnmatchcase(row.row, pattern) for pattern in rows))
        if not found:
            raise ValueError(f"{name} has no coefficients of rows {', '.join(rows)} with scores")
        shown = [
            [str(setting), f"{fit.inside} of {fit.total}", f"{fit.distance / max(fit.total, 1):.2f}"]
            for setting, fit in list(found.items())[:_SHOWN]
        ]
        whole = sum(fit.inside == fit.total for fit in found.values())
        say(f"{title(name)}: {len(found)} settings tried, {whole} give all numbers.\n")
        show_table(["setting", "inside", "distance (half intervals)"], shown)
        say("\nOne of many settings that fits a few numbers is weak evidence: each has a chance of its own to fit.\n")
