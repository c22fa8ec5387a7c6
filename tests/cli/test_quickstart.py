"""`nas-zc quickstart`, run for real on a few networks: its files, its resume, and Ctrl-C in the middle."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner, Result

from naslib_zc_plugin.campaign.database import StoreError
from naslib_zc_plugin.campaign.read import read_table
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.search.journal import Entry, histories

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--evaluations", "3", "--repeats", "1", "--proxies", "naswot,epsilon,params"]


def _run(output: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["quickstart", *OPTIONS, "--output", str(output), *more])


def _entries(output: Path) -> list[Entry]:
    runs = histories(output / "search.db")
    return [entry for label in ("AREA", "random search") for entry in runs[label].get(0, ())]


def _same(entries: list[Entry]) -> list[tuple[str, float | None, object]]:
    """What must not depend on the machine's pace."""
    return [(entry.key, entry.fitness, entry.told) for entry in entries]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    output = tmp_path_factory.mktemp("quickstart") / "results"
    done = _run(output)
    assert done.exit_code == 0, done.stderr
    return output, done


def test_both_searches_really_train(finished: tuple[Path, Result]) -> None:
    output, done = finished
    entries = _entries(output)
    assert len(entries) == 6
    assert all(0 <= (entry.fitness or -1) <= 100 and 0 <= entry.told["test accuracy"] <= 100 for entry in entries)
    area = histories(output / "search.db")["AREA"][0]
    assert [entry.scored for entry in area] == [area[0].scored] * 3 and 90 < area[0].scored <= 100
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("AREA  ")][:1]
    best = max(area, key=lambda entry: entry.fitness or 0)
    assert f"{best.told['test accuracy']:.2f} ± 0.00" in line
    assert (output / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_leaderboard_is_of_what_was_trained(finished: tuple[Path, Result]) -> None:
    output, done = finished
    trained = {entry.key: entry.told["test accuracy"] for entry in _entries(output)}
    table = read_table(output / "scores.db")
    assert sorted(table.keys) == sorted(trained)
    expected = spearmanr([trained[key] for key in table.keys], table["params"].values).statistic
    for text in (done.stdout, (output / "leaderboard.md").read_text(encoding="utf-8")):
        line = next(line for line in text.splitlines() if line.strip("| ").startswith("params"))
        assert f"{expected:+.3f}" in line
        assert "nas-zc quickstart --evaluations 3 --repeats 1" in text
    assert f"{len(trained)} networks are few" in done.stdout
    page = ElementTree.parse(output / "leaderboard.html")
    assert len(list(page.iter("img"))) == 2
    with (output / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        counts = {line["label"]: int(line["scored"]) + int(line["undefined"]) for line in csv.DictReader(file)}
    assert counts == dict.fromkeys(("naswot", "epsilon", "params"), len(trained))


def test_piped_output_is_plain(finished: tuple[Path, Result]) -> None:
    _, done = finished
    assert "\x1b" not in done.stdout + done.stderr
    assert "2 of 2 runs done" in done.stderr


def test_a_second_run_trains_nothing_and_a_longer_one_goes_on(finished: tuple[Path, Result], tmp_path: Path) -> None:
    for name in ("search.db", "scores.db"):
        (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
    before = _entries(tmp_path)
    assert _run(tmp_path).exit_code == 0
    assert _entries(tmp_path) == before
    longer = _run(tmp_path, "--evaluations", "4")
    assert longer.exit_code == 0, longer.stderr
    after = histories(tmp_path / "search.db")
    assert [*after["AREA"][0][:3], *after["random search"][0][:3]] == before
    assert {len(runs[0]) for runs in after.values()} == {4}


def test_another_seed_is_refused_until_restarted(finished: tuple[Path, Result], tmp_path: Path) -> None:
    for name in ("search.db", "scores.db"):
        (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
    refused = _run(tmp_path, "--seed", "1")
    assert refused.exit_code == 2 and "seed: 0 → 1" in refused.stderr and "--restart" in refused.stderr
    assert _entries(tmp_path) == _entries(finished[0])
    done = _run(tmp_path, "--seed", "1", "--evaluations", "1", "--restart")
    assert done.exit_code == 0, done.stderr
    assert len(_entries(tmp_path)) == 2 and _entries(tmp_path)[0].key != _entries(finished[0])[0].key


def test_in_the_loop_of_nni_it_is_the_same_search(finished: tuple[Path, Result], tmp_path: Path) -> None:
    pytest.importorskip("nni", reason="NNI is not installed")
    done = _run(tmp_path, "--host", "nni", "--evaluations", "2")
    assert done.exit_code == 0, done.output
    ours = histories(finished[0] / "search.db")
    for label, runs in histories(tmp_path / "search.db").items():
        assert _same(runs[0]) == _same(ours[label][0][:2])
    assert "in the loop of nni" in done.stdout


def test_a_host_that_there_is_not_is_told(tmp_path: Path) -> None:
    done = _run(tmp_path / "out", "--host", "nnni")
    assert done.exit_code == 2 and "host must be one of" in done.stderr and not (tmp_path / "out").exists()


def test_ctrl_c_loses_the_network_in_flight_only(finished: tuple[Path, Result], tmp_path: Path) -> None:
    whole, cut = finished[0], tmp_path / "cut"
    command = [sys.executable, "-m", "naslib_zc_plugin", "quickstart", *OPTIONS, "--output", str(cut)]
    run = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while not _begun(cut):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 75 and "Traceback" not in errors
    assert errors.splitlines()[-1].endswith("search.db holds what was done, and the same command goes on from there")
    kept = _entries(cut)
    assert 1 <= len(kept) < 6 and _same(kept) == _same(_entries(whole))[: len(kept)]
    assert _run(cut).exit_code == 0
    assert _same(_entries(cut)) == _same(_entries(whole)) and _entries(cut)[: len(kept)] == kept


def _begun(output: Path) -> bool:
    try:
        return bool(_entries(output))
    except (StoreError, KeyError):  # not made yet
        return False


def test_a_typo_in_a_proxy_is_told_before_anything_is_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["quickstart", "--proxies", "naswott", "--output", str(tmp_path / "out")])
    assert done.exit_code == 2 and not (tmp_path / "out").exists()
    assert done.stderr == "nas-zc: unknown proxy 'naswott'; did you mean naswot?\n"
