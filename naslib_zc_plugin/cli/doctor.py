"""``nas-zc doctor``: what is installed here, what works of it, and what to do about the rest."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from naslib_zc_plugin import __version__
from naslib_zc_plugin.cli._console import say, table
from naslib_zc_plugin.files.place import VARIABLE

_LEAST_PYTHON, _LEAST_TORCH = (3, 9), (2, 0)


def doctor(
    data: Annotated[
        Optional[Path], typer.Option(metavar="DIR", envvar=VARIABLE, help="Directory with tables and probes.")
    ] = None,
) -> None:
    """Tell what is installed, which hosts work and what they need, devices, and whether the data are whole.

    Exit code 1 if something that is there is broken, 0 otherwise. Hosts are imported, which takes seconds for each.
    """
    say(f"naslib-zc-plugin {__version__}, Python {platform.python_version()}, {platform.platform()}")
    wrong = [*_basis(), *_hosts(), *_data(data)]
    say()
    if wrong:
        say(f"Broken: {', '.join(wrong)}.")
        raise typer.Exit(1)
    say("Nothing that is installed is broken.")


def floors(python: Sequence[int], torch: str | None) -> list[str]:
    """What to do about a Python or a torch that is missing or too old; empty if they will do."""
    advice = []
    if tuple(python) < _LEAST_PYTHON:
        advice.append("Python 3.9 or later is needed: make a virtual environment with one; NASLib's own pins take 3.9")
    if torch is None:
        advice.append("torch is not installed: pip install 'torch>=2.0'")
    elif tuple(int(part) for part in torch.split(".")[:2]) < _LEAST_TORCH:
        advice.append(f"torch {torch} is too old: pip install 'torch>=2.0'; NASLib's own pins take 2.0")
    return advice


def _basis() -> list[str]:
    from naslib_zc_plugin.cli._extras import NAME, extras, installed

    advice = floors(sys.version_info[:2], installed("torch"))
    rows = [[name, installed(name) or "not installed"] for name in ("torch", "numpy", "scipy")]
    say()
    table(["package", "version"], rows)
    say("\n".join(advice))
    rows = [
        [extra, *(("in part", f"pip install '{NAME}[{extra}]'", _listed(lacks)) if lacks else ("whole", "", ""))]
        for extra, lacks in extras().items()
    ]
    if rows:
        table(["extra", "state", "to install", "not installed of it"], rows)
    else:
        say(f"{NAME} is read from its source tree and not installed: pip install would tell its extras.")
    say()
    if installed("torch") is None:
        return ["torch"]
    try:
        table(["device", "what"], _devices())
    except (ImportError, OSError, RuntimeError) as error:
        advice.append(f"torch cannot be imported: {error}")
        say(advice[-1])
    return ["torch or Python"] if advice else []


def _listed(lacks: dict[str, str]) -> str:
    """Names, and after those that share a condition the condition."""
    parts = []
    for condition in dict.fromkeys(lacks.values()):
        names = ", ".join(name for name, each in lacks.items() if each == condition)
        parts.append(f"{names} (where {condition})" if condition else names)
    return "; ".join(parts)


def _devices() -> list[list[str]]:
    import torch

    rows = [["cpu", f"{os.cpu_count()} logical cores; torch's threads: {torch.get_num_threads()}"]]
    for number in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(number)
        rows.append([f"cuda:{number}", f"{facts.name}, {facts.total_memory / 2**30:.1f} GiB"])
    return rows


def _hosts() -> list[str]:
    from naslib_zc_plugin.cli._host import look
    from naslib_zc_plugin.hosts import hosts

    found = {name: look(name) for name in hosts() if name != "none"}
    say()
    table(
        ["host", "state", "version", "where, or what to do"],
        [[name, host.state, host.version or "–", host.place] for name, host in found.items()],
    )
    for name, host in found.items():
        if host.repairs:
            say()
            table([f"repair of {name}", "status", "what breaks"], host.repairs)
            call = f"naslib_zc_plugin.hosts.{name}.compat.repair()"
            say(f"Applied in the process that looked, by {call}; importing alone repairs nothing.")
        if host.lacks:
            say()
            table([f"{name} imports", "not installed; to install"], host.lacks)
    return [name for name, host in found.items() if host.state == "broken"]


def _data(folder: Path | None) -> list[str]:
    from naslib_zc_plugin.cli._data import probes, tables

    say()
    if folder is None:
        say(f"No data directory: --data DIR, or {VARIABLE} in the environment, names one.")
        return []
    if not folder.is_dir():
        say(f"{folder}, named by --data or {VARIABLE}, is no folder.")
        return ["the data directory"]
    rows, wrong = tables(folder)
    table(
        [f"table in {folder}", "state", "rows", "columns", "file, or what is wrong"], rows, numbers=["rows", "columns"]
    )
    say()
    table(["probe", "of", "n", "size", "classes", "file"], probes(folder), numbers=["n", "size", "classes"])
    return wrong
