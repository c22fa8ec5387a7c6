"""NAS-Bench-NLP's table and the makers' logs: facts, means over trainings, what is refused."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import _formats, benchmark, convert_benchmark
from naslib_zc_plugin.benchmarks.nasbench_nlp import LISTED, TABLE, parameters
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.files.limits import Limits
from naslib_zc_plugin.files.texts import json_memory
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE, to_recipe
from tests.benchmarks import cells

RNN, LSTM, GRU = map(SPACE.canonical, EXAMPLES.values())


def test_facts_of_the_table(shared: Path) -> None:
    found = benchmark("nasbench_nlp", shared / "data")
    every = TABLE.trainings(found.path)
    assert (len(found), len(every), found.partial) == (4051, 4322, True)
    assert found.keys[:3] == (RNN, LSTM, GRU)
    losses = found.column("ptb_test_loss")
    assert len(losses) == 3106
    assert min(losses.values()) == pytest.approx(4.435682575)
    assert sum(row.ptb != () and any(t.test == t.test for t in row.ptb) for row in every) == 3371
    assert sum(bool(row.wikitext) for row in every) == 291
    assert found.column("wt2_test_loss")[LSTM] == pytest.approx(4.520790381)


def test_logs_become_means_over_trainings_that_ended(tmp_path: Path) -> None:
    convert_benchmark("nasbench_nlp", cells.write(tmp_path, cells.logs()), tmp_path / "data", partial=True)
    found = benchmark("nasbench_nlp", tmp_path / "data")
    assert (len(found), found.partial) == (7, True)
    assert found.column("ptb_test_loss")[RNN] == pytest.approx(8.8)
    assert (found.column("ptb_runs")[RNN], found.column("ptb_diverged")[RNN]) == (1, 1)
    two = [8.801, 8.8011]
    assert found.column("ptb_test_loss")[LSTM] == pytest.approx(sum(two) / 2)
    assert found.column("ptb_test_ppl")[LSTM] == pytest.approx(sum(map(math.exp, two)) / 2)
    assert found.column("ptb_val_loss")[LSTM] == pytest.approx(sum(two) / 2 - 0.5)
    assert found.column("ptb_train_s")[LSTM] == pytest.approx(301.5)
    assert found.column("wt2_test_loss") == {LSTM: pytest.approx(8.801)}


def test_archives_of_a_folder_are_joined(tmp_path: Path) -> None:
    logs = cells.logs()
    cells.write(tmp_path / "logs" / "one", logs[:5])
    cells.write(tmp_path / "logs" / "two", logs[5:])
    cells.write(tmp_path, logs)
    one = convert_benchmark("nasbench_nlp", tmp_path / "logs.zip", tmp_path / "a", partial=True).read_bytes()
    assert convert_benchmark("nasbench_nlp", tmp_path / "logs", tmp_path / "b", partial=True).read_bytes() == one


def test_a_part_is_only_taken_as_a_part(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all 14322 cells"):
        convert_benchmark("nasbench_nlp", cells.write(tmp_path, cells.logs()), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"num_params": 7},
        {"recepie": "{}"},
        {"recepie": '{"h_new_0": {"op": "conv", "input": ["x", "h_prev_0"]}}'},
        {"data": "data/enwik8"},
        {"test_losses": [-1.0]},
        {"test_losses": None},
        {"test_losses": [701.0]},
        {"test_losses": [10**400]},
        {"val_losses": ["4.5"]},
        {"wall_times": [1e308, 1e308]},
        {"recepie_id": math.inf},
        {"recepie_id": "1000010"},
    ],
)
def test_logs_that_are_none_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    logs = cells.logs()
    logs[2] = {**logs[2], **change}
    with pytest.raises(DataError):
        convert_benchmark("nasbench_nlp", cells.write(tmp_path, logs), tmp_path / "data", partial=True)


def test_rows_of_a_cell_that_has_other_parameters_are_refused(tmp_path: Path) -> None:
    path = convert_benchmark("nasbench_nlp", cells.write(tmp_path, cells.logs()), tmp_path, partial=True)
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    lines[3]["num_params"] += 1
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    with pytest.raises(DataError, match="cell 3 with"):
        benchmark("nasbench_nlp", tmp_path)


def test_a_training_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    logs = cells.logs()
    cells.write(tmp_path / "logs" / "one", logs)
    cells.write(tmp_path / "logs" / "two", logs[2:3])
    with pytest.raises(
        DataError, match="each training once; found log_stats_model_1000010_ptb.json, which is in .*one"
    ):
        convert_benchmark("nasbench_nlp", tmp_path / "logs", tmp_path / "data", partial=True)


def test_a_log_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    logs = [{**cells.logs()[0], "filling": "x" * (1 << 23)}]
    path = cells.write(tmp_path, logs)
    assert path.stat().st_size < 1 << 17
    with pytest.raises(DataError, match="at most 4194304 bytes"):
        convert_benchmark("nasbench_nlp", path, tmp_path / "data", partial=True)


ROW: dict[str, Any] = {
    "rows": 1,
    "arch": 0,
    "recipe": to_recipe(EXAMPLES["rnn"]),
    "num_params": parameters(EXAMPLES["rnn"]),
    "ptb_runs": [{"test_loss": 5.0}],
    "wt2": [],
}


def written(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "nasbench_nlp" / "architectures.jsonl.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": math.inf}, "a whole number is inf"),
        ({"arch": 0.0}, "a whole number is 0.0"),
        ({"num_params": "5"}, "a whole number is '5'"),
        ({"ptb_runs": [{"test_loss": 1000.0}]}, "losses of at most 700"),
        ({"ptb_runs": [{"test_loss": 10**400}]}, "more than 300 digits"),
        ({"ptb_runs": [{"test_loss": True}]}, "a number is True"),
        ({"ptb_runs": [{"test_loss": "5"}]}, "a number is '5'"),
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert len(benchmark("nasbench_nlp", written(tmp_path, [ROW]))) == 1
    with pytest.raises(DataError, match=message):
        benchmark("nasbench_nlp", written(tmp_path / "nasbench_nlp", [{**ROW, **change}]))


def test_a_table_that_is_not_there_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="made by `nas-zc import` .*NAS_ZC_DATA.*; found no such file"):
        benchmark("nasbench_nlp", tmp_path)


def test_a_table_without_any_training_is_not_the_benchmarks(tmp_path: Path) -> None:
    lines = [{**ROW, "arch": number, "ptb_runs": []} for number in range(LISTED)]
    with pytest.raises(DataError, match="the lowest test loss to be 4.43"):
        benchmark("nasbench_nlp", written(tmp_path, lines))


def test_a_table_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{**ROW, "arch": number, "rows": 5} for number in range(5)]
    size = sum(json_memory(json.dumps(line)) + 1 for line in lines)
    monkeypatch.setattr(_formats, "LIMITS", Limits(memory=size))
    assert len(TABLE.trainings(written(tmp_path, lines) / "nasbench_nlp" / "architectures.jsonl.gz")) == 5
    monkeypatch.setattr(_formats, "LIMITS", Limits(memory=size - 100))
    with pytest.raises(DataError, match=f"at most {size - 100:,} bytes of memory.*NAS_ZC_LIMITS=memory="):
        benchmark("nasbench_nlp", tmp_path)
    monkeypatch.setenv("NAS_ZC_LIMITS", "memory=2M")
    assert benchmark("nasbench_nlp", tmp_path).partial
