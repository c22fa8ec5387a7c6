"""A host as it is found: asked in a process of its own, for a host that is broken may take its process along.

``python -m naslib_zc_plugin.cli._host NAME`` is that process; its last line is what it found, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from naslib_zc_plugin.cli._console import say

_PATIENCE = 300  # seconds
_MOST = 200  # characters of a reason
# Lightning imports it if it is there, so that NNI does.
_TORCHVISION = (
    "; install a torchvision built for this torch, remove it, or call "
    "naslib_zc_plugin.hosts.naslib.compat.repair(['torchvision-operators']) first"
)


@dataclass(frozen=True)
class Found:
    """A host.

    Attributes:
        state: ``ok``, ``not found``, or ``broken``.
        version: as it says itself; empty if it does not.
        place: the folder of its package, or what is wrong and what to do.
        repairs: rows of name, status and what breaks without it; of hosts that need none, none.
        lacks: rows of a package that the host imports and that is not installed, and what installs it.
    """

    state: str
    version: str = ""
    place: str = ""
    repairs: tuple[tuple[str, str, str], ...] = ()
    lacks: tuple[tuple[str, str], ...] = ()


def look(name: str) -> Found:
    """Ask for the host in another process: import everything of ours for it, its repairs applied."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", __name__, name],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return Found("broken", place=f"its import takes longer than {_PATIENCE} s")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
        return Found("broken", place=lines[-1][-_MOST:])
    found = json.loads(done.stdout.splitlines()[-1])
    rows = {name: tuple(map(tuple, found[name])) for name in ("repairs", "lacks")}
    return Found(**{**found, **rows})


def _main(name: str) -> None:
    with redirect_stdout(sys.stderr):
        found = _look(name)
    say(json.dumps(vars(found)))


def _look(name: str) -> Found:
    there = find_spec(name) is not None
    known: dict[str, Any] = {}
    try:
        room = import_module(f"naslib_zc_plugin.hosts.{name}")
        if there and find_spec(f"{room.__name__}.compat"):
            known = _repaired(import_module(f"{room.__name__}.compat"))
        for each in room.__all__ if there else room.__all__[:1]:
            getattr(room, each)
        host = import_module(name)
    except Exception as error:  # whatever is wrong with a host is what is asked for
        why = (str(error) or type(error).__name__) + (_TORCHVISION if "torchvision::" in str(error) else "")
        return Found("broken" if there else "not found", place=why, **known)
    return Found("ok", _version(host), str(Path(str(host.__file__)).parent), **known)


def _repaired(compat: Any) -> dict[str, Any]:
    compat.repair()
    repairs = tuple((repair.name, repair.status, repair.breaks) for repair in compat.repairs())
    return {"repairs": repairs, "lacks": tuple(compat.lacking().items())}


def _version(host: ModuleType) -> str:
    try:
        return version(host.__name__)
    except PackageNotFoundError:
        below = f"{host.__name__}.__version__"
        said = import_module(below) if find_spec(below) else host
        return str(getattr(said, "__version__", ""))


if __name__ == "__main__":
    _main(sys.argv[1])
