"""The command line, ``nas-zc``: one file per command, and the only room that prints.

A file ``<name>.py`` whose name does not begin with an underscore is the command ``<name>``: its function of that name.
An underscore at the end, of a name that Python keeps for itself, is no part of the command's.
Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

_RESUMED = ("quickstart", "score", "search")  # commands that go on where they were stopped
_RESUMABLE = 75


def main() -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 nothing found or scores refused, 2 wrong use, 75 to be continued, 130 interrupted.
    """
    if sys.argv[1:2] and sys.argv[1] in _RESUMED:
        # Before the imports, which take seconds; a command that has begun has handlers of its own.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stopped)
    try:
        from naslib_zc_plugin.cli._app import app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(f"nas-zc needs {missing}: pip install 'naslib-zc-plugin[cli]'", file=sys.stderr)
        sys.exit(2)
    try:
        app()
    except SystemExit as end:
        if end.code == _RESUMABLE:
            _leave(_RESUMABLE)
        raise


def _stopped(number: int, _: object) -> None:
    """End at once: nothing is half written at any moment, and an import would not pass an exception on."""
    with suppress(OSError):
        os.write(2, b"nas-zc: stopped; the same command goes on, or begins\n")
    _leave(_RESUMABLE)


def _leave(code: int) -> None:
    """End at once: all files are closed, and taking torch apart would take seconds on a busy machine."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
