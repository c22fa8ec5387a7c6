"""``nas-zc search`` as one uses it: what it prints, what it writes, and what it says of mistakes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.search.journal import histories

SEARCHES: dict[str, Any] = {
    "evolution": {
        "strategy": {"name": "aging_evolution", "population": 5, "sample": 3}, "published": {"test": [30, 1]},
    },
    "random": {"strategy": {"name": "random_search"}},
}  # fmt: skip


def _search(*words: object) -> Result:
    return CliRunner().invoke(app, ["search", *map(str, words)])


def _lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_results_are_what_the_journal_holds(written: Callable[..., Path], data: Path, tmp_path: Path) -> None:
    path = written(strategy=None, searches=SEARCHES, repeats=4)
    done = _search(path, "--data", data)
    assert done.exit_code == 0, done.output
    table = benchmark("nasbench201", data)
    val, test = table.column("cifar10_val_12"), table.column("cifar10_test_200")
    for label, runs in histories(tmp_path / "small.db").items():
        best = [max(entries, key=lambda entry: entry.fitness or 0) for entries in runs.values()]
        rows = [line for line in _lines(tmp_path / "small") if line["search"] == label]
        assert [row["architecture"] for row in rows] == [entry.key for entry in best]
        assert [float(row["fitness"]) for row in rows] == [val[entry.key] for entry in best]
        found = np.array([test[entry.key] for entry in best])
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{label} ")][:1]
        assert f"{found.mean():.2f} ± {found.std():.2f}" in line
        assert (f"{found.mean() - 30:+.2f}" in line) == (label == "evolution")
        assert max(best, key=lambda entry: [each.key for each in best].count(entry.key)).key in done.stdout
    text = (tmp_path / "small" / "results.md").read_text(encoding="utf-8")
    assert "0.06 of cifar10" in text.replace("\\", "") and "nas-zc search" in text
    for name in ("curves.png", "curves-seconds.png"):
        assert (tmp_path / "small" / name).read_bytes().startswith(b"\x89PNG") and f"]({name})" in text


def test_the_same_command_again_evaluates_nothing(written: Callable[..., Path], data: Path, tmp_path: Path) -> None:
    path = written(repeats=2)
    first = _search(path, "--data", data, "--output", tmp_path / "out")
    before = histories(tmp_path / "small.db")
    again = _search(path, "--data", data, "--output", tmp_path / "out")
    assert first.exit_code == again.exit_code == 0 and again.stdout == first.stdout
    assert histories(tmp_path / "small.db") == before


def test_restart_forgets(written: Callable[..., Path], data: Path, tmp_path: Path) -> None:
    assert _search(written(), "--data", data).exit_code == 0
    refused = _search(written(seed=2), "--data", data)
    assert refused.exit_code == 2 and "seed: 0 → 2" in refused.stderr
    assert _search(written(seed=2), "--data", data, "--restart").exit_code == 0
    (tmp_path / "small.db").write_text("my notes")
    kept = _search(written(seed=2), "--data", data, "--restart")
    assert kept.exit_code == 2 and (tmp_path / "small.db").read_text() == "my notes"


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        ({"evalutor": {}}, [], "did you mean evaluator?"),
        ({"report": {"test": "cifar10_tset_200"}}, [], "did you mean"),
        ({"scores": {"table": "none.parquet"}, "strategy": {"name": "area", "proxy": "a"}}, [], "none.parquet"),
        ({}, ["--data", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_told_in_a_line_before_anything_is_written(
    written: Callable[..., Path], data: Path, tmp_path: Path, changes: Any, words: list[str], message: str
) -> None:
    done = _search(written(**changes), *(words or ["--data", data]))
    assert done.exit_code == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "small.db").exists()


def test_no_data_directory_says_what_to_do(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    done = _search(written(space="nasbench101", evaluator={"name": "benchmark", "metric": "val_acc_108"}))
    assert done.exit_code == 2 and "--data DIR" in done.stderr


def test_the_package_has_what_a_search_needs(
    written: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real accuracies and scores, without a data directory or with an empty one."""
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    strategy = {"name": "area", "proxy": "naswot", "pool": 30, "population": 10, "sample": 3}
    scores = {"table": ["embedded:nasbench201_cifar10_whole_epsilon", "embedded:nasbench201_cifar10_whole"]}
    path = written(strategy=strategy, scores=scores, report={"test": "cifar10_test_200"})
    done = _search(path)
    assert done.exit_code == 0, done.output
    assert "from the table in the package: NAS-Bench-201 of Dong and Yang" in " ".join(done.stdout.split())
    (tmp_path / "empty").mkdir()
    assert _search(path, "--data", tmp_path / "empty").exit_code == 0


def test_a_leaderboard_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    done = CliRunner().invoke(app, ["leaderboard", "embedded:nasbench201_cifar10_whole", "--resamples", "0"])
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert "Accuracies: NAS-Bench-201" in words and "15,625 architectures" in words
