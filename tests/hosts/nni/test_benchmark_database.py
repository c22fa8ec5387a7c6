"""The example that lets NNI's queries of NAS-Bench-201 answer from our table."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import nasbench201 as table
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.benchmarks import made as tables
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

zc = needs("naslib_zc_plugin.hosts.nni")
samples = needs("naslib_zc_plugin.hosts.nni.samples")
pytest.importorskip("playhouse.sqlite_ext", reason="needs Peewee before 4.0, the extra [nni]")
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "nni_benchmark_database.py"
example = SimpleNamespace(**runpy.run_path(str(EXAMPLE)))
query = needs("nni.nas.benchmark.nasbench201").query_nb201_trial_stats
benchmark = needs("nni.nas.benchmark")
execution = needs("nni.nas.execution")

COUNT = 200


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("data")
    found = {name: values[:COUNT] for name, values in tables.nasbench201_columns().items()}
    tables.written(folder, found, table.TABLE)
    example.connect(example.fill(folder))
    return folder, found


def asked(index: int, epochs: int, dataset: str, **more: Any) -> dict[str, Any]:
    (row,) = query(samples.sample201(SPACE.key(index), prefix=""), epochs, dataset, **more)
    found: dict[str, Any] = row
    return found


@pytest.mark.parametrize("epochs", [12, 200])
@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("cifar10-valid", {"valid_acc": "cifar10_val_{}", "parameters": "cifar10_params_M"}),
        ("cifar10", {"valid_acc": "cifar10_test_{}", "test_acc": "cifar10_test_{}", "ori_test_acc": "cifar10_test_{}"}),
        ("cifar100", {"valid_acc": "cifar100_val_{}", "test_acc": "cifar100_test_{}"}),
        ("imagenet16-120", {"valid_acc": "imagenet16_val_{}", "test_acc": "imagenet16_test_{}"}),
    ],
)
def test_queries_answer(columns: Any, epochs: int, dataset: str, expected: dict[str, str]) -> None:
    for index in (0, 17, COUNT - 1):
        row = asked(index, epochs, dataset)
        for name, column in expected.items():
            assert row[name] == columns[1][column.format(epochs)][index]
        assert row["config"]["num_epochs"] == epochs
        assert row["train_loss"] is None
        assert row["seed"] is None


def test_what_the_table_has_for_200_epochs_only(columns: Any) -> None:
    half, short = asked(3, 200, "cifar10-valid"), asked(3, 12, "cifar10-valid")
    assert half["ori_test_acc"] == half["test_acc"] == columns[1]["cifar10_test_200_half_train"][3]
    assert half["training_time"] == columns[1]["cifar10_traintime_200_s"][3]
    assert short["ori_test_acc"] is None
    assert short["training_time"] is None


def test_means_and_wildcards(columns: Any) -> None:
    mean = asked(5, 200, "cifar100", reduction="mean")
    assert mean["valid_acc"] == columns[1]["cifar100_val_200"][5]
    everything = list(query(samples.sample201(SPACE.key(5), prefix=""), None, None, include_intermediates=True))
    assert len(everything) == 8
    assert everything[0]["intermediates"] == []
    assert sum(1 for _ in query(None, 12, "cifar10")) == COUNT


def test_benchmarks_of_nni_answer(columns: Any, tmp_path: Path) -> None:
    evaluator = benchmark.NasBench201Benchmark(200, "cifar100")
    space = benchmark.BenchmarkModelSpace(made.space(), evaluator)
    model = space.freeze(samples.sample201(SPACE.key(9)))
    execution.SequentialExecutionEngine().submit_models(model)
    assert model.metric == pytest.approx(columns[1]["cifar100_val_200"][9] / 100)
    # Ours search it, too: its labels are the same, and no network is known.
    strategy = zc.RandomSearch(seed=0, distinct=True)
    slim = benchmark.BenchmarkModelSpace(evaluator)
    strategy(slim, execution.SequentialExecutionEngine(max_model_count=6))
    assert [key for key, _ in strategy.history if SPACE.index(key) < COUNT] == [
        key for key, worth in strategy.history if worth is not None
    ]


def test_a_database_is_made_once_per_table(columns: Any, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "nni.db"
    assert example.fill(columns[0], path) == path
    before = path.stat().st_mtime_ns
    assert example.fill(columns[0], path).stat().st_mtime_ns == before
    changed = {**columns[1], "cifar100_val_200": columns[1]["cifar100_val_200"] / 2}
    tables.written(tmp_path, changed, table.TABLE)
    assert example.fill(tmp_path, path).stat().st_mtime_ns != before
    assert [each.name for each in path.parent.iterdir()] == ["nni.db"]


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0" + b"x" * 200])
def test_what_is_no_database_of_ours_is_refused_and_replaced(columns: Any, tmp_path: Path, content: Any) -> None:
    path = tmp_path / "nni.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="a database that fill"):
        example.connect(path)
    example.connect(example.fill(columns[0], path))
    assert asked(1, 200, "cifar100")["valid_acc"] == columns[1]["cifar100_val_200"][1]


def test_the_script(
    columns: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no data directory, but then a place for the database."""
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    with pytest.raises(ValueError, match="name the database's path"):
        example.fill()
    example.main(str(tmp_path / "nni.db"))
    example.connect(example.fill(columns[0]))
    assert "validation accuracy on CIFAR-100 after 200 epochs" in capsys.readouterr().out


def test_the_real_table(shared: Path, tmp_path: Path) -> None:
    if not (shared / "data" / table.TABLE.file).exists():
        pytest.skip("no table of NAS-Bench-201")
    example.connect(example.fill(shared / "data", tmp_path / "nni.db"))
    best = asked(6111, 200, "cifar10")
    assert best["ori_test_acc"] == pytest.approx(94.373, abs=5e-4)
    assert asked(13_714, 200, "cifar100")["valid_acc"] == pytest.approx(73.31, abs=5e-3)
    assert sum(1 for _ in query(None, 200, "imagenet16-120")) == 15_625
