"""Functions of several commands: results to stdout, progress and errors to stderr, and stopping to go on later.

Text is plain outside of a terminal.
"""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Annotated, Callable, Optional, Protocol, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from naslib_zc_plugin.files import VARIABLE, visible

DataOption = Annotated[
    Optional[Path], typer.Option(metavar="DIR", envvar=VARIABLE, help="Directory with tables, images and tokens.")
]
ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration in YAML, see configs/.")]
StoreOption = Annotated[Optional[Path], typer.Option(help="Instead of the configuration's file.")]
ProxiesOption = Annotated[str, typer.Option(metavar="A,B,…", help="Names or patterns, with commas.")]
RESUMABLE = 75
"""Exit code of a command that was stopped: the same one goes on (EX_TEMPFAIL of sysexits.h)."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_EVERY = 30.0  # seconds between lines of a log
_BAR = (BarColumn(20), MofNCompleteColumn())
_LATEST = TextColumn("{task.description}", markup=False)


class _Counted(Protocol):
    """A progress: so much of a total is done."""

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int: ...


Shown = TypeVar("Shown", bound=_Counted)


def say(text: str = "") -> None:
    """Print a line of the result."""
    typer.echo(_printable(text))


def complain(text: str) -> None:
    """Print a line about an error."""
    typer.echo(f"nas-zc: {_printable(text)}", err=True)


def _printable(text: str) -> str:
    """Return lines without orders to the terminal: names and errors come from files that others made."""
    return "\n".join(map(visible, text.split("\n")))


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str] = ()) -> None:
    """Print a table: wrapped to fit a terminal, elsewhere one line per row however long.

    Args:
        header: titles of the columns.
        rows: cells as text.
        numbers: titles of the columns that are aligned to the right.
    """
    header, rows = list(map(visible, header)), [list(map(visible, row)) for row in rows]
    console = Console(highlight=False)
    if console.is_terminal:
        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for title in header:
            shown.add_column(title, justify="right" if title in numbers else "left", overflow="fold")
        for row in rows:
            shown.add_row(*map(Text, row))
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
def steps(total: int | None) -> Iterator[Callable[[str], None]]:
    """Show progress over ``total`` steps (None: unknown): call the function with a word on each finished one.

    A bar with the latest word on a terminal, a line for each step elsewhere.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        number = count(1)
        of = f"/{total}  " if total else ". "
        yield lambda text: typer.echo(f"{next(number):>{len(str(total or 0))}}{of}{visible(text)}", err=True)
        return
    with Progress(*_BAR, TimeRemainingColumn(), _LATEST, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda text: bar.update(task, advance=1, description=visible(text))


@contextmanager
def live(line_of: Callable[[Shown], str]) -> Iterator[Callable[[Shown], None]]:
    """Show progress as a bar with a line on a terminal, and as a plain line now and then elsewhere.

    Args:
        line_of: returns the line of a progress.
    """
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with Progress(*_BAR, _LATEST, console=console, refresh_per_second=4) as bar:
            task = bar.add_task("", total=None)
            yield lambda now: bar.update(task, completed=now.done, total=now.total, description=visible(line_of(now)))
        return
    last, said = -_EVERY, ""

    def report(progress: Shown) -> None:
        nonlocal last, said
        now, line = time.monotonic(), visible(line_of(progress))
        if line != said and (now - last >= _EVERY or progress.done == progress.total):
            last, said = now, line
            typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}", err=True)

    yield report


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal that something goes on whose length nobody knows; elsewhere nothing.

    Args:
        text: what goes on; call the function with what comes next.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(SpinnerColumn(), TimeElapsedColumn(), _LATEST, console=console, transient=True) as bar:
        task = bar.add_task(visible(text), total=None)
        yield lambda following: bar.update(task, description=visible(following))


def again(context: typer.Context) -> str:
    """Return the running command for a shell: its arguments and options that were given, by their long names."""
    words = ["nas-zc", context.info_name or ""]
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        given = context.params[parameter.name or ""]
        values = list(given) if isinstance(given, (list, tuple)) else [given]
        if parameter.param_type_name == "argument":
            words += map(str, values)
        elif isinstance(given, bool):
            words.append(parameter.opts[0] if given else parameter.secondary_opts[0])
        else:
            words += (word for value in values for word in (parameter.opts[0], str(value)))
    return shlex.join(words)


@contextmanager
def asked_to_stop() -> Iterator[list[int]]:
    """Put the signals SIGINT and SIGTERM into the list; a third one ends the process as usual."""
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            for each, handler in before.items():
                signal.signal(each, handler)

    with _handled_by(note):
        yield received


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM raise ``KeyboardInterrupt``, as SIGINT does."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt

    with _handled_by(stop):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
