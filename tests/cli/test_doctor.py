"""`nas-zc doctor`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.cli.doctor import HostState, look, missing_of_extras, probes, tables, torch_advice, version_of
from naslib_zc_plugin.hosts import list_hosts
from naslib_zc_plugin.hosts.naslib.compat import NEEDED, missing
from tests.hosts.naslib.needs import TREE


@pytest.mark.parametrize(
    ("torch", "advice"),
    [
        ("2.0.1+cu117", ""),
        ("2.13.0+cpu", ""),
        ("1.13.1", "torch 1.13.1 is too old: pip install 'torch>=2.0'"),
        (None, "torch is not installed: pip install 'torch>=2.0'"),
    ],
)
def test_what_is_too_old_gets_its_remedy(torch: str | None, advice: str) -> None:
    found = torch_advice(torch)
    assert found.startswith(advice) and bool(found) == bool(advice)


def test_extras_are_read_from_the_metadata() -> None:
    assert missing_of_extras(
        [
            "torch>=2.0",
            'numpy>=1.22; extra == "cli"',
            'no-such-thing>=1,<2; extra == "cli"',
            'no_such_host==3.0; (python_version >= "3.10" and platform_machine in "x86_64") and extra == \'host\'',
            'naslib-zc-plugin[cli,host]; extra == "all"',
            "numpy; extra == 'tables'",
        ]
    ) == {
        "cli": {"": ["no-such-thing"]},
        "host": {'python_version >= "3.10" and platform_machine in "x86_64"': ["no_such_host"]},
        "tables": {},
    }
    assert version_of("numpy") == np.__version__ and version_of("no-such-thing") is None


def _package(folder: Path, text: str) -> None:
    (folder / "naslib").mkdir()
    (folder / "naslib" / "__init__.py").write_text(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import os\nos._exit(7)", "its process ended with 7"),
        ("import sys\nsys.exit('given up')", "given up"),
        ("import no_such_module", "no_such_module"),
    ],
)
def test_a_broken_host_is_told_and_harms_nobody(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _package(tmp_path, text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = look("naslib")
    assert found.state == "broken" and why in found.place, found


def test_a_damaged_table_is_broken_and_a_missing_one_is_not(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    rows, wrong = tables(tmp_path)
    (embedded,) = [row for row in rows if row[1] == "in the package"]
    assert embedded[:3] == ["nasbench201", "in the package", "15,625"]
    assert not wrong and {row[1] for row in rows if row is not embedded} == {"not there"}
    path = tmp_path / "nasbench201" / "accuracies.parquet"
    path.parent.mkdir()
    path.write_bytes(b"<html>not found</html>")
    rows, wrong = tables(tmp_path)
    assert wrong == [str(path)]
    assert {row[0]: row[1] for row in rows}["nasbench201"] == "broken"


def test_probes_are_those_files_that_hold_images_or_text(tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    np.savez(tmp_path / "probes" / "three.npz", images=np.zeros((3, 8, 8, 3), np.uint8), labels=np.array([0, 1, 1]))
    np.savez(tmp_path / "graphs.npz", bits=np.arange(3))
    np.savez(tmp_path / "probes" / "words.npz", tokens=np.zeros((6, 4), np.int64), vocabulary_size=9)
    assert probes(tmp_path) == [
        ["three", "images", "3", "8", "2", str(tmp_path / "probes" / "three.npz")],
        ["words", "text", "4", "5", "9", str(tmp_path / "probes" / "words.npz")],
    ]


def test_the_real_tables_are_whole(shared: Path) -> None:
    pytest.importorskip("pyarrow")
    rows, wrong = tables(shared / "data")
    assert not wrong and ["nasbench201", "whole", "15,625"] in [row[:3] for row in rows]


@pytest.mark.parametrize("state", ["ok", "not found", "broken"])
def test_the_exit_code_says_whether_something_is_broken(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repairs, absent = [("collections", "applied", "Python 3.10 …")], [("six", "get six")]
    found = HostState(state, "0.1.0", "/somewhere", repairs, absent)
    monkeypatch.setattr("naslib_zc_plugin.cli.doctor.look", lambda name: found)
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == (1 if state == "broken" else 0), done.output
    hosts = ", ".join(name for name in list_hosts() if name != "none")
    last = f"Broken: {hosts}.\n" if state == "broken" else "Nothing that is installed is broken.\n"
    assert done.stdout.endswith(last)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["naslib", *state.split(), "0.1.0", "/somewhere"] in lines
    assert ["collections", "applied", "Python", "3.10", "…"] in lines and ["six", "get", "six"] in lines
    assert "No data directory: --data DIR, or NAS_ZC_DATA" in done.stdout
    assert "The table of nasbench201 is in the package." in done.stdout


def test_a_data_directory_that_is_none_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("naslib_zc_plugin.cli.doctor.look", lambda name: HostState("not found"))
    done = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path / "none")])
    assert done.exit_code == 1 and "is no folder" in done.stdout


def test_the_hosts_of_this_machine(tmp_path: Path) -> None:
    tree = TREE if (TREE / "naslib").is_dir() else tmp_path
    done = subprocess.run(
        [sys.executable, "-m", "naslib_zc_plugin", "doctor", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(tree)]))},
    )
    assert done.returncode in (0, 1) and not done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert {"nni", "naslib", "neps", "optuna", "torch", "cpu", "nasbench201"} <= set(lines)
    assert (done.returncode == 1) == any("  broken  " in line for line in done.stdout.splitlines())
    if tree is TREE and not missing(NEEDED):
        assert lines["naslib"].split() == ["naslib", "ok", "0.1.0", str(TREE / "naslib")]
        assert "needed" not in {line.split()[1] for line in lines.values() if len(line.split()) > 1}
