"""How a campaign is shown: while it runs, before it runs, and where a fork of it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Protocol, TypeVar

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from naslib_zc_plugin.cli._console import say

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.campaign.run import Progress


class _Progress(Protocol):
    """What can be shown: so much of a total is done."""

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int: ...


Shown = TypeVar("Shown", bound=_Progress)
_EVERY = 30.0  # seconds between lines of a log


@contextmanager
def live(shown: Callable[[Shown], str]) -> Iterator[Callable[[Shown], None]]:
    """Shows progress: one line that changes on a terminal, a plain line now and then elsewhere.

    Args:
        shown: puts a progress into words.
    """
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as line:
            yield lambda progress: line.update(Text(shown(progress)))
        return
    last = [-_EVERY]

    def report(progress: Shown) -> None:
        now = time.monotonic()
        if now - last[0] >= _EVERY or progress.done == progress.total:
            last[0] = now
            typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {shown(progress)}", err=True)

    yield report


def shown(progress: Progress) -> str:
    """Progress in one line."""
    text = (
        f"{progress.done:,} of {progress.total:,} done, {progress.undefined:,} undefined, {progress.failed:,} failed, "
        f"{progress.left:,} left"
    )
    if progress.remaining is None:
        return text
    return f"{text}; {_pace(progress.rate)}, {_duration(progress.remaining)} to go"


def _pace(rate: float) -> str:
    return f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"


def _duration(seconds: float) -> str:
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    return f"{round(seconds)} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{hours} h"


def estimate(config: Config) -> None:
    """Print how many architectures there are and what they will take, from a measured sample."""
    from naslib_zc_plugin.campaign.estimate import measure

    found = measure(config)
    workers = config.engine.get("workers", 1) or 1
    say(f"{found.architectures:,} architectures, {len(config.requests())} proxies.")
    say(f"Measured on {found.measured} in one worker: {found.seconds:.2f} s each (deviation {found.spread:.2f} s).")
    total = found.seconds * found.architectures / workers
    say(f"With {workers} worker(s) that are not in each other's way: about {_duration(total)}.")
    if found.memory is not None:
        size = found.memory * workers / 2**30
        say(f"A worker's memory went up to {found.memory / 2**30:.2f} GiB: {size:.1f} GiB for all.")
    for key, reason in found.failed.items():
        say(f"Failed: {key}: {reason}")


def fork(config: Config) -> Path:
    """A store beside the campaign's that does not exist yet."""
    path = Path(config.store)
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(other for other in numbered if not other.exists())
