"""`nas-zc quickstart`, run for real on a few small networks: its files, its resume, and Ctrl-C in the middle."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path

import pytest
import yaml
from scipy.stats import spearmanr
from typer.testing import CliRunner, Result

from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.cli import quickstart
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.search.config import load_experiment
from naslib_zc_plugin.search.evaluators.training import TrainingEvaluator
from naslib_zc_plugin.search.journal import Entry, histories
from naslib_zc_plugin.search.loop import Evaluation

OPTIONS = ["--evaluations", "2", "--repeats", "1", "--proxies", "naswot,epsilon,params"]
SHIPPED = quickstart.CONFIG


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a configuration like that of the quickstart, whose networks are smaller and trained on fewer images."""
    plain = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    network = {"C": 4, "N": 1}
    plain["scores"].update(images={"source": "digits", "size": 8}, network=network, batch={"batch_size": 16})
    plain["evaluator"].update(
        images={"source": "digits", "size": 8}, network=network, train=200, validate=100, epochs=1
    )
    plain["searches"]["AREA"]["strategy"].update(pool=12, population=2, sample=2)
    path = tmp_path_factory.mktemp("configuration") / "small.yaml"
    path.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _configured(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart, "CONFIG", small)


@pytest.fixture
def search_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the proxies' comparison out, which needs processes that import torch."""
    monkeypatch.setattr(quickstart, "run_campaign", lambda campaign, path, extend: None)
    monkeypatch.setattr(quickstart, "_compare", lambda campaign, truth, output, command: None)


def _run(output: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["quickstart", *OPTIONS, "--output", str(output), *more])


def _entries(output: Path) -> list[Entry]:
    runs = histories(output / "search.db")
    return [entry for label in ("AREA", "random search") for entry in runs[label].get(0, ())]


def _same(entries: list[Entry]) -> list[tuple[str, float | None, object]]:
    """What must not depend on the machine's pace."""
    return [(entry.key, entry.fitness, entry.metrics) for entry in entries]


@pytest.fixture(scope="module")
def finished(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the folder of a quickstart that ran to its end, and what it said."""
    output = tmp_path_factory.mktemp("quickstart") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quickstart, "CONFIG", small)
        done = _run(output)
    assert done.exit_code == 0, done.stderr
    return output, done


def test_the_shipped_configuration_is_that_of_the_help() -> None:
    area, random = load_experiment(SHIPPED).searches
    assert (area.label, area.strategy["name"], area.strategy["pool"]) == ("AREA", "area", 100)
    assert random.strategy == {"name": "random_search"} and area.evaluator == random.evaluator
    assert (area.evaluator["name"], area.evaluator["train"]) == ("training", 1000)
    assert area.scores.network == area.evaluator["network"] == {"C": 8, "N": 1}


def test_both_searches_really_train(finished: tuple[Path, Result]) -> None:
    output, done = finished
    entries = _entries(output)
    assert len(entries) == 4
    assert all(0 <= (entry.fitness or -1) <= 100 and 0 <= entry.metrics["test accuracy"] <= 100 for entry in entries)
    area = histories(output / "search.db")["AREA"][0]
    assert [entry.scored for entry in area] == [area[0].scored] * 2 and 8 < area[0].scored <= 12
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("AREA  ")][:1]
    best = max(area, key=lambda entry: entry.fitness or 0)
    assert f"{best.metrics['test accuracy']:.2f} ± 0.00" in line
    assert (output / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_leaderboard_is_of_what_was_trained(finished: tuple[Path, Result]) -> None:
    output, done = finished
    trained = {entry.key: entry.metrics["test accuracy"] for entry in _entries(output)}
    table = read_table(output / "scores.db")
    assert sorted(table.keys) == sorted(trained)
    expected = spearmanr([trained[key] for key in table.keys], table["params"].values).statistic
    for text in (done.stdout, (output / "leaderboard.md").read_text(encoding="utf-8")):
        line = next(line for line in text.splitlines() if line.strip("| ").startswith("params"))
        assert f"{expected:+.3f}" in line
        assert "nas-zc quickstart --evaluations 2 --repeats 1" in text
    assert f"{len(trained)} networks are few" in done.stdout
    assert "params" in (output / "index.html").read_text(encoding="utf-8")
    with (output / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        counts = {line["label"]: int(line["scored"]) + int(line["undefined"]) for line in csv.DictReader(file)}
    assert counts == dict.fromkeys(("naswot", "epsilon", "params"), len(trained))


def test_piped_output_is_plain(finished: tuple[Path, Result]) -> None:
    _, done = finished
    assert "\x1b" not in done.stdout + done.stderr
    assert "2 of 2 runs done" in done.stderr


@pytest.mark.usefixtures("search_alone")
def test_a_second_run_trains_nothing_and_a_longer_one_goes_on(finished: tuple[Path, Result], tmp_path: Path) -> None:
    for name in ("search.db", "scores.db"):
        (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
    before = _entries(tmp_path)
    assert _run(tmp_path).exit_code == 0
    assert _entries(tmp_path) == before
    longer = _run(tmp_path, "--evaluations", "3")
    assert longer.exit_code == 0, longer.stderr
    after = histories(tmp_path / "search.db")
    assert [*after["AREA"][0][:2], *after["random search"][0][:2]] == before
    assert {len(runs[0]) for runs in after.values()} == {3}


@pytest.mark.usefixtures("search_alone")
def test_another_seed_is_refused_until_restarted(finished: tuple[Path, Result], tmp_path: Path) -> None:
    for name in ("search.db", "scores.db"):
        (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
    refused = _run(tmp_path, "--seed", "1")
    assert refused.exit_code == 2 and "seed: 0 → 1" in refused.stderr and "--restart" in refused.stderr
    assert _entries(tmp_path) == _entries(finished[0])
    done = _run(tmp_path, "--seed", "1", "--evaluations", "1", "--restart")
    assert done.exit_code == 0, done.stderr
    assert len(_entries(tmp_path)) == 2 and _entries(tmp_path)[0].key != _entries(finished[0])[0].key


@pytest.mark.usefixtures("search_alone")
def test_in_the_loop_of_nni_it_is_the_same_search(finished: tuple[Path, Result], tmp_path: Path) -> None:
    pytest.importorskip("nni", reason="NNI is not installed")
    done = _run(tmp_path, "--host", "nni", "--evaluations", "1")
    assert done.exit_code == 0, done.output
    ours = histories(finished[0] / "search.db")
    for label, runs in histories(tmp_path / "search.db").items():
        assert _same(runs[0]) == _same(ours[label][0][:1])
    assert "in the loop of nni" in done.stdout


def test_a_host_that_there_is_not_is_told(tmp_path: Path) -> None:
    done = _run(tmp_path / "out", "--host", "nnni")
    assert (
        done.exit_code == 2
        and "unknown host 'nnni'; did you mean nni?" in done.stderr
        and not (tmp_path / "out").exists()
    )


@pytest.mark.usefixtures("search_alone")
def test_ctrl_c_loses_the_network_in_flight_only(
    finished: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls, evaluate = _entries(finished[0]), [], TrainingEvaluator.__call__

    def interrupted(evaluator: TrainingEvaluator, key: str) -> Evaluation:
        calls.append(key)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return evaluate(evaluator, key)

    monkeypatch.setattr(TrainingEvaluator, "__call__", interrupted)
    done = _run(tmp_path)
    assert done.exit_code == 75 and "Traceback" not in done.stderr
    said = "search.db holds what was done, and the same command goes on from there"
    assert done.stderr.splitlines()[-1].endswith(said)
    kept = _entries(tmp_path)
    assert len(kept) == 2 and _same(kept) == _same(whole)[:2]
    assert _run(tmp_path).exit_code == 0
    assert _same(_entries(tmp_path)) == _same(whole) and _entries(tmp_path)[:2] == kept


def test_a_typo_in_a_proxy_is_told_before_anything_is_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["quickstart", "--proxies", "naswott", "--output", str(tmp_path / "out")])
    assert done.exit_code == 2 and not (tmp_path / "out").exists()
    assert done.stderr == "nas-zc: unknown proxy 'naswott'; did you mean naswot?\n"
