"""``nas-zc doctor``: the state of packages, hosts and data, and a remedy for everything that does not work.

``python -m naslib_zc_plugin.cli.doctor HOST`` looks at one host, in a process of its own, for a broken host may end its
process; its last line is a :class:`HostState` as JSON.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import typer

from naslib_zc_plugin import __version__
from naslib_zc_plugin.cli._console import DataOption, say, show_table
from naslib_zc_plugin.files import VARIABLE, DataError

NAME = "naslib-zc-plugin"
_LEAST_TORCH = (2, 0)
_PATIENCE = 300  # seconds
_MOST = 200  # characters of a reason
# Lightning imports it if it is there, so that NNI does.
_TORCHVISION = (
    "; install a torchvision built for this torch, remove it, or call "
    "naslib_zc_plugin.hosts.naslib.compat.repair(['torchvision-operators']) first"
)
_DISTRIBUTIONS = {"neps": "neural-pipeline-search"}  # where the name is not the package's
Rows = list[list[str]]


def doctor(data: DataOption = None) -> None:
    """Check what is installed, which hosts work and what they need, devices, and whether the data are whole.

    Exit code 1 if something that is there is broken, 0 otherwise. Hosts are imported, which takes seconds for each.
    """
    say(f"naslib-zc-plugin {__version__}, Python {platform.python_version()}, {platform.platform()}")
    wrong = [*_show_packages(), *_show_hosts(), *_show_data(data)]
    say()
    if wrong:
        say(f"Broken: {', '.join(wrong)}.")
        raise typer.Exit(1)
    say("Nothing that is installed is broken.")


# Packages and devices --------------------


def torch_advice(found: str | None) -> str:
    """Return the advice about a version of torch that is missing (None) or too old; empty for others."""
    if found is None:
        return "torch is not installed: pip install 'torch>=2.0'"
    if tuple(int(part) for part in found.split(".")[:2]) < _LEAST_TORCH:
        return f"torch {found} is too old: pip install 'torch>=2.0'; NASLib's own pins take 2.0"
    return ""


def version_of(distribution: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def missing_of_extras(requirements: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return for each extra its distributions that are not installed, by the condition under which they are wanted.

    Extras made of others are left out; an empty condition: always.
    """
    from packaging.requirements import Requirement

    found: dict[str, dict[str, list[str]]] = {}
    for requirement in map(Requirement, requirements):
        condition, _, extra = str(requirement.marker or "").rpartition('extra == "')
        if extra and requirement.name != NAME:
            missing = found.setdefault(extra.rstrip('"'), {})
            if version_of(requirement.name) is None:
                missing.setdefault(condition.removesuffix(" and ").strip("()"), []).append(requirement.name)
    return found


def _show_packages() -> list[str]:
    """Show packages, extras and devices; return those that are broken."""
    advice = torch_advice(version_of("torch"))
    say()
    packages = ("torch", "numpy", "scipy")
    show_table(["package", "version"], [[name, version_of(name) or "not installed"] for name in packages])
    say(advice)
    if version_of(NAME) is None:
        say(f"{NAME} is read from its source tree and not installed: pip install would list its extras.")
    else:
        rows = []
        for extra, missing in missing_of_extras(metadata.requires(NAME) or ()).items():
            parts = [", ".join(names) + (f" (where {where})" if where else "") for where, names in missing.items()]
            install = f"pip install '{NAME}[{extra}]'" if parts else ""
            rows.append([extra, "in part" if parts else "whole", install, "; ".join(parts)])
        show_table(["extra", "state", "to install", "not installed of it"], rows)
    say()
    try:
        import torch

        devices = [["cpu", f"{os.cpu_count()} logical cores; torch's threads: {torch.get_num_threads()}"]]
        for number in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(number)
            devices.append([f"cuda:{number}", f"{facts.name}, {facts.total_memory / 2**30:.1f} GiB"])
        show_table(["device", "what"], devices)
    except (ImportError, OSError, RuntimeError) as error:
        if not advice:
            advice = f"torch cannot be imported: {error}"
            say(advice)
    return ["torch"] if advice else []


# Hosts --------------------


@dataclass(frozen=True)
class HostState:
    """The state of a host.

    Attributes:
        state: ``ok``, ``not found``, or ``broken``.
        version: of the installed host; empty if it is not known.
        place: the folder of its package, or the error and its remedy.
        repairs: rows of name, status and the parts that break without it; empty for hosts that need none.
        missing: rows of a package that the host imports and that is not installed, and the command that installs it.
    """

    state: str
    version: str = ""
    place: str = ""
    repairs: Sequence[Sequence[str]] = ()
    missing: Sequence[Sequence[str]] = ()


def look(name: str) -> HostState:
    """Return the state of a host, found in another process: it imports all our modules for it, with its repairs."""
    command = [sys.executable, "-W", "ignore", "-m", "naslib_zc_plugin.cli.doctor", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return HostState("broken", place=f"its import takes longer than {_PATIENCE} s")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
        return HostState("broken", place=lines[-1][-_MOST:])
    return HostState(**json.loads(done.stdout.splitlines()[-1]))


def _look_here(name: str) -> HostState:
    """Return the state of a host, found in this process."""
    there = find_spec(name) is not None
    known: dict[str, Any] = {}
    try:
        ours = import_module(f"naslib_zc_plugin.hosts.{name}")
        if there and find_spec(f"{ours.__name__}.compat"):
            compat: Any = import_module(f"{ours.__name__}.compat")
            compat.repair()
            known["repairs"] = [(repair.name, repair.status, repair.breaks) for repair in compat.repairs()]
            known["missing"] = list(compat.lacking().items())
        for each in ours.__all__ if there else ours.__all__[:1]:
            getattr(ours, each)
        host = import_module(name)
        said = import_module(f"{name}.__version__") if find_spec(f"{name}.__version__") else host
    except Exception as error:  # the error of a host is the result
        why = (str(error) or type(error).__name__) + (_TORCHVISION if "torchvision::" in str(error) else "")
        return HostState("broken" if there else "not found", place=why, **known)
    version = version_of(_DISTRIBUTIONS.get(name, name)) or str(getattr(said, "__version__", ""))
    return HostState("ok", version, str(Path(str(host.__file__)).parent), **known)


def _show_hosts() -> list[str]:
    """Show the hosts, with repairs and missing packages; return those that are broken."""
    from naslib_zc_plugin import hosts

    names = [module.name for module in iter_modules(hosts.__path__) if module.ispkg]
    found = {name: look(name) for name in names if not name.startswith("_")}
    say()
    rows = [[name, host.state, host.version or "–", host.place] for name, host in found.items()]
    show_table(["host", "state", "version", "where, or what to do"], rows)
    for name, host in found.items():
        if host.repairs:
            say()
            show_table([f"repair of {name}", "status", "what breaks"], host.repairs)
            call = f"naslib_zc_plugin.hosts.{name}.compat.repair()"
            say(f"Applied in the process that looked, by {call}; importing alone repairs nothing.")
        if host.missing:
            say()
            show_table([f"{name} imports", "not installed; to install"], host.missing)
    return [name for name, host in found.items() if host.state == "broken"]


# The data directory --------------------


def tables(folder: Path) -> tuple[Rows, list[str]]:
    """Return a row for each benchmark's table (name, state, rows, columns, file or error), and the broken files.

    Tables that exist are read whole and checked.
    """
    from naslib_zc_plugin import benchmarks

    rows, wrong = [], []
    for name in benchmarks.list_benchmarks():
        place, state, size = name, "not there", ["", ""]
        try:
            table = benchmarks.BENCHMARKS.load(name)
            place = str(table.path(folder))
            if table.exists(folder):
                found = table.read(folder)
                state, size = "in part" if found.partial else "whole", [f"{len(found):,}", str(len(found.columns))]
            elif table.embedded is not None:
                found = table.within
                state, place = "in the package", str(found.path)
                size = [f"{len(found):,}", str(len(found.columns))]
        except ImportError as error:
            state, place = "not read", str(error)
        except (DataError, TypeError) as error:  # the latter of another distribution's entry that is none
            wrong.append(place)
            state, place = "broken", " ".join(str(error).split())
        rows.append([name, state, *size, place])
    return rows, wrong


def probes(folder: Path) -> Rows:
    """Return a row (name, what, count, size, classes, file) for each .npz file of images or text in the folder."""
    from naslib_zc_plugin.probes import Tokens, probe

    rows = []
    for path in sorted({*folder.glob("*.npz"), *folder.glob("*/*.npz")}):
        try:
            found = probe(path)
        except DataError:  # an array file of another kind
            continue
        what, size = ("text", found.tokens.shape[1]) if isinstance(found, Tokens) else ("images", found.images.shape[1])
        rows.append([path.stem, what, f"{len(found):,}", str(size), f"{found.classes:,}", str(path)])
    return rows


def _show_data(folder: Path | None) -> list[str]:
    """Show the tables and probes in the data directory; return those that are broken."""
    say()
    if folder is None:
        say(f"No data directory: --data DIR, or {VARIABLE} in the environment, names one.")
        say("The table of nasbench201 is in the package.")
        return []
    if not folder.is_dir():
        say(f"{folder}, named by --data or {VARIABLE}, is no folder.")
        return ["the data directory"]
    rows, wrong = tables(folder)
    header = [f"table in {folder}", "state", "rows", "columns", "file, or what is wrong"]
    show_table(header, rows, numbers=["rows", "columns"])
    say()
    show_table(["probe", "of", "n", "size", "classes", "file"], probes(folder), numbers=["n", "size", "classes"])
    return wrong


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        _state = _look_here(sys.argv[1])
    say(json.dumps(vars(_state)))
