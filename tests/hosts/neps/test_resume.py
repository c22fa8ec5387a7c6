"""Runs that were stopped or killed, and runs of two processes: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.neps.needs import needs

needs("neps")
host = needs("naslib_zc_plugin.hosts.neps")
made = needs("tests.hosts.neps.made")
records = needs("naslib_zc_plugin.hosts.neps.records")
ROOT = Path(__file__).resolve().parents[3]
NEVER = "1000000"


def start(root: Path, trials: int, at_score: str = NEVER, at_trial: str = NEVER) -> subprocess.Popen[str]:
    """A process that runs, and kills itself."""
    arguments = [str(root), str(trials), at_score, at_trial]
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.hosts.neps.made", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def scored(root: Path) -> list[str]:
    return [line["network"] for line in made.lines_of(root) if "scores" in line]


def test_a_run_that_goes_on_is_the_undisturbed_one(tmp_path: Path) -> None:
    optimizer = made.guided(pool=40, evaluate=4, around={"name": "proxy_candidates", "candidates": 5})
    for trials in (2, 5, 12):
        stopped = made.run(tmp_path / "stopped", optimizer, trials)
    undisturbed = made.run(tmp_path / "undisturbed", optimizer, 12)
    assert [trial.config for trial in stopped] == [trial.config for trial in undisturbed]
    assert host.read_trials(tmp_path / "stopped") == host.read_trials(tmp_path / "undisturbed")
    assert scored(tmp_path / "stopped") == scored(tmp_path / "undisturbed")


def test_trust_is_lost_where_it_was_lost(tmp_path: Path) -> None:
    """Networks that were scored after they were trained count in neither run."""
    options = {"proxy": made.at_random, "pool": 40, "evaluate": 22, "trust": "auto"}
    optimizer = made.guided(around={"name": "proxy_candidates", "candidates": 3}, **options)
    for trials in (21, 24, 27):
        made.run(tmp_path / "stopped", optimizer, trials)
    made.run(tmp_path / "undisturbed", optimizer, 27)
    assert host.read_trials(tmp_path / "stopped") == host.read_trials(tmp_path / "undisturbed")
    assert host.read_trials(tmp_path / "stopped")[-1].by == "around"


@pytest.mark.parametrize(("at_score", "at_trial"), [("9", NEVER), (NEVER, "3")])
def test_a_killed_run_loses_nothing(at_score: str, at_trial: str, tmp_path: Path) -> None:
    root = tmp_path / "run"
    killed = start(root, 8, at_score, at_trial)
    assert killed.wait() == -9
    before = scored(root)
    assert len(before) == 8 if at_score != NEVER else len(before) > 8
    done = start(root, 8)
    assert done.wait() == 0, done.communicate()[1]
    names = scored(root)
    assert names[: len(before)] == before and len(names) == len(set(names))
    trials, proposed = made.trials_of(root), host.read_trials(root)
    assert [each.trial for each in proposed] == [trial.id for trial in trials]
    warmed = [each.network for each in proposed if each.by == "warm_up"]
    assert len(warmed) == len(set(warmed)) == 4
    states = [str(trial.metadata.state) for trial in trials]
    # NePS leaves a trial that was under way as it is; its warm-up is not trained in another one.
    under_way = int(at_trial != NEVER)
    assert (
        states.count("evaluating") == under_way and states.count("success") == 8 - under_way == len(trials) - under_way
    )


def test_two_processes_share_a_warm_up(tmp_path: Path) -> None:
    root = tmp_path / "run"
    made.run(root, made.guided(proxy=made.deadly_size, pool=30, evaluate=4), 1, pipeline=made.deadly_train)
    both = [start(root, 12) for _ in range(2)]
    while both:
        told = both[0].communicate()[1]
        if both.pop(0).returncode:  # NePS 0.17 may read its own state while another process writes it
            assert told.rstrip().endswith("EOFError: Ran out of input"), told
            both.append(start(root, 12))
    proposed = host.read_trials(root)
    assert [each.by for each in proposed][:4] == ["warm_up"] * 4
    assert len({each.network for each in proposed[:4]}) == 4
    assert len(scored(root)) == len(set(scored(root)))
    assert {str(trial.metadata.state) for trial in made.trials_of(root)} == {"success"}


@pytest.mark.parametrize("torn", [b'{"network": "a", "sco', b"\xff\xfe", b'{"trial": "1"'])
def test_a_torn_line_spoils_itself_alone(torn: bytes, tmp_path: Path) -> None:
    record = records.RunRecord()
    record.open(tmp_path)
    record.add({"first": 1})
    with (tmp_path / records.FILE).open("ab") as file:
        file.write(torn)
    after = records.RunRecord()
    after.open(tmp_path)
    assert list(after.news()) == [{"first": 1}]
    after.add({"second": 2})
    assert list(after.news()) == [{"second": 2}]
    last = records.RunRecord()
    last.open(tmp_path)
    assert list(last.news()) == [{"first": 1}, {"second": 2}]


def test_scores_of_another_proxy_are_refused(tmp_path: Path) -> None:
    made.run(tmp_path / "run", made.guided(pool=10, evaluate=2), 1)
    text = (tmp_path / "run" / records.FILE).read_text().replace('"size"', '"other"')
    (tmp_path / "run" / records.FILE).write_text(text)
    optimizer = made.guided(pool=10, evaluate=2)(made.Widths())
    optimizer._guide.record.open(tmp_path / "run")
    with pytest.raises(ValueError, match="holds scores by other, not by size: another search has run there"):
        optimizer({}, None)


def test_without_a_record_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no proxy_scores\.jsonl"):
        host.read_scores(tmp_path)
