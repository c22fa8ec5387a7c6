"""NAS-Bench-NLP's table and the makers' logs: facts, means over trainings, what is refused."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import benchmark, convert
from naslib_zc_plugin.benchmarks._recurrent import rows
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE
from tests.benchmarks import cells

RNN, LSTM, GRU = map(SPACE.canonical, EXAMPLES.values())


def test_facts_of_the_table(shared: Path) -> None:
    found = benchmark("nasbench_nlp", shared / "data")
    assert (len(found), len(rows(found.path)), found.partial) == (4051, 4322, True)
    assert found.keys[:3] == (RNN, LSTM, GRU)
    losses = found.column("ptb_test_loss")
    assert len(losses) == 3106
    assert min(losses.values()) == pytest.approx(4.435682575)
    assert sum(row.ptb != () and any(t.test == t.test for t in row.ptb) for row in rows(found.path)) == 3371
    assert sum(bool(row.wikitext) for row in rows(found.path)) == 291
    assert found.column("wt2_test_loss")[LSTM] == pytest.approx(4.520790381)


def test_logs_become_means_over_trainings_that_ended(tmp_path: Path) -> None:
    convert("nasbench_nlp", cells.write(tmp_path, cells.logs()), tmp_path / "data", partial=True)
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
    one = convert("nasbench_nlp", tmp_path / "logs.zip", tmp_path / "a", partial=True).read_bytes()
    assert convert("nasbench_nlp", tmp_path / "logs", tmp_path / "b", partial=True).read_bytes() == one


def test_a_part_is_only_taken_as_a_part(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all 14322 cells"):
        convert("nasbench_nlp", cells.write(tmp_path, cells.logs()), tmp_path / "data")
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
    ],
)
def test_logs_that_are_none_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    logs = cells.logs()
    logs[2] = {**logs[2], **change}
    with pytest.raises(DataError):
        convert("nasbench_nlp", cells.write(tmp_path, logs), tmp_path / "data", partial=True)


def test_rows_of_a_cell_that_has_other_parameters_are_refused(tmp_path: Path) -> None:
    path = convert("nasbench_nlp", cells.write(tmp_path, cells.logs()), tmp_path, partial=True)
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    lines[3]["num_params"] += 1
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    with pytest.raises(DataError, match="cell 3 with"):
        benchmark("nasbench_nlp", tmp_path)
