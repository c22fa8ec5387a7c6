"""The command line, ``nas-zc``: one file per command, and the only room that prints.

A file ``<name>.py`` whose name does not begin with an underscore is the command ``<name>``: its function of that name.
An underscore at the end, of a name that Python keeps for itself, is no part of the command's.
Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit: 0 done, 1 nothing found, 2 wrong use, 75 to be continued, 130 interrupted."""
    try:
        from naslib_zc_plugin.cli._app import app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(f"nas-zc needs {missing}: pip install 'naslib-zc-plugin[cli]'", file=sys.stderr)
        sys.exit(2)
    app()
