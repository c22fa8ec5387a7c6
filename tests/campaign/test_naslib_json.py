"""Scores in NASLib's form, imported for leaderboards and searches."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from naslib_zc_plugin.benchmarks import BENCHMARKS, ColumnInfo, Table
from naslib_zc_plugin.campaign import naslib_json
from naslib_zc_plugin.campaign.naslib_json import import_suite
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys
from naslib_zc_plugin.table import STATUSES
from tests.benchmarks import made as tables
from tests.campaign import suite

FIRST = keys.from_naslib((2, 1, 0, 3, 4, 2))


def test_one_table_for_each_data_set(tmp_path: Path) -> None:
    written = import_suite(suite.write(tmp_path), "nasbench201", tmp_path / "data")
    names = ["published_cifar10.parquet", "published_imagenet16_120.parquet"]
    assert written == [tmp_path / "data/nasbench201" / name for name in names]
    table = read_table(written[0])
    assert list(table.columns) == ["published_nwot", "published_val_accuracy", "published_zen"]
    rows = {key: row for row, key in enumerate(table.keys)}
    assert set(rows) == {FIRST, keys.from_naslib((0,) * 6)}
    nwot, zen = table["published_nwot"], table["published_zen"]
    assert (nwot.proxy, nwot.version, nwot.higher_is_better) == ("naswot", 0, True)
    assert nwot.values[rows[FIRST]] == 700.5 and nwot.seconds[rows[FIRST]] == 0.25
    assert table["published_val_accuracy"].values[rows[FIRST]] == 91.25
    # What NASLib writes for a score that is none.
    assert STATUSES[zen.status[rows[FIRST]]] == "undefined" and math.isnan(zen.values[rows[FIRST]])
    assert nwot.count("undefined") == 1 and zen.count("ok") == 1
    assert table.facts["space"] == "nasbench201" and table.facts["truth"] == "cifar10_test_200_half_train"
    assert read_table(written[1]).facts["dataset"] == "imagenet16_120"


def test_keys_of_other_spaces_are_naslibs_with_plain_numbers(tmp_path: Path) -> None:
    content = {"svhn": {"[0, 1, 2, 3, 0, 1]": {"nwot": {"score": 1.0, "time": 0.1}, "val_accuracy": 5.0}}}
    (path,) = import_suite(suite.write(tmp_path, content), "transbench101_micro", tmp_path)
    table = read_table(path)
    assert list(table.keys) == ["(0, 1, 2, 3, 0, 1)"] and table.facts["truth"] is None


def spoilt(change: Any) -> Any:
    content = copy.deepcopy(suite.CONTENT)
    change(content["cifar10"], content["cifar10"]["(2, 1, 0, 3, 4, 2)"])
    return content


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda found, one: one.update(nwot=3), "not subscriptable"),
        (lambda found, one: one.update(nwot={"score": 3}), "'time'"),
        (lambda found, one: one.update(nwot={"score": "3", "time": 1}), "nwot is"),
        (lambda found, one: one.update(nwot={"score": None, "time": 1}), "nwot is"),
        (lambda found, one: one.update(val_accuracy=True), "val_accuracy is True"),
        (lambda found, one: one.clear(), "a mapping that is not empty"),
        (lambda found, one: found.clear(), "a mapping that is not empty"),
        (lambda found, one: found.update({"(2, 1, 0, 3, 4)": one}), "6 numbers from 0 to 4"),
        (lambda found, one: found.update({"(2, 1, 0, 3, 4, 5)": one}), "6 numbers from 0 to 4"),
        (lambda found, one: found.update({"[2, 1, 0, 3, 4, 2]": one}), "twice"),
        (lambda found, one: found.update({"(2.0, 1, 0, 3, 4, 2)": one}), "an architecture holds numbers"),
        (lambda found, one: found.update({"__import__('os').getcwd()": one}), "malformed node"),
        (lambda found, one: found.update({"(" * 10_000: one}), "an architecture of 10,000 characters"),
        (lambda found, one: found.update({"(" * 4_000: one}), "too many nested|never closed|recursion|memory"),
    ],
)
def test_what_is_not_in_naslibs_form(tmp_path: Path, change: Any, fault: str) -> None:
    source = suite.write(tmp_path, spoilt(change))
    with pytest.raises(DataError, match=fault):
        import_suite(source, "nasbench201", tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with accuracies and, imported by the command, published scores."""
    folder, rng = tmp_path_factory.mktemp("published"), Random(0)
    tables.written(folder, tables.nasbench201_columns())
    content: Any = {
        str(keys.to_naslib(SPACE.sample(rng))): {"nwot": {"score": rng.random(), "time": 0.5}, "val_accuracy": 50.0}
        for _ in range(60)
    }
    source = suite.write(folder, {"cifar10": content})
    done = CliRunner().invoke(app, ["import", "nasbench201", str(source), "--data", str(folder)])
    assert done.exit_code == 0, done.stderr
    table = folder / "nasbench201/published_cifar10.parquet"
    assert done.stdout == f"{table}: {len(content)} architectures, published_nwot, published_val_accuracy.\n"
    return folder


def test_a_leaderboard_of_published_scores(data: Path) -> None:
    table = str(data / "nasbench201/published_cifar10.parquet")
    done = CliRunner().invoke(app, ["leaderboard", table, "--data", str(data), "--resamples", "0"])
    assert done.exit_code == 0, done.stderr
    assert "proxies against cifar10_test_200_half_train" in done.stdout and "published_nwot" in done.stdout


def test_a_search_by_published_scores(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "search.yaml"
    config.write_text(
        "space: nasbench201\nstrategy: {name: random_search}\nevaluator: {name: proxy, proxy: published_nwot}\n"
        f"scores: {{table: [{data / 'nasbench201/published_cifar10.parquet'}]}}\n"
        "draw: scored\nbudget: {evaluations: 5}\nreport: {test: cifar10_test_200}\n",
        encoding="utf-8",
    )
    command = ["search", str(config), "--data", str(data), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    pages = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.md"))
    assert "from a campaign (published, cifar10): 60 scored" in pages


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    command = ["import", "nasbench201", str(tmp_path / "zc_nasbench201.json"), "--data", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1 and "found no such file" in done.stderr


@pytest.mark.parametrize("name", ["x/../accuracies", "../../pwned", "..", "", "a\\b", "/etc/x", "con", "a\nb", "x."])
def test_a_data_sets_name_is_one_part_of_a_path(tmp_path: Path, name: str) -> None:
    scores = json.dumps({name: {"(2, 1, 0, 3, 4, 2)": {"nwot": {"score": 1.0, "time": 1.0}}}})
    source = tmp_path / "zc_nasbench201.json"
    source.write_text(scores, encoding="utf-8")
    (tmp_path / "data/nasbench201/published_x").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="expected the name of a data set, of letters, digits"):
        import_suite(source, "nasbench201", tmp_path / "data")
    with pytest.raises(DataError, match="the name of a search space, of letters"):
        import_suite(suite.write(tmp_path), name, tmp_path / "data")
    assert sorted(tmp_path.rglob("*")) == before


def test_scores_never_take_the_place_of_a_benchmarks_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("toy", {"accuracy": ColumnInfo("accuracy")}, file="toy/published_cifar10.parquet")
    names = [*BENCHMARKS.names(), "toy"]
    load = BENCHMARKS.load
    monkeypatch.setattr(naslib_json, "list_benchmarks", lambda: names)
    monkeypatch.setattr(BENCHMARKS, "load", lambda name: table if name == "toy" else load(name))
    with pytest.raises(DataError, match="found one whose scores would replace the table of toy"):
        import_suite(suite.write(tmp_path), "toy", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_data_set_or_an_architecture_that_stands_twice(tmp_path: Path) -> None:
    source, one = tmp_path / "zc_nasbench201.json", '{"nwot": {"score": 1.0, "time": 1.0}}'
    architecture = f'"(2, 1, 0, 3, 4, 2)": {one}'
    for text, fault in (
        (f'{{"a": {{{architecture}}}, "A": {{{architecture}}}}}', "the data set A twice"),
        (f'{{"a": {{{architecture}, {architecture}}}}}', r"nwot of \|.* twice"),
        (f'{{"a": {{{architecture}}}}} x', "more after its end"),
        (f'{{"a": {{{architecture}', "no end"),
    ):
        source.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=fault):
            import_suite(source, "nasbench201", tmp_path / "data")
