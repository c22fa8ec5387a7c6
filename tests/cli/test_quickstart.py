"""`nas-zc quickstart`, run for real on a few networks and short searches: results, resume, hosts, Ctrl-C."""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.cli import quickstart
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.search.config import load_experiment
from naslib_zc_plugin.search.evaluators.training import TrainingEvaluator
from naslib_zc_plugin.search.journal import Entry, histories
from naslib_zc_plugin.search.loop import Evaluation

OPTIONS = ["--networks", "2", "--evaluations", "4", "--repeats", "2", "--trainings", "2", "--proxies"]
PROXIES = "synflow,params,flops,dss"
SHORT = {"name": "training", "images": {"source": "scenes", "n": 300}, "train": 64, "validate": 100}


def _quick(patch: pytest.MonkeyPatch) -> None:
    """Train on few scenes, and leave the scores of whole spaces out of the page."""
    patch.setattr(quickstart, "_TRAINED", SHORT)
    patch.setattr(quickstart, "_EMBEDDED", ())


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    _quick(monkeypatch)


def _run(output: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["quickstart", *OPTIONS, PROXIES, "--output", str(output), *more])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the folder of a quickstart that ran to its end, and what it said."""
    output = tmp_path_factory.mktemp("quickstart") / "results"
    with pytest.MonkeyPatch.context() as patch:
        _quick(patch)
        done = _run(output)
    assert done.exit_code == 0, done.output
    return output, done


def _copied(finished: tuple[Path, Result], to: Path, *but: str) -> Path:
    for name in {"scores.db", "search.db", "trained.db"} - set(but):
        (to / name).write_bytes((finished[0] / name).read_bytes())
    return to


def _entries(output: Path, name: str = "trained.db") -> list[Entry]:
    return histories(output / name)["random search"][0]


def _same(entries: list[Entry]) -> list[tuple[str, float | None, object]]:
    """What must not depend on the machine's pace."""
    return [(entry.key, entry.fitness, entry.metrics) for entry in entries]


def test_the_shipped_searches_are_those_of_the_help() -> None:
    experiment = load_experiment(quickstart.CONFIG)
    assert len(experiment.searches) == 12 and experiment.compare is not None
    for search in experiment.searches:
        metric, column = search.evaluator["metric"], search.report["test accuracy"]
        assert (metric.replace("_val_", "_test_"), search.repeats) == (column, 100), (
            "chosen by validation, never by test"
        )
        assert search.budget.evaluations == 100


def test_live_scores_equal_the_stored_ones(finished: tuple[Path, Result]) -> None:
    output, done = finished
    for label in ("synflow", "params", "flops"):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{label} ")]
        assert "2 of 2" in line
    assert read_table(output / "scores.db")["flops"].count("ok") == 2
    assert "Without a score for these networks, which lack what they look at: dss." in done.stdout


def test_a_score_of_zero_equals_a_stored_zero(finished: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch) -> None:
    table = read_table(finished[0] / "scores.db")
    nothing = replace(table["synflow"], values=np.zeros(2))
    monkeypatch.setattr(quickstart, "_stored", lambda: {"synflow": ("zeros", dict.fromkeys(table.keys, 0.0))})
    assert not quickstart._shown_equal(replace(table, columns={"synflow": nothing}))


def test_a_score_that_differs_is_named_and_the_exit_code_tells(
    finished: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = quickstart._stored()
    key = read_table(finished[0] / "scores.db").keys[0]
    name, values = stored["params"]
    wrong = {**stored, "params": (name, {**values, key: 1.001 * values[key]})}
    monkeypatch.setattr(quickstart, "_stored", lambda: wrong)
    done = _run(_copied(finished, tmp_path))
    assert done.exit_code == 1 and "1 of 2" in done.stdout
    assert f"differs: params {values[key]:.7g}, stored {1.001 * values[key]:.7g}: {key}" in done.stderr


def test_searches_are_of_the_journal_and_told_apart(finished: tuple[Path, Result]) -> None:
    output, done = finished
    runs = histories(output / "search.db")
    assert len(runs) == 12 and all(len(entries) == 4 for made in runs.values() for entries in made.values())
    test = benchmark("nasbench201").column("cifar100_test_200")
    best = [max(made, key=lambda entry: entry.fitness or 0) for made in runs["warm-up CIFAR-100"].values()]
    mean = sum(test[entry.key] for entry in best) / 2
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("warm-up CIFAR-100 ")]
    assert f"{mean:.2f} ±" in line
    assert sum("found most, " in line for line in done.stdout.splitlines()) == 3
    with (output / "searches.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 24
    assert line.split("±")[0].split()[-1] in (output / "searches.md").read_text(encoding="utf-8")


def test_networks_are_really_trained_and_the_page_is_written(finished: tuple[Path, Result]) -> None:
    output, done = finished
    entries = _entries(output)
    assert len(entries) == 2 and "2/2  trained" in done.stderr
    for entry in entries:
        (line,) = [line for line in done.stdout.splitlines() if line.endswith(entry.key)]
        assert f"{entry.fitness:.1f}" in line and f"{entry.metrics['test accuracy']:.1f}" in line
    page = Path(done.stdout.splitlines()[-1].rpartition(" ")[2])
    assert page == output / "index.html" and page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "nas-zc quickstart --networks 2" in (output / "leaderboard.md").read_text(encoding="utf-8")
    assert "\x1b" not in done.stdout + done.stderr


def test_a_second_run_makes_nothing_again_and_a_longer_one_goes_on(
    finished: tuple[Path, Result], tmp_path: Path
) -> None:
    output = _copied(finished, tmp_path)
    before = _entries(output), histories(output / "search.db")
    assert _run(output).exit_code == 0
    assert (_entries(output), histories(output / "search.db")) == before
    assert _run(output, "--trainings", "3", "--evaluations", "5").exit_code == 0
    assert _entries(output)[:2] == before[0] and len(_entries(output)) == 3
    longer = histories(output / "search.db")["AREA CIFAR-10"]
    assert [entries[:4] for entries in longer.values()] == list(before[1]["AREA CIFAR-10"].values())


def test_another_seed_is_refused_until_restarted(finished: tuple[Path, Result], tmp_path: Path) -> None:
    output = _copied(finished, tmp_path)
    refused = _run(output, "--seed", "1")
    assert refused.exit_code == 2 and "--restart" in refused.stderr
    assert _entries(output) == _entries(finished[0])


@pytest.mark.parametrize("host", ["nni", "naslib", "optuna"])
def test_in_a_hosts_loop_histories_are_the_same(
    finished: tuple[Path, Result], tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(host, reason=f"{host} is not installed")
    monkeypatch.setattr(quickstart, "publish_boards", lambda *given, **more: [])
    output = _copied(finished, tmp_path, "trained.db")
    done = _run(output, "--host", host)
    assert done.exit_code == 0, done.output
    assert f"In the loop of {host}, 24 of 24 runs have the same history" in done.stdout
    assert histories(output / f"search-{host}.db").keys() == histories(output / "search.db").keys()
    assert _same(_entries(output, f"trained-{host}.db")) == _same(_entries(finished[0]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "nnni"], "unknown host 'nnni'; did you mean nni?"),
        (["--proxies", "naswott"], "unknown proxy 'naswott'; did you mean naswot?"),
        (["--networks", "99999"], "NAS-Bench-201 has 15,625"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(tmp_path: Path, options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["quickstart", "--output", str(tmp_path / "out"), *options])
    assert done.exit_code == 2 and said in done.stderr and not (tmp_path / "out").exists()


def test_ctrl_c_loses_the_network_in_flight_only(
    finished: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, evaluate, calls = _copied(finished, tmp_path, "trained.db"), TrainingEvaluator.__call__, []

    def interrupted(evaluator: TrainingEvaluator, key: str) -> Evaluation:
        calls.append(key)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return evaluate(evaluator, key)

    monkeypatch.setattr(TrainingEvaluator, "__call__", interrupted)
    done = _run(output)
    assert done.exit_code == 75 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith(
        "trained.db holds what was done, and the same command goes on from there"
    )
    assert _same(_entries(output)) == _same(_entries(finished[0]))[:1]
    assert not [path for path in output.iterdir() if path.suffix not in (".db", ".db-lock", ".db-shm", ".db-wal")]
    assert _run(output).exit_code == 0
    assert _same(_entries(output)) == _same(_entries(finished[0]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_page_is_written_leaves_no_half_of_it(
    finished: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    output = _copied(finished, tmp_path)

    def stopped(*given: Any, **more: Any) -> None:
        os.kill(os.getpid(), number)

    monkeypatch.setattr(quickstart, "publish_boards", stopped)
    done = _run(output)
    assert done.exit_code == 75 and "the same command goes on from there" in done.stderr.splitlines()[-1]
    assert not [path for path in output.iterdir() if ".db" not in path.name]
