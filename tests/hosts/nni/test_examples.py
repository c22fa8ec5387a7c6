"""The examples for users of NNI run; those that would open a port are not begun."""

from __future__ import annotations

import logging
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hosts.nni.needs import needs

needs("nni")

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(autouse=True)
def as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Temporary files are the test's; a log level and the number of threads are put back."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path / "config"))
    level, threads = logging.getLogger("nni").level, torch.get_num_threads()
    yield
    logging.getLogger("nni").setLevel(level)
    torch.set_num_threads(threads)


def example(name: str, **more: Any) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"), **more)


def test_the_search(capsys: pytest.CaptureFixture[str]) -> None:
    found = example("nni_search")
    found["main"].__globals__["Area"] = lambda **given: needs("naslib_zc_plugin.hosts.nni").Area(**{**given, "pool": 6})
    found["main"](trials=3)
    printed = capsys.readouterr().out
    assert len(re.findall(r"^ +\d  ( ?\d+\.\d %|failed)  \|", printed, re.MULTILINE)) == 3
    assert "best: |" in printed


def test_the_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    example("nni_notebook", run_name="__main__")
    printed = capsys.readouterr().out
    assert "DARTS: 9,578 parameters" in printed
    assert "best of those with naswot above" in printed


def test_a_proxy_as_a_hyperparameter(monkeypatch: pytest.MonkeyPatch) -> None:
    found = example("nni_hpo")
    experiment = found["experiment"](4)
    assert experiment.config.tuner.name == "zc"
    assert (Path(experiment.config.trial_code_directory) / experiment.config.trial_command.split()[-1]).is_file()
    made_by_name = needs("nni.tools.package_utils").create_builtin_class_instance(
        experiment.config.tuner.name, experiment.config.tuner.class_args, "tuners"
    )
    made_by_name.update_search_space(experiment.config.search_space)
    result = example("nni_hpo_trial")["result"]
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    for number in range(2):
        given = {**made_by_name.generate_parameters(number), "candidates": 2}
        made_by_name.receive_trial_result(number, given, result(given))


def test_the_server_is_not_started_unasked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["nni_training_service.py"])
    with pytest.raises(SystemExit):
        example("nni_training_service", run_name="__main__")
    assert "all network interfaces" in capsys.readouterr().err
