"""`nas-zc reproduce` on stored scores, and on those of a small campaign that it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from naslib_zc_plugin.cli._app import app

pytest.importorskip("pyarrow")

ROOT = Path(__file__).resolve().parents[2]
STORED = ["--stored", str(ROOT / "docs" / "results" / "scores"), "--resamples", "20"]
CAMPAIGN = """
space: nasbench201
architectures: {number}
images: digits
preset: lightweight
batch: {{batch_size: 4}}
network: {{C: 2, N: 1}}
proxies: [{{name: epsilon, label: "1e-07, 1", weights: [1.0e-07, 1.0]}}]
"""


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the accuracies that the package has, whatever this machine holds."""
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["reproduce", *arguments])


def _verdicts(result: Result) -> list[str]:
    names = ("inside", "outside, explained", "outside", "not run", "not to be had")
    rows = [line for line in result.output.splitlines() if line.startswith(("val_acc", "naswot", "synflow", "1e-"))]
    return [next(name for name in names if f"  {name}  " in f"{row}  ") for row in rows]


def test_without_a_table_they_are_listed() -> None:
    result = _run()
    assert result.exit_code == 0, result.output
    assert "gradalign-4" in result.output
    assert "Lightweight NAS, Table VI" in result.output


def test_a_table_of_stored_scores_is_made_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    result = _run("lightweight-6", *STORED[:-1], "200", "--output", str(page))
    assert result.exit_code == 0, result.output
    assert "nasbench201_cifar10_whole, stored" in result.output
    assert _verdicts(result).count("inside") == 9
    assert "9 printed numbers: 9 inside." in result.output
    text = page.read_text(encoding="utf-8")
    assert "| inside | 9 |" in text
    assert "Of the 9 numbers that are to be had, 9 are compared; 9 (100.0 %)" in text


def test_scores_that_nobody_has_are_named(tmp_path: Path) -> None:
    result = _run("gradalign-2", "--stored", str(tmp_path))
    assert result.exit_code == 2
    assert "no data directory" in result.output  # accuracies of NAS-Bench-101 are no part of the package
    result = _run("epsilon-6", "--stored", str(tmp_path), "--resamples", "20")
    assert result.exit_code == 0, result.output
    assert "nasbench201_cifar10_whole_epsilon, in the package" in result.output
    assert "no scores of epsilon: nas-zc score configs/nasbench201_cifar10_epsilon_grey" in result.output


def test_networks_are_scored_where_no_scores_are_stored(tmp_path: Path) -> None:
    configs, work = tmp_path / "configs", tmp_path / "work"
    configs.mkdir()
    (configs / "nasbench201_cifar10_epsilon_weights.yaml").write_text(CAMPAIGN.format(number=60), encoding="utf-8")
    result = _run("epsilon-8", "--quick", "--configs", str(configs), "--work", str(work))
    assert result.exit_code == 0, result.output
    assert (work / "nasbench201_cifar10_epsilon_weights_100.db").exists()
    assert "nasbench201_cifar10_epsilon_weights_100, made now" in result.output
    assert "no scores of 1e-08, 1e-07" in result.output
    made = [line for line in result.output.splitlines() if line.startswith("1e-07, 1 ")]
    assert [line.split()[3] for line in made][0] == "kept"
    assert any("inside" in line or "outside" in line for line in made)


def test_settings_that_fit_are_counted() -> None:
    result = _run("lightweight-1", *STORED, "--switches", "naswot")
    assert result.exit_code == 0, result.output
    assert "40 settings tried" in result.output
    assert "weak evidence" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gradalign-9"], "no table 'gradalign-9'; there are gradalign-2"),
        (["epsilon-8", "--stored", "no-such-folder"], "--stored no-such-folder: there is no such folder"),
        (
            ["epsilon-8", "--configs", "no-such-folder"],
            "no-such-folder/nasbench201_cifar10_epsilon_weights.yaml is not",
        ),
        (["epsilon-8", *STORED, "--switches", "no-such-row"], "epsilon-8 has no coefficients of rows no-such-row"),
    ],
)
def test_wrong_input_is_refused_by_name(arguments: list[str], message: str) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
