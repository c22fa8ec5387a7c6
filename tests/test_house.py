"""The package keeps the rules of the house: doors, quick imports, sizes, style, README and metadata.

The checkers live in ``tests/house`` and are themselves tested there.
"""

from __future__ import annotations

import ast
import configparser
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from tests.house import doors, style

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / doors.PACKAGE
SOURCES = sorted(PACKAGE.rglob("*.py"))
Checker = Callable[[Path, str], Iterator[str]]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


# Doors --------------------


def test_doors_open_one_way() -> None:
    assert list(doors.violations(PACKAGE)) == []


# Quick imports --------------------


def _assert_no_torch(code: str) -> None:
    done = _run(sys.executable, "-c", f"import sys\n{code}\nassert 'torch' not in sys.modules, 'torch was imported'")
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_torch_check_fails_on_torch() -> None:
    with pytest.raises(AssertionError, match="torch was imported"):
        _assert_no_torch("import torch")


@pytest.mark.parametrize(
    "code",
    [
        "import naslib_zc_plugin",
        "import naslib_zc_plugin; assert naslib_zc_plugin.proxies('*')",
        "import naslib_zc_plugin.report",
        "import naslib_zc_plugin.spaces",
        "import naslib_zc_plugin.probes",
    ],
)
def test_torch_stays_out(code: str) -> None:
    _assert_no_torch(code)


@pytest.mark.parametrize("argument", ["--help", "proxies"])
def test_torch_stays_out_of_the_command_line(argument: str) -> None:
    _assert_no_torch(
        f"import runpy\nsys.argv = ['nas-zc', {argument!r}]\n"
        "try:\n    runpy.run_module('naslib_zc_plugin', run_name='__main__')\n"
        "except SystemExit as done:\n    assert not done.code, done.code"
    )


def test_rooms_that_promise_no_torch_keep_it() -> None:
    quick = [name for name in doors.modules(PACKAGE) if _promises_no_torch(name)]
    assert quick
    _assert_no_torch("\n".join(f"import {doors.PACKAGE}.{name}" for name in quick))


def _promises_no_torch(name: str) -> bool:
    room = doors.room_of(name)
    return name not in (doors.FACADE, "__main__") and room is not None and doors.ROOMS[room].torch != doors.FREE


def test_functions_of_the_facade_survive_the_import_of_their_rooms() -> None:
    # Importing a submodule binds its name in the package: `score` and `proxies` must still be the functions.
    done = _run(
        sys.executable,
        "-c",
        "import naslib_zc_plugin as zc\nfirst = zc.proxies('*')\n"
        "from naslib_zc_plugin import proxies, score\n"
        "import naslib_zc_plugin.proxies, naslib_zc_plugin.score, naslib_zc_plugin.observe\n"
        "assert callable(zc.score) and callable(zc.proxy) and callable(zc.describe)\n"
        "assert list(zc.proxies('*')) == list(first)",
    )
    assert done.returncode == 0, done.stderr[-2000:]


# Sizes --------------------


def test_bodies_are_short() -> None:
    sizes = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": style.body_lines(node)
        for path in SOURCES
        for node in style.functions(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {name: lines for name, lines in sizes.items() if lines > 50} == {}
    longest = sorted(sizes.items(), key=lambda item: -item[1])[:10]
    assert np.percentile(list(sizes.values()), 99) <= 40, longest


def test_files_are_short() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in sizes.items() if lines > 300} == {}
    longest = sorted(sizes.items(), key=lambda item: -item[1])[:10]
    assert np.percentile(list(sizes.values()), 90) <= 150, longest


# Style --------------------

CHECKERS = [style.untyped, style.undocumented, style.forbidden, style.newer_than_39]


@pytest.mark.parametrize("check", CHECKERS)
def test_every_file_keeps_the_style(check: Checker) -> None:
    offences = [line for path in SOURCES for line in check(path.relative_to(ROOT), path.read_text(encoding="utf-8"))]
    assert offences == []


@pytest.mark.parametrize("command", [("ruff", "check", "."), ("mypy", "--strict", doors.PACKAGE)], ids=lambda c: c[0])
def test_linter_and_type_checker_are_content(command: tuple[str, ...]) -> None:
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed; the extra `dev` brings it")
    done = _run(sys.executable, "-m", *command)
    assert done.returncode == 0, done.stdout + done.stderr


# README and metadata --------------------


@pytest.mark.parametrize(("name", "part"), [("test", "python3 -m pytest"), ("main", "naslib_zc_plugin quickstart")])
def test_ci_finds_the_commands_of_the_readme(name: str, part: str) -> None:
    done = _run("bash", ".ci/run", "--show", name)
    assert done.returncode == 0, done.stderr
    (command,) = done.stdout.splitlines()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- {name} command -->\n```bash\n{command}\n```\n" in readme
    assert part in command


def test_ci_refuses_a_command_that_the_readme_lacks() -> None:
    done = _run("bash", ".ci/run", "no-such")
    assert done.returncode != 0
    assert "README.md has no 'no-such command'" in done.stderr


def _metadata() -> configparser.ConfigParser:
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg", encoding="utf-8")
    return metadata


def test_scoring_needs_three_distributions() -> None:
    required = _metadata()["options"]["install_requires"].split()
    assert sorted(line.split(">=")[0] for line in required) == ["numpy", "scipy", "torch"]


def test_every_file_of_the_package_is_installed() -> None:
    patterns = _metadata()["options.package_data"][doors.PACKAGE].replace(",", " ").split()
    data = [p for p in PACKAGE.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    assert [str(p) for p in data if not any(fnmatch(str(p.relative_to(PACKAGE)), q) for q in patterns)] == []
    # A folder without __init__.py would be left out.
    assert {p.parent for p in SOURCES} <= {p.parent for p in SOURCES if p.name == "__init__.py"}


def test_constraints_pin_every_dependency() -> None:
    extras = _metadata()["options.extras_require"]
    wanted = "\n".join([_metadata()["options"]["install_requires"], *extras.values()]).split("\n")
    names = {re.split("[=<>!;]", line)[0] for line in wanted if line and "[" not in line and not line.startswith("#")}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert {"torch", "nni", "pytest"} <= names <= pinned
