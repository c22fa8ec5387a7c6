"""The app: its commands, found by their files, and how an error is reported."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from typing import Annotated, Any, Callable

import typer

from naslib_zc_plugin import __version__
from naslib_zc_plugin.cli._console import complain, say

_DEBUG = "NAS_ZC_DEBUG"
_WIDEST = 120  # characters of a line of help, in a terminal that has as many; 80 is the libraries' own limit
# The library's errors for wrong or missing input. Any other is a fault of its own.
_REFUSALS = (ValueError, TypeError, OSError, ImportError)


def _reported(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with a refusal reported in one line (exit code 2), and Ctrl-C as well (130).

    A configuration with several errors has a line for each.
    """

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt as stop:
            complain(str(stop) or "interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise
        except _REFUSALS as error:
            if os.environ.get(_DEBUG):
                raise
            several = len(getattr(error, "problems", ())) > 1
            complain(str(error) if several else " ".join(str(error).split()) or type(error).__name__)
            raise typer.Exit(2) from None

    return run


def _version(asked: bool) -> None:
    if asked:
        say(f"naslib-zc-plugin {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Score neural networks before they are trained."""


def _build() -> typer.Typer:
    app = typer.Typer(
        name="nas-zc",
        callback=_root,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": _WIDEST},
        epilog=f"With {_DEBUG}=1 in the environment an error shows its traceback.",
    )
    room = importlib.import_module(__name__.rpartition(".")[0])
    for module in pkgutil.iter_modules(room.__path__):
        if not module.name.startswith("_"):
            command = getattr(importlib.import_module(f"{room.__name__}.{module.name}"), module.name)
            # Typer would cut the first sentence off where the list of commands has no room for it in one line.
            first = " ".join((command.__doc__ or "").partition("\n\n")[0].split())
            app.command(module.name.rstrip("_"), short_help=first)(_reported(command))
    return app


app = _build()
