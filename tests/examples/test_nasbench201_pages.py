"""The published tables are those that the example makes of the committed scores."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from naslib_zc_plugin.store.parquet import write_parquet
from tests.benchmarks import made
from tests.examples import example, pages

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(scope="module", name="example")
def _example() -> Any:
    return example("nasbench201_results")


def test_the_page_holds_what_the_committed_scores_give(shared: Path) -> None:
    pages.check("nasbench201", shared / "data")


def test_every_campaign_of_the_page_has_its_configuration() -> None:
    names = {path.stem for path in (RESULTS / "scores").glob("*.parquet")}
    assert names and names <= {path.stem for path in (ROOT / "configs").glob("*.yaml")}


# On made scores --------------------

N = 60


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 architectures: all proxies order them as the test accuracy, but gradalign2 has no score of the last five."""
    folder = tmp_path_factory.mktemp("results")
    columns = {name: values[:N] for name, values in made.nasbench201_columns().items()}
    made.written(folder, columns)
    for dataset in ("cifar10", "cifar100"):
        accuracies = dict(zip(columns["arch_str"], columns[f"{dataset}_test_200"].tolist()))
        for campaign, labels in (("gradalign", ("gradalign1", "gradalign2")), ("tenas", ("ntk", "linear_regions"))):
            proxies = {
                label: {"name": label, "version": 1, "higher_is_better": label != "ntk", "options": {}}
                for label in labels
            }
            facts = {
                "space": "nasbench201", "architectures": 70, "proxies": proxies, "singletons": 0.25,
                "truth": f"{dataset}_test_200",
            }  # fmt: skip
            path = folder / f"nasbench201_{dataset}_{campaign}.parquet"
            write_parquet(path, _records(accuracies, labels), facts)
    return folder


def _records(accuracies: dict[str, float], labels: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for place, (key, accuracy) in enumerate(accuracies.items()):
        for label in labels:
            status = "undefined" if label == "gradalign2" and place >= N - 5 else "ok"
            value = (-accuracy if label == "ntk" else accuracy) if status == "ok" else None
            yield {"key": key, "proxy": label, "version": 1, "value": value, "status": status, "seconds": 0.1}


def test_tables_of_made_scores(example: Any, small: Path) -> None:
    found = example.tables(example.Results(small, small))
    assert list(found) == ["how far", "cifar10", "cifar100", "imagenet16_120", "sample", "ranks", "balanced"]
    lines = found["how far"].splitlines()
    assert "| gradalign | 60 of 70 | 60 of 70 | – |" in lines and "| epsilon | – | – | – |" in lines
    (one,) = (line for line in found["cifar100"].splitlines() if "gradalign1" in line)
    assert one.startswith("| gradalign/gradalign1 | τ G | 0.633 | 1.000 [1.000, 1.000] test | +0.367 | val ")
    assert one.endswith("| 60 | 0 | above |")
    (two,) = (line for line in found["cifar100"].splitlines() if "gradalign2" in line)
    assert two.endswith("| 55 | 5 | above |")
    (rank,) = (line for line in found["cifar100"].splitlines() if line.startswith("| tenas/tenas | τ G | 0.377 | "))
    assert "1.000" in rank
    assert len(found["imagenet16_120"].splitlines()) == 2 and "25 %" in found["balanced"]
    assert len(found["ranks"].splitlines()) == 2 + 12


def test_a_page_of_made_scores(small: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "scores").mkdir()
    for path in small.glob("*_cifar100_*.parquet"):
        shutil.copy(path, tmp_path / "scores")
    command = [sys.executable, "examples/nasbench201_pages.py", str(small), str(tmp_path), "--dataset", "cifar100"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "nasbench201_cifar100.md").read_text(encoding="utf-8")
    assert page.startswith("# NAS-Bench-201, CIFAR-100: leaderboards\n")
    parts = page.split("\n## ")[1:]
    assert [part.split(":")[0] for part in parts] == [
        "nasbench201\\_cifar100\\_gradalign",
        "nasbench201\\_cifar100\\_tenas",
    ]
    assert "(figures/nasbench201_cifar100_gradalign_scatter.png)" in parts[0]
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["nasbench201_cifar100_gradalign_scatter.png"]
    assert "- Tabulated by: nas-zc leaderboard nasbench201\\_cifar100\\_tenas.parquet --aggregate tenas\n" in parts[1]
    assert "\n| tenas | ↑ | +1.000" in parts[1] and str(tmp_path) not in page


def test_half_of_the_training_set_is_the_truth_of_all_but_epsilon(example: Any, small: Path) -> None:
    results = example.Results(small, small)
    (line,) = (line for line in example.against_printed(results, "cifar10").splitlines() if "gradalign1" in line)
    half = results.agreement("gradalign", "cifar10", "gradalign1", "half").kendall
    assert f"{half.value:.3f} [{half.low:.3f}, {half.high:.3f}] half" in line and "test 1.000" in line


def test_the_printed_ranks_are_those_of_the_printed_coefficients(example: Any) -> None:
    """GradAlign's own column, out of its own Table 4."""
    columns = [
        {label: values[dataset] for source, _, label, _, values in example.printed() if source == "G"}
        for dataset in example.DATASETS
    ]
    ranking = example.mean_ranks({"nasbench201": columns})
    assert {row.name: pytest.approx(row.mean) for row in ranking.rows} == example.RANKS
