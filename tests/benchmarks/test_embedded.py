"""The tables in the package: they answer without data, are near what they were made of, and keep its order."""

from __future__ import annotations

import runpy
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, rankdata, spearmanr

from naslib_zc_plugin.benchmarks import Benchmark, benchmark, nasbench201
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.files.packed import FOLDER, PRECISION, Packer, unpack
from naslib_zc_plugin.search.config import SearchConfig
from naslib_zc_plugin.search.evaluators.benchmark import BenchmarkEvaluator
from naslib_zc_plugin.store.embedded import list_embedded, pack_scores, read_packed_scores
from naslib_zc_plugin.table import Column, ScoreTable
from tests.benchmarks import made, nats
from tests.conftest import REPOSITORY

EXPORTS = REPOSITORY / "docs" / "results" / "scores"
ACCURACIES = [name for name, info in nasbench201.TABLE.columns.items() if info.unit == "%" and "_run" not in name]
DATASETS = ("cifar10", "cifar100", "imagenet16")


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    return benchmark("nasbench201")


@pytest.fixture(scope="module")
def source(shared: Path) -> pd.DataFrame:
    path = shared / "data" / "nasbench201" / "accuracies.parquet"
    if not path.exists():
        pytest.skip("no table of NAS-Bench-201")
    return pd.read_parquet(path).sort_values("index")


# The benchmark --------------------


def test_the_benchmark_needs_no_data_and_no_more_than_numpy() -> None:
    absent = "torch pyarrow pandas scipy".split()
    code = (
        f"import os, sys\nos.environ.pop('NAS_ZC_DATA', None)\nsys.modules.update(dict.fromkeys({absent}))\n"
        "from naslib_zc_plugin.benchmarks import benchmark\nfound = benchmark('nasbench201')\n"
        "print(len(found), max(found.column('cifar100_test_200').values()), found.source)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("15625 73.51 NAS-Bench-201 of Dong and Yang") and "MIT licence" in done.stdout


def test_it_has_what_its_docs_say(embedded: Benchmark) -> None:
    assert (embedded.name, embedded.keys, embedded.partial) == ("nasbench201", tuple(nats.ORDER), False)
    assert set(ACCURACIES) | set(nasbench201.LATENCIES) < set(embedded.columns)
    for name in embedded.columns:
        if "_edgetpu_" not in name:
            assert len(embedded.column(name)) == 15_625, name
    key = nats.ORDER[13_714]
    assert embedded.column("cifar10_val_200")[key] == 91.5
    assert embedded.column("cifar10_test_200")[key] == 94.37
    assert embedded.training_seconds("cifar10_val_12")[key] == pytest.approx(
        12 / 200 * embedded.column("cifar10_traintime_200_s")[key]
    )
    info = embedded.columns["cifar10_raspi4_latency_ms"]
    assert (info.unit, info.higher_is_better) == ("ms", False)
    with pytest.raises(ValueError, match="'cifar10_val_200_run0'.*one in the data directory may have more"):
        embedded.column("cifar10_val_200_run0")


def test_a_table_in_the_data_directory_goes_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, embedded: Benchmark
) -> None:
    assert benchmark("nasbench201", tmp_path).source == embedded.source
    (record,) = caplog.records
    assert "accuracies.parquet: no such file; the table of nasbench201 in the package answers" in record.getMessage()

    columns = made.nasbench201_columns()
    made.written(tmp_path, columns)
    found = benchmark("nasbench201", tmp_path)
    assert found.source == "" and len(caplog.records) == 1
    assert list(found.column("cifar10_val_12").values()) == columns["cifar10_val_12"].tolist()
    latency = "cifar10_edgetpu_latency_ms"  # what only the package has, it gives to every table
    assert found.column(latency) == embedded.column(latency)

    made.written(tmp_path, {name: np.asarray(values)[[2, 30, 400]] for name, values in columns.items()})
    part = benchmark("nasbench201", tmp_path)
    assert part.column("cifar10_fpga_latency_ms") == {
        key: embedded.column("cifar10_fpga_latency_ms")[key] for key in part.keys
    }

    (tmp_path / "nasbench201" / "accuracies.parquet").write_bytes(b"damaged")
    with pytest.raises(DataError, match="a whole Parquet file"):
        benchmark("nasbench201", tmp_path)
    with pytest.raises(ValueError, match="no folder"):
        benchmark("nasbench201", tmp_path / "absent")


def test_an_evaluator_tells_where_its_numbers_come_from(embedded: Benchmark) -> None:
    config = SearchConfig(space="nasbench201")
    made = BenchmarkEvaluator(config, None, None, metric="cifar10_val_12")
    assert made(nats.ORDER[0]).fitness == embedded.column("cifar10_val_12")[nats.ORDER[0]]
    assert embedded.source in made.notes()[0]


def test_rounding_is_as_told(source: pd.DataFrame, embedded: Benchmark) -> None:
    for name in embedded.columns:
        if name in nasbench201.LATENCIES:
            continue
        found, given = np.array(list(embedded.column(name).values())), source[name].to_numpy()
        if name in ACCURACIES:
            assert np.abs(found - given).max() <= 0.005 + 1e-9, name
        elif name.endswith("_s"):
            assert np.abs(found / given - 1).max() <= 0.0051, name
        else:
            assert (found == given).all(), name


def test_rank_correlations_stay(source: pd.DataFrame, embedded: Benchmark) -> None:
    found = {name: np.array(list(embedded.column(name).values())) for name in ACCURACIES}
    for first, second in combinations(ACCURACIES, 2):
        before = spearmanr(source[first], source[second]).statistic
        assert spearmanr(found[first], found[second]).statistic == pytest.approx(before, abs=1e-3), (first, second)
    for dataset in DATASETS:
        first, second = f"{dataset}_val_12", f"{dataset}_test_200"
        before = kendalltau(source[first], source[second]).statistic
        assert kendalltau(found[first], found[second]).statistic == pytest.approx(before, abs=1e-3)
        best = source[second].to_numpy().argmax()
        assert found[second][best] == found[second].max()


def test_latencies_are_medians_of_classes(shared: Path, source: pd.DataFrame, embedded: Benchmark) -> None:
    measured = pd.read_parquet(shared / "data" / "nasbench201" / "hardware.parquet").sort_values("index")
    classes = source.unique_str.to_numpy()
    for name in nasbench201.LATENCIES:
        given = measured[name[: -len("_ms")]].replace(-1, np.nan)
        expected = given.groupby(classes).transform("median").to_numpy()
        column = embedded.column(name)
        found = np.array([column.get(key, np.nan) for key in embedded.keys])
        assert (np.isnan(found) == np.isnan(expected)).all(), name
        assert np.nanmax(np.abs(found / expected - 1)) <= 0.0051, name


# The scores --------------------


def test_the_package_has_the_scores_of_whole_spaces() -> None:
    names = [f"embedded:{path.stem}" for path in EXPORTS.glob("nasbench201_*_whole*.parquet")]
    assert sorted(names) == list_embedded()
    with pytest.raises(DataError, match=r"scores in the package: embedded:nasbench201_cifar100_whole"):
        read_table("embedded:nasbench201")


@pytest.mark.parametrize("name", list_embedded())
def test_scores_keep_order_and_statuses(name: str, embedded: Benchmark) -> None:
    found, export = read_table(name), read_table(EXPORTS / f"{name.partition(':')[2]}.parquet")
    assert list(found.keys) == sorted(nats.ORDER) and list(found) == list(export)
    told = {"rounded": found.facts["rounded"]}
    if len(export) < len(found):  # of identical networks one was scored
        told["identical"] = "each network has the scores of the one of its class that was scored"
        assert len(export) == len({*map(class_text, export.keys)}) == 6466
    assert {**export.facts, **told} == found.facts
    places = {key: row for row, key in enumerate(export.keys)}
    one = {class_text(key): row for key, row in places.items()}
    rows = [places.get(key, one[class_text(key)]) for key in found.keys]
    for label, column in found.columns.items():
        given = export[label]
        values = given.values[rows]
        assert (column.status == given.status[rows]).all()
        there = ~np.isnan(values)
        assert (np.isnan(column.values) == ~there).all()
        assert (np.abs(column.values - values)[there] <= PRECISION * np.abs(values[there])).all()
        assert (rankdata(column.values[there]) == rankdata(values[there])).all()
        assert (column.proxy, column.version, column.options) == (given.proxy, given.version, given.options)
        assert np.allclose(column.seconds, np.nanmedian(given.seconds[rows]), rtol=5e-3, atol=0)
    assert found.facts["truth"] in embedded.columns


def test_scores_that_are_not_whole_are_not_packed(tmp_path: Path) -> None:
    column = Column("a", 1, True, np.array([1.0, np.nan]), np.array([1, 0], np.uint8), np.ones(2))
    with pytest.raises(ValueError, match="2 architectures of nasbench201, which has 15625"):
        pack_scores(ScoreTable("part", nats.ORDER[:2], {"a": column}, {"space": "nasbench201"}))
    rows = len(nats.ORDER)
    status = np.ones(rows, np.uint8)
    status[7] = 0
    begun = Column("a", 1, True, np.where(status, 1.0, np.nan), status, np.ones(rows))
    with pytest.raises(ValueError, match="left to make, of a"):
        pack_scores(ScoreTable("begun", nats.ORDER, {"a": begun}, {"space": "nasbench201"}), tmp_path / "begun.npz")


def test_identical_networks_have_the_score_of_the_one_that_was_scored() -> None:
    one = {class_text(key): key for key in reversed(nats.ORDER)}
    keys = [*one.values()]

    def of(keys: list[str]) -> ScoreTable:
        rows = len(keys)
        column = Column("a", 1, True, np.arange(rows, dtype=float), np.ones(rows, np.uint8), np.ones(rows))
        return ScoreTable("classes", keys, {"a": column}, {"space": "nasbench201"})

    found = of(keys).of_all(nats.ORDER, class_text)
    assert len(found) == len(nats.ORDER) and "identical" in found.facts
    assert all(keys[int(value)] == one[class_text(key)] for key, value in zip(found.keys, found["a"].values))
    twice = next(key for key in nats.ORDER if key not in keys)
    for others in (keys[3:], [*keys, twice], [*keys[3:], twice], nats.ORDER):  # no one of each class
        assert list((found := of(list(others)).of_all(nats.ORDER, class_text)).keys) == list(others)
        assert "identical" not in found.facts
    assert len(of(keys).of_all(nats.ORDER, None)) == len(keys)


def test_every_status_is_kept(tmp_path: Path) -> None:
    rows = len(nats.ORDER)
    status = (np.arange(rows) % 3 + 1).astype(np.uint8)
    values = np.where(status == 1, np.random.default_rng(0).normal(size=rows), np.nan)
    made = {"name": "a", "version": 2, "higher_is_better": False, "options": {"sign": "less"}}
    facts = {"space": "nasbench201", "proxies": {"label": made}}
    table = ScoreTable("toy", nats.ORDER, {"label": Column("a", 2, False, values, status, np.ones(rows))}, facts)
    found = read_packed_scores(pack_scores(table, tmp_path / "toy.npz"), "toy")
    order = np.argsort(nats.ORDER)
    assert (found["label"].status == status[order]).all()
    assert np.allclose(found["label"].values, values[order], rtol=PRECISION, equal_nan=True)
    assert (found["label"].version, found["label"].higher_is_better) == (2, False)


# The form --------------------


@given(st.lists(st.none() | st.floats(-1e300, 1e300, allow_subnormal=False), min_size=1, max_size=40))
def test_order_is_kept_whatever_the_numbers(values: list[float | None]) -> None:
    given = np.array(values, dtype=float)
    packer = Packer(len(given))
    packer.order("a", given)
    with TemporaryDirectory() as folder:
        packer.write(Path(folder, "a.npz"))
        found = unpack(Path(folder, "a.npz")).columns["a"]
    there = ~np.isnan(given)
    assert (np.isnan(found) == ~there).all()
    assert (rankdata(found[there]) == rankdata(given[there])).all()
    assert (np.abs(found - given)[there] <= PRECISION * np.abs(given[there])).all()


@pytest.mark.parametrize("values", [[0.0, 5e-324, 1e-323, 1.5e-323], [1.0, np.inf]])
def test_numbers_that_cannot_be_told_apart_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="a: numbers that are not finite, or too near"):
        Packer(len(values)).order("a", np.array(values))


def test_equal_tables_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        packer = Packer(300, {"about": "it"})
        packer.ratio("x", np.linspace(1, 1000, 300), per=50)
        packer.times("y", "x", 2.5)
        packer.write(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found = unpack(tmp_path / "a")
    assert found.about == {"about": "it"}
    assert np.abs(found.columns["x"] / np.linspace(1, 1000, 300) - 1).max() < 0.0101
    assert (found.columns["y"] == 2.5 * found.columns["x"]).all()


def test_the_script_makes_the_tables_of_the_package(source: pd.DataFrame, shared: Path, tmp_path: Path) -> None:
    script = runpy.run_path(str(REPOSITORY / "examples" / "embedded_tables.py"))
    script["accuracies"](shared / "data", tmp_path / "nasbench201.npz")
    made, kept = unpack(tmp_path / "nasbench201.npz"), unpack(FOLDER / "nasbench201.npz")
    assert made.about == kept.about and list(made.columns) == list(kept.columns)
    for name, values in made.columns.items():
        np.testing.assert_array_equal(values, kept.columns[name])


def test_the_tables_are_small() -> None:
    assert (FOLDER / "nasbench201.npz").stat().st_size <= 600_000
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) <= 1_500_000
