"""A benchmark of another distribution, found by its metadata: a table in memory, CSV, JSON lines or Parquet."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from naslib_zc_plugin.benchmarks import BENCHMARKS, ColumnInfo, Table, benchmark, convert_benchmark, list_benchmarks
from naslib_zc_plugin.files import DataError

COLUMNS = {
    "accuracy": ColumnInfo("test accuracy after 10 epochs", "%", higher_is_better=True, cost=("seconds", 0.5)),
    "seconds": ColumnInfo("training of 20 epochs", "s", higher_is_better=False, gaps=True),
}
ROWS: dict[str, dict[str, Any]] = {"a-b": {"accuracy": 91.5, "seconds": 60.0}, "a-c": {"accuracy": 88, "seconds": None}}
CSV = "key,accuracy,seconds\na-b,91.5,60\na-c,88,\n"
LINES = "".join(json.dumps({"key": key, **row}) + "\n" for key, row in ROWS.items())


def write(folder: Path, ending: str) -> str:
    (folder / "toy").mkdir(exist_ok=True)
    path = folder / "toy" / f"accuracies{ending}"
    if ending == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist([{"key": key, **row} for key, row in ROWS.items()]), path)
    elif ending == ".jsonl.gz":
        path.write_bytes(gzip.compress(LINES.encode()))
    else:
        path.write_text(CSV if ending == ".csv" else LINES, encoding="utf-8")
    return f"toy/accuracies{ending}"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".jsonl.gz", ".parquet", "in memory"])
def test_every_form_gives_the_same_benchmark(tmp_path: Path, ending: str) -> None:
    if ending == "in memory":
        table = Table("toy", COLUMNS, values=ROWS)
        found = table.read()
        assert table.exists(tmp_path)
    else:
        table = Table("toy", COLUMNS, write(tmp_path, ending))
        found = table.read(tmp_path)
        absolute = Table("toy", COLUMNS, tmp_path / str(table.file))
        assert absolute.read().column("accuracy") == found.column("accuracy")  # no data directory is needed
    assert (found.name, found.keys, found.partial) == ("toy", ("a-b", "a-c"), False)
    assert found.column("accuracy") == {"a-b": 91.5, "a-c": 88.0}
    assert found.column("seconds") == {"a-b": 60.0}
    assert found.training_seconds("accuracy") == {"a-b": 30.0}


def distribution(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, *names: str) -> None:
    """Install a distribution whose module ``toy_benchmark`` offers these tables."""
    (folder / "toy_benchmark.py").write_text(code, encoding="utf-8")
    information = folder / "toy-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n", encoding="utf-8")
    entries = "\n".join(f"{name} = toy_benchmark:{name.upper()}" for name in names)
    (information / "entry_points.txt").write_text(f"[naslib_zc_plugin.benchmarks]\n{entries}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(BENCHMARKS, "_loaded", {})
    monkeypatch.delitem(__import__("sys").modules, "toy_benchmark", raising=False)


CODE = """
from naslib_zc_plugin.benchmarks import ColumnInfo, Table

COLUMNS = {"accuracy": ColumnInfo("test accuracy", "%", higher_is_better=True)}


def columns(table, source, partial, progress):
    lines = source.read_text().split()
    for number in range(len(lines)):
        progress(number)
    keys, numbers = zip(*(line.split("=") for line in lines))
    return {"key": list(keys), "accuracy": [float(number) for number in numbers]}


TOY = Table("toy", COLUMNS, "toy/accuracies.parquet", rows=3, converter=columns)
TOY_LATE = Table("toy_late", COLUMNS, "toy/late.parquet", converter="toy_benchmark:columns")
TOY_MEMORY = Table("toy_memory", COLUMNS, values={"a": {"accuracy": 1.0}})
TOY_WRONG = Table("another", COLUMNS, values={})
"""


def test_another_distributions_benchmark_is_found_converted_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, monkeypatch, CODE, "toy", "toy_late", "toy_memory", "toy_wrong", "toy_absent")
    assert list_benchmarks("toy*") == ["toy", "toy_absent", "toy_late", "toy_memory", "toy_wrong"]
    source, seen = tmp_path / "results.txt", list[int]()
    source.write_text("a=90\nb=91.5\nc=92")
    path = convert_benchmark("toy", source, tmp_path / "data", progress=seen.append)
    assert seen == [0, 1, 2] and benchmark("toy", tmp_path / "data").path == path
    assert benchmark("toy", tmp_path / "data").column("accuracy") == {"a": 90, "b": 91.5, "c": 92}
    source.write_text("a=90")
    with pytest.raises(DataError, match="all 3 architectures"):
        convert_benchmark("toy", source, tmp_path / "data")
    convert_benchmark("toy", source, tmp_path / "data", partial=True)
    assert benchmark("toy", tmp_path / "data").partial
    convert_benchmark("toy_late", source, tmp_path / "data")
    assert benchmark("toy_late", tmp_path / "data").column("accuracy") == {"a": 90.0}
    assert benchmark("toy_memory").column("accuracy") == {"a": 1.0}
    with pytest.raises(ValueError, match="'toy_memory' has nothing to convert"):
        convert_benchmark("toy_memory", source, tmp_path / "data")
    for name in ("toy_wrong", "toy_absent"):  # alone: the others were read
        with pytest.raises(TypeError, match=name):
            benchmark(name, tmp_path / "data")
    ours = {"darts", "flexibert", "timm", "transnasbench101_micro", "vit_bench"}
    assert set(list_benchmarks()) - {*list_benchmarks("toy*"), *list_benchmarks("n*")} == ours


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "a table in CSV"),
        ("key,accuracy\na-b,91.5,60\n", "2 entries in each row; found 3 in row 0"),
        ("key,key,accuracy\n", "columns of different names"),
        ("key,accuracy\na-b,high\n", "'accuracy' as a column of numbers; found 'high'"),
        ("key,accuracy\na-b,\n", "'accuracy' of every architecture; found 1 without"),
        ("key,accuracy\na-b,101\n", "'accuracy' in 0..100"),
        ("key,accuracy\na-b,91\na-b,92\n", "1 architectures more than once"),
        ("key\na-b\n", "one column 'accuracy'; found columns key"),
        ("name,accuracy\na-b,91\n", "one column 'key'"),
        ("key,accuracy,more\na-b,91,2\n", "columns of toy alone; found columns more"),
    ],
)
def test_a_table_of_another_form_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "toy.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=fault):
        Table("toy", COLUMNS, path).read()


@pytest.mark.parametrize("line", ["[1]", '{"key": "a-b", "accuracy": "91"}', '{"key": 3, "accuracy": 91}', "", "{"])
def test_json_lines_of_another_form_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "toy.jsonl"
    path.write_text(line and line + "\n", encoding="utf-8")
    with pytest.raises(DataError):
        Table("toy", COLUMNS, path).read()


def test_a_minimum_below_zero_is_the_columns_own() -> None:
    column = ColumnInfo("log likelihood", higher_is_better=True, minimum=-math.inf)
    assert Table("toy", {"x": column}, values={"a": {"x": -3.5}}).read().column("x") == {"a": -3.5}
    with pytest.raises(DataError, match="not below 0"):
        Table("toy", {"x": ColumnInfo("seconds")}, values={"a": {"x": -3.5}}).read()


def test_a_table_needs_a_file_that_can_be_read_or_values() -> None:
    with pytest.raises(ValueError, match="either a file or values"):
        Table("toy", COLUMNS)
    with pytest.raises(ValueError, match="either a file or values"):
        Table("toy", COLUMNS, "toy.csv", values={})
    with pytest.raises(ValueError, match="file of .parquet, .csv, .jsonl, .jsonl.gz, not toy.xlsx"):
        Table("toy", COLUMNS, "toy.xlsx")


def test_the_example_of_the_documentation_is_a_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/tutorials/own_space.md").read_text(encoding="utf-8")
    code = text.partition("## A benchmark")[2].partition("```python\n")[2].partition("```")[0]
    (tmp_path / "accuracies.csv").write_text("architecture,accuracy,seconds\na-b,91.5,60\na-c,88,\n", encoding="utf-8")
    distribution(tmp_path, monkeypatch, f"{code}\nMY_SPACE = TABLE\n", "my_space")
    found = benchmark("my_space")
    assert found.column("accuracy") == {"a-b": 91.5, "a-c": 88} and found.training_seconds("accuracy") == {"a-b": 60}
