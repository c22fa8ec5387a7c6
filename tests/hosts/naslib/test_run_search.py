"""Searches of ours that NASLib runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.hosts import list_hosts
from naslib_zc_plugin.search.journal import histories
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import strategy
from tests.hosts.conformance import HostConformance
from tests.hosts.naslib.needs import TREE, needs

needs("naslib.defaults.trainer")


class TestNaslib(HostConformance):
    """NASLib's ``Trainer``."""

    host = "naslib"
    refusal = "NASLib runs searches of the space nasbench201, not 'other'"
    paths = (str(TREE),)


def test_it_is_listed() -> None:
    assert "naslib" in list_hosts()


def test_without_naslib_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from naslib_zc_plugin.hosts import naslib

    def missing(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'naslib'", name="naslib")

    monkeypatch.setitem(sys.modules, "naslib", None)
    monkeypatch.setattr(naslib, "import_module", missing)
    with pytest.raises(ImportError, match="NASLib as a host needs naslib, not found: git clone"):
        naslib.run_search(strategy("random_search", SPACE), lambda key: 1.0, lambda: False, "nasbench201")


def test_a_configuration_names_it(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["search", str(path), "--data", str(shared / "data"), "--output", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    runs = histories(tmp_path / "search.db")
    assert set(runs) == {f"{strategy} {host}" for strategy in ("RS", "AE") for host in ("ours", "theirs")}
    for name in ("RS", "AE"):
        assert runs[f"{name} ours"] == runs[f"{name} theirs"]
        assert [len(entries) for entries in runs[f"{name} ours"].values()] == [60, 60]
    assert "in the loop of naslib" in done.stdout


CONFIG = """
space: nasbench201
evaluator: {name: benchmark, metric: cifar10_val_12}
budget: {evaluations: 60}
repeats: 2
searches:
  RS: {strategy: {name: random_search}}
  AE: {strategy: {name: aging_evolution, preset: nats_bench}}
variants:
  ours: {host: none}
  theirs: {host: naslib}
"""
