"""`nas-zc quickstart`, run for real on a few networks: its files, its resume, and Ctrl-C in the middle."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner, Result

from naslib_zc_plugin.cli import _trial
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.spaces import space

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--epochs", "1", "--proxies", "naswot,epsilon,params,linear_regions"]


def _run(output: Path, count: int = 4, *more: str) -> Result:
    return CliRunner().invoke(
        app, ["quickstart", *OPTIONS, "--architectures", str(count), "--output", str(output), *more]
    )


def _rows(output: Path) -> list[dict[str, str]]:
    with (output / "scores.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    output = tmp_path_factory.mktemp("quickstart") / "results"
    done = _run(output)
    assert done.exit_code == 0, done.stderr
    return output, done


def test_files_hold_what_is_printed(finished: tuple[Path, Result]) -> None:
    output, done = finished
    rows = _rows(output)
    assert [row["architecture"] for row in rows] == _trial.architectures(4, seed=0)
    assert all(0 <= float(row["accuracy"]) <= 100 and float(row["params"]) > 0 for row in rows)
    assert (output / "scatter.png").read_bytes().startswith(b"\x89PNG")
    accuracies, scores = ([float(row[name]) for row in rows] for name in ("accuracy", "naswot"))
    expected = f"{spearmanr(accuracies, scores).statistic:+.3f}"
    for text in (done.stdout, (output / "leaderboard.md").read_text(encoding="utf-8")):
        line = next(line for line in text.splitlines() if line.strip("| ").startswith("naswot"))
        assert expected in line
        assert "4 architectures, test accuracy (%)" in text and "nas-zc quickstart --architectures 4 --epochs 1" in text
    assert "4 networks are few" in done.stdout
    assert (output / "heatmap.png").exists()
    page = ElementTree.parse(output / "leaderboard.html")
    assert len(list(page.iter("img"))) == 2
    with (output / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        counts = {line["label"]: (int(line["scored"]), int(line["undefined"])) for line in csv.DictReader(file)}
    undefined = sum(row["epsilon"] == "" for row in rows)
    assert counts["epsilon"] == (4 - undefined, undefined)


def test_undefined_scores_are_empty_and_explained(finished: tuple[Path, Result]) -> None:
    for row in _rows(finished[0]):
        assert ("epsilon undefined: " in row["notes"]) == (row["epsilon"] == "")


def test_piped_output_is_plain_and_tells_the_progress(finished: tuple[Path, Result]) -> None:
    _, done = finished
    assert "\x1b" not in done.stdout + done.stderr
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["1/4", "2/4", "3/4", "4/4"]
    assert all("nas-zc" not in line for line in done.stderr.splitlines())


def _copy(finished: tuple[Path, Result], output: Path) -> Path:
    for name in ("scores.csv", "config.json"):
        (output / name).write_bytes((finished[0] / name).read_bytes())
    return output


def test_a_second_run_trains_nothing_and_a_longer_one_goes_on(finished: tuple[Path, Result], tmp_path: Path) -> None:
    output = _copy(finished, tmp_path)
    before = (output / "scores.csv").read_bytes()
    again = _run(output, 3)
    assert again.exit_code == 0 and again.stderr == ""
    assert f"3 are already in {output / 'scores.csv'}" in again.stdout and "3 networks are few" in again.stdout
    assert (output / "scores.csv").read_bytes() == before
    longer = _run(output, 5)
    assert longer.exit_code == 0 and longer.stderr.startswith("5/5")
    assert (output / "scores.csv").read_bytes().startswith(before) and len(_rows(output)) == 5


def test_another_configuration_is_refused_until_restarted(finished: tuple[Path, Result], tmp_path: Path) -> None:
    output = _copy(finished, tmp_path)
    before = (output / "scores.csv").read_bytes()
    refused = _run(output, 3, "--seed", "1", "--proxies", "naswot")
    assert refused.exit_code == 2 and refused.stdout == ""
    assert "(seed was 0, now 1, proxies)" in refused.stderr and "--restart" in refused.stderr
    assert (output / "scores.csv").read_bytes() == before
    done = _run(output, 3, "--seed", "1", "--proxies", "naswot", "--restart")
    assert done.exit_code == 0, done.stderr
    assert json.loads((output / "config.json").read_text(encoding="utf-8"))["seed"] == 1
    assert len(_rows(output)) == 3 and list(_rows(output)[0]) == ["architecture", "accuracy", "naswot", "notes"]


def test_ctrl_c_loses_the_network_in_flight_only(finished: tuple[Path, Result], tmp_path: Path) -> None:
    whole, cut = finished[0], tmp_path / "cut"
    command = [sys.executable, "-m", "naslib_zc_plugin", "quickstart", *OPTIONS, "--architectures", "4"]
    run = subprocess.Popen(
        [*command, "--output", str(cut)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not ((cut / "scores.csv").exists() and len(_rows(cut)) >= 1):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    done = len(_rows(cut))
    assert run.returncode == 130 and 1 <= done < 4
    assert errors.splitlines()[-1] == (
        f"nas-zc: interrupted with {done} of 4 networks in {cut / 'scores.csv'}; the same command goes on from there"
    )
    assert "Traceback" not in errors
    assert (whole / "scores.csv").read_bytes().startswith((cut / "scores.csv").read_bytes())
    assert f"{done} are already in" in _run(cut).stdout
    for name in ("scores.csv", "config.json", "scatter.png", "heatmap.png"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    boards = [(folder / "leaderboard.md").read_text(encoding="utf-8").splitlines() for folder in (cut, whole)]
    said, expected = ([line for line in board if "Scored by" not in line] for board in boards)
    assert said == expected


def test_architectures_differ_and_a_longer_draw_extends_a_shorter() -> None:
    keys = _trial.architectures(300, seed=5)
    assert len({space("nasbench201").canonical(key) for key in keys}) == 300
    assert _trial.architectures(40, seed=5) == keys[:40] != _trial.architectures(40, seed=6)
    with pytest.raises(ValueError, match="draw at most"):
        _trial.architectures(10_000, seed=0)


def test_digits_are_split_by_class() -> None:
    data = _trial.digits(seed=0)
    (x, y), (test_x, test_y) = data.train, data.test
    assert np.bincount(y).tolist() == [_trial.TRAINED // 10] * 10
    assert len(x) + len(test_x) == len(test_y) + len(y) == 1797
    assert np.bincount(test_y).min() > 50
    assert abs(float(x.mean())) < 1e-3 and abs(float(x.std()) - 1) < 1e-3
    assert len(data.batch[0]) == _trial.BATCH and set(data.batch[1].tolist()) == set(range(10))


def test_a_typo_in_a_proxy_is_told_before_anything_is_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["quickstart", "--proxies", "naswott", "--output", str(tmp_path / "out")])
    assert done.exit_code == 2 and not (tmp_path / "out").exists()
    assert done.stderr == "nas-zc: no proxy is called 'naswott'; did you mean naswot?\n"
