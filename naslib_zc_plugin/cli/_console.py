"""How the command line speaks: results to stdout, progress and complaints to stderr, plain text where no one looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Callable

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table


def say(text: str = "") -> None:
    """A line of the result."""
    typer.echo(text)


def complain(text: str) -> None:
    """A line about what went wrong."""
    typer.echo(f"nas-zc: {text}", err=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str] = ()) -> None:
    """A table: wrapped to fit a terminal, elsewhere one line per row however long.

    Args:
        header: titles of the columns.
        rows: cells as text.
        numbers: titles of the columns that are aligned to the right.
    """
    console = Console(highlight=False)
    if console.is_terminal:
        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for title in header:
            shown.add_column(title, justify="right" if title in numbers else "left", overflow="fold")
        for row in rows:
            shown.add_row(*(cell.replace("[", r"\[") for cell in row))
        console.print(shown)
        return
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    for row in (header, *rows):
        cells = (
            cell.rjust(width) if title in numbers else cell.ljust(width)
            for title, cell, width in zip(header, row, widths)
        )
        say("  ".join(cells).rstrip())


@contextmanager
def steps(total: int | None, done: int = 0) -> Iterator[Callable[[str], None]]:
    """Progress over ``total`` steps (None: nobody knows): call the function with a word on each one that is done.

    A bar with the latest word on a terminal, a line for each step elsewhere.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        number = count(done + 1)
        of = f"/{total}  " if total else ". "
        yield lambda text: typer.echo(f"{next(number):>{len(str(total or 0))}}{of}{text}", err=True)
        return
    latest = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), latest)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, completed=done)
        yield lambda text: bar.update(task, advance=1, description=text)
