"""Benchmarks from their neutral tables: what they give, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from naslib_zc_plugin.benchmarks import Benchmark, benchmark, list_benchmarks, nasbench201
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces import space
from tests.benchmarks import made, nats

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made.written(folder, made.nasbench201_columns())
    return folder


@pytest.fixture(scope="module")
def real(shared: Path) -> Benchmark:
    return benchmark("nasbench201", shared / "data")


def test_benchmarks_are_found_by_their_files() -> None:
    assert list_benchmarks() == sorted(list_benchmarks())
    assert {"nasbench101", "nasbench201", "nasbench201_naslib"} <= set(list_benchmarks())
    with pytest.raises(ValueError, match="unknown benchmark 'nasbench_201'; did you mean nasbench201"):
        benchmark("nasbench_201")


def test_a_table_gives_keys_columns_and_numbers(data: Path) -> None:
    found = benchmark("nasbench201", data)
    columns = made.nasbench201_columns()
    assert (found.name, len(found), found.partial) == ("nasbench201", 15_625, False)
    assert found.path == data / "nasbench201/accuracies.parquet"
    assert list(found.columns) == [*nasbench201.TABLE.columns, *nasbench201.LATENCIES]
    for name, info in nasbench201.TABLE.columns.items():
        values = {key: value for key, value in zip(nats.ORDER, columns[name]) if not np.isnan(value)}
        assert found.column(name) == values
        assert (len(values) == 15_625) is not info.gaps
        assert info.description
    assert found.columns["cifar100_test_200"].unit == "%" and found.columns["cifar100_test_200"].higher_is_better
    assert found.columns["cifar10_traintime_200_s"].unit == "s"
    assert found.columns["cifar10_traintime_200_s"].higher_is_better is False
    assert found.columns["cifar10_params_M"].higher_is_better is None
    with pytest.raises(ValueError, match="no column 'cifar10_test200'; did you mean cifar10_test_200"):
        found.column("cifar10_test200")
    with pytest.raises(ValueError, match="no column 'xyz'; there are cifar100_edgegpu_latency_ms, cifar100_edge"):
        found.column("xyz")


def test_the_environment_names_the_folder(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_ZC_DATA", raising=False)
    with pytest.raises(ValueError, match=r"by the argument `data` \(--data DIR\) or by NAS_ZC_DATA in the environment"):
        benchmark("nasbench101")
    monkeypatch.setenv("NAS_ZC_DATA", str(data))
    assert len(benchmark("nasbench201")) == 15_625
    monkeypatch.setenv("NAS_ZC_DATA", str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="NAS_ZC_DATA names .*absent"):
        benchmark("nasbench201")
    assert len(benchmark("nasbench201", data)) == 15_625  # the argument goes first
    with pytest.raises(DataError) as caught:
        benchmark("nasbench101", data)
    assert caught.value.path == data / "nasbench101/accuracies.parquet"
    assert "argument `data` or NAS_ZC_DATA" in caught.value.expected
    assert "tables there: nasbench201/accuracies.parquet" in caught.value.found
    with pytest.raises(DataError, match="tables there: none"):
        benchmark("nasbench101", tmp_path)


def _swapped(columns: dict[str, Any], name: str) -> None:
    columns[name] = [columns[name][1], columns[name][0], *columns[name][2:]]


def _set(columns: dict[str, Any], name: str, value: Any) -> None:
    columns[name] = np.array(columns[name])
    columns[name][1] = value


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: _swapped(c, "arch_str"), "the architectures of nasbench201; found .* out of the official order"),
        (lambda c: _swapped(c, "index"), "no column 'index' with the official order"),
        (lambda c: c.pop("index"), "no column 'index' with the official order"),
        (lambda c: c["arch_str"].__setitem__(0, "|oops~0|"), "expected 3 nodes"),
        (lambda c: c["arch_str"].__setitem__(0, None), "'arch_str' that is not all text"),
        (lambda c: c.pop("arch_str"), "one column 'arch_str'; found columns index, unique_str"),
        (lambda c: c.pop("cifar100_test_12"), "one column 'cifar100_test_12'"),
        (lambda c: c.update(more=c["index"]), "columns of nasbench201 alone; found columns more"),
        (lambda c: c.update(cifar10_params_M=c["arch_str"]), "'cifar10_params_M' as a column of numbers"),
        (lambda c: _set(c, "cifar10_val_12", 100.1), "'cifar10_val_12' in 0..100; found .*100.1"),
        (lambda c: _set(c, "cifar10_val_12", -0.1), "'cifar10_val_12' in 0..100; found -0.1"),
        (lambda c: _set(c, "cifar10_val_12", np.nan), "'cifar10_val_12' of every architecture; found 1 without"),
        (lambda c: _set(c, "cifar10_flops_M", np.inf), "'cifar10_flops_M' finite and not below 0; found .*inf"),
        (
            lambda c: _set(c, "cifar100_test_200", 74),
            "the best 'cifar100_test_200' to be 73.513 at 9930; found 74.000 at 1",
        ),
        (lambda c: _set(c, "imagenet16_test_200", 47.4), "the best 'imagenet16_test_200' to be 47.311 at 857"),
    ],
)
def test_what_is_not_the_benchmark_is_named(tmp_path: Path, change: Any, fault: str) -> None:
    columns = made.nasbench201_columns()
    change(columns)
    made.unchecked(tmp_path, columns)
    with pytest.raises(DataError, match=fault):
        benchmark("nasbench201", tmp_path)


def test_a_part_is_read_only_where_the_table_says_so(tmp_path: Path) -> None:
    part = {name: np.asarray(values)[[2, 30, 400]] for name, values in made.nasbench201_columns().items()}
    made.unchecked(tmp_path, part)
    with pytest.raises(DataError, match="15625 rows; found 3"):
        benchmark("nasbench201", tmp_path)
    for promised in ("4", "x", ""):
        made.unchecked(tmp_path, part, **{"naslib_zc_plugin.partial": promised})
        with pytest.raises(DataError, match="of 15625 rows, as its metadata say; found 3"):
            benchmark("nasbench201", tmp_path)
    made.written(tmp_path, part)
    found = benchmark("nasbench201", tmp_path)
    assert found.partial and found.keys == tuple(nats.ORDER[number] for number in (2, 30, 400))


def test_without_pyarrow_the_room_opens_and_the_call_says_what_to_install() -> None:
    code = (
        "import sys\nsys.modules.update({'pyarrow': None, 'pyarrow.parquet': None, 'pandas': None})\n"
        "from naslib_zc_plugin import benchmarks\nassert benchmarks.list_benchmarks()\n"
        "for read in (lambda: benchmarks.benchmark('nasbench101', '.'),\n"
        "             lambda: benchmarks.convert_benchmark('nasbench201', 'absent.tar', '.')):\n"
        "    try:\n        read()\n    except ImportError as error:\n        print(error)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 2 * "benchmark tables need pyarrow: pip install 'naslib-zc-plugin[tables]'\n"


def test_real_facts(real: Benchmark) -> None:
    """Numbers that papers and the official API's documentation tell."""
    key = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    assert real.keys[13_714] == key and space("nasbench201").size == len(real)
    known = {
        "cifar10_test_200": 94.37,
        "cifar10_val_200": 91.50,
        "cifar100_val_200": 73.31,
        "cifar100_test_200": 73.09,
        "imagenet16_val_200": 45.58,
        "imagenet16_test_200": 46.33,
        "cifar10_params_M": 1.073,
    }
    for name, value in known.items():
        assert real.column(name)[key] == pytest.approx(value, abs=6e-3)
    for dataset, agreement in (("cifar10", 0.772), ("cifar100", 0.825), ("imagenet16", 0.818)):
        columns = [list(real.column(f"{dataset}_{name}").values()) for name in ("val_12", "test_200")]
        assert spearmanr(*columns).statistic == pytest.approx(agreement, abs=1e-3)
