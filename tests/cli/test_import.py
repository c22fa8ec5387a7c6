"""``nas-zc import``: the official files in, the table out, or one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench201 import LATENCIES
from naslib_zc_plugin.cli._app import app
from tests.benchmarks import nats


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return nats.folder(tmp_path / "NATS-tss-v1_0-3ffb9-simple", {3: nats.results(3), 700: nats.results(700)})


def test_a_part_is_imported_if_asked_for(source: Path, tmp_path: Path) -> None:
    command = ["import", "nasbench201", str(source), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2 and not done.stdout
    assert done.stderr == (
        f"nas-zc: {source}: expected all 15625 architectures, unless a partial table is asked for; found 2\n"
    )
    assert not (tmp_path / "data").exists()
    done = CliRunner().invoke(app, [*command, "--partial"])
    assert done.exit_code == 0, done.stderr
    found = benchmark("nasbench201", tmp_path / "data")
    first, *best = done.stdout.splitlines()
    assert first == f"{found.path}: 2 architectures, {27 + len(LATENCIES)} columns."  # the package has the latencies
    tests = found.column("cifar100_test_200")
    key = max(found.keys, key=tests.__getitem__)
    assert f"  best cifar100_test_200: {tests[key]:.3f} %  {key}" in best and len(best) == 4


def test_the_environment_names_the_directory(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    command = ["import", "nasbench201", str(source), "--partial"]
    assert CliRunner().invoke(app, command).exit_code == 2
    done = CliRunner().invoke(app, command, env={"NAS_ZC_DATA": str(tmp_path)})
    assert done.exit_code == 0 and len(benchmark("nasbench201", tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "file", "fault"),
    [
        ("nasbench201", "absent.tar", "found no such file"),
        ("nasbench101", "some.tfrecord", "found no such file"),
        ("nasbench301", "some.tar", "unknown benchmark 'nasbench301'; did you mean"),
    ],
)
def test_other_files_are_one_line(tmp_path: Path, name: str, file: str, fault: str) -> None:
    done = CliRunner().invoke(app, ["import", name, str(tmp_path / file), "--data", str(tmp_path)])
    assert done.exit_code == 2 and fault in done.stderr and done.stderr.count("\n") == 1
