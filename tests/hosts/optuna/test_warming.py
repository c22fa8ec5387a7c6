"""warm_up: the best of a pool are enqueued once, whoever asks, and whatever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from tests.conftest import REPOSITORY
from tests.hosts.optuna import made
from tests.hosts.optuna.needs import needs

optuna = needs("optuna")
from optuna.samplers import RandomSampler, TPESampler  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from naslib_zc_plugin.hosts.optuna import ProxySampler, agreement, warm_up  # noqa: E402
from naslib_zc_plugin.hosts.optuna.reserved import once  # noqa: E402
from naslib_zc_plugin.strategies import AllFailed  # noqa: E402


def scratch(study: Any) -> Any:
    return optuna.load_study(study_name=f"{study.study_name} (zero-cost warm-up)", storage=study._storage)


def test_the_best_of_the_pool_are_trained_first_with_their_scores() -> None:
    study = made.study(RandomSampler(seed=0))
    made.CALLS.clear()
    assert warm_up(study, made.build, proxy=made.size, pool=30, evaluate=5) == 5
    pool = scratch(study)
    assert len(made.CALLS) == len(pool.trials) <= 30  # each network once
    best = sorted((trial.value for trial in pool.trials), reverse=True)[:5]
    study.optimize(made.objective, n_trials=7)
    assert [trial.user_attrs.get("zc_size") for trial in study.trials] == [*best, None, None]
    for trial in study.trials[:5]:
        assert trial.user_attrs["zc_by"] == "warm_up" and "lr" in trial.params
        assert made.parameters(made.build(optuna.trial.FixedTrial(trial.params))) == trial.user_attrs["zc_size"]
    assert list(study.trials_dataframe()["user_attrs_zc_size"][:5]) == best
    assert len({str(made.key(trial.params)) for trial in study.trials[:5]}) == 5
    assert agreement(study, "size").n == 5


def test_it_is_done_once_for_a_study_and_the_pool_depends_on_the_seed() -> None:
    def first(seed: int) -> dict[str, Any]:
        study = made.study(RandomSampler(seed=0))
        options: Any = {"proxy": made.size, "pool": 12, "evaluate": 3, "seed": seed}
        refused = "was made with .*'pool': 12.*asked for with .*'pool': 13.*give the earlier"
        assert [warm_up(study, made.build, **options) for _ in range(2)] == [3, 0]
        with pytest.raises(ValueError, match=refused):
            warm_up(study, made.build, **{**options, "pool": 13})
        return {str(trial.params) for trial in scratch(study).trials}  # type: ignore[return-value]

    assert first(0) == first(0) != first(1)


def test_an_aggregate() -> None:
    study = made.study(RandomSampler(seed=0))
    options: Any = {"batch": made.BATCH, "proxy": "log_rank_sum:params,flops", "sample": 5}
    assert warm_up(study, made.build, pool=6, evaluate=2, **options) == 2
    assert len(optuna.get_all_study_names(study._storage)) == 3


def test_real_networks_with_the_recommended_recipe() -> None:
    study = made.study(TPESampler(seed=0))
    assert warm_up(study, made.build, batch=made.BATCH, pool=4, evaluate=2, sample=4) == 2
    study.optimize(made.objective, n_trials=3)
    assert all(trial.user_attrs["zc_recommended"] < 0 for trial in study.trials[:2])


def broken(trial: Any) -> nn.Module:
    made.build(trial)
    raise RuntimeError("no such layer")


@pytest.mark.parametrize(
    ("build", "proxy", "reason"),
    [(broken, made.size, "build raised RuntimeError: no such layer"), (made.build, made.nothing, "the score is nan")],
)
def test_a_pool_without_a_score_is_an_error_and_leaves_nothing(build: Any, proxy: Any, reason: str) -> None:
    study = made.study(RandomSampler(seed=0))
    with pytest.raises(AllFailed, match=f"none of .* architectures has a score: {reason}"):
        warm_up(study, build, proxy=proxy, pool=6, evaluate=2)
    assert optuna.get_all_study_names(study._storage) == [study.study_name] and not study.trials
    assert warm_up(study, build, proxy=proxy, pool=6, evaluate=2, if_all_fail="go_on") == 0


def test_a_small_space_is_enqueued_once_each() -> None:
    def two(trial: Any) -> nn.Module:
        return nn.Linear(trial.suggest_categorical("width", [1, 2]), 1)

    study = made.study(RandomSampler(seed=0))
    with made.logged() as told:
        assert warm_up(study, two, proxy=made.size, pool=20, evaluate=5) == 2
    assert told == ["2 networks are enqueued, not 5: the pool had 2 that differ, with a score or without"]


@pytest.mark.parametrize("options", [{"pool": 0}, {"evaluate": 0}, {"pool": 3, "evaluate": 4}, {"redraws": -1}])
def test_mistakes_are_told(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be a whole number|at most the whole pool"):
        warm_up(made.study(), made.build, **{"proxy": made.size, "pool": 5, "evaluate": 2, **options})


def test_lost_trust_ends_what_is_left_of_the_queue() -> None:
    sampler = ProxySampler(made.build, proxy=made.smallness, candidates=2, around=RandomSampler(seed=0), trust="auto")
    study = made.study(sampler)
    assert warm_up(study, made.build, proxy=made.smallness, pool=80, evaluate=16, trust="auto") == 19
    by = [trial.user_attrs["zc_by"] for trial in study.trials]
    assert by == 3 * [*4 * ["warm_up"], "control"] + 4 * ["warm_up"]
    scores = [trial.user_attrs["zc_smallness"] for trial in study.trials]
    assert max(scores[4::5]) <= min(score for place, score in enumerate(scores) if by[place] == "warm_up")
    for _ in range(22):
        study.optimize(made.objective, n_trials=1)
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.WAITING) == 0 and states.count(TrialState.FAIL) > 0
    assert study.user_attrs["zc_smallness_lost"][1] < 0
    with pytest.raises(ValueError, match="was made with"):
        warm_up(study, made.build, proxy=made.smallness, pool=80, evaluate=16)


def test_a_queue_of_whole_trials_ends_too() -> None:
    sampler = ProxySampler(made.build, proxy=made.smallness, candidates=2, around=RandomSampler(seed=0), trust="auto")
    study = made.study(sampler)
    warm_up(study, made.build, proxy=made.smallness, pool=80, evaluate=16, trust="auto")
    for _ in range(19):
        study.optimize(lambda trial: float(made.parameters(made.build(trial))), n_trials=1)
    assert study.user_attrs["zc_smallness_lost"][0] < 19
    assert TrialState.FAIL in [trial.state for trial in study.trials[:19]]


@pytest.mark.parametrize("trust", ["auto", "always"])
def test_a_warm_up_ends_where_results_get_no_better(trust: str) -> None:
    sampler = ProxySampler(made.build, proxy=made.size, candidates=2, around=RandomSampler(seed=0), trust=trust)
    study = made.study(sampler)
    queued = warm_up(study, made.build, proxy=made.size, pool=80, evaluate=16, trust=trust)
    ends = {0: 8.0, 1: 9.0}
    study.optimize(lambda trial: ends.get(trial.number, made.objective(trial)), n_trials=queued)
    states = [trial.state for trial in study.trials[:queued]]
    ended = queued - 11 if trust == "auto" else 0  # eight are no better than the second; one has begun
    assert states == [*(queued - ended) * [TrialState.COMPLETE], *ended * [TrialState.FAIL]]
    assert "zc_size_lost" not in study.user_attrs
    by = {trial.number: trial.user_attrs["zc_by"] for trial in study.trials[queued:]}
    assert by == {number: "control" if number % 3 or number % 5 == 4 else "sampler" for number in by}
    assert len(by) == ended


# Several at once --------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_of_several_threads_one_warms_up(kind: str, tmp_path: Path) -> None:
    with made.storage(kind, tmp_path) as storage:
        made.study(storage=storage, study_name="a")
        found: list[int] = []

        def warm() -> None:
            study = optuna.load_study(study_name="a", storage=storage, sampler=RandomSampler(seed=0))
            found.append(warm_up(study, made.build, proxy=made.size, pool=8, evaluate=3))

        threads = [threading.Thread(target=warm) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [0, 0, 3]
        assert len(optuna.load_study(study_name="a", storage=storage).trials) == 3


def test_a_claim_of_another_machine_ends_in_advice() -> None:
    study = made.study(study_name="a")
    study.ask()
    claimed = made.study(storage=study._storage, study_name="a (zero-cost x)")
    claimed.set_user_attr("zc_claimed_by", {"machine": "elsewhere", "process": os.getpid()})
    with pytest.raises(TimeoutError) as caught:
        once(study, "x", {}, lambda mine, earlier: None, patience=0.01)
    for part in (
        "'machine': 'elsewhere'", "optuna.delete_study(study_name='a (zero-cost x)'", "RUNNING trials of 'a': 0.",
        "study.tell(NUMBER, state=optuna.trial.TrialState.FAIL)", "heartbeat_interval=60",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_who_is_stopped_leaves_the_claim_to_the_next() -> None:
    study = made.study(study_name="a")

    def stopped(mine: Any, earlier: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(study, "x", {}, stopped)
    assert once(study, "x", {}, lambda mine, earlier: None).study_name == "a (zero-cost x) 2"
    assert once(study, "x", {}, lambda mine, earlier: None).study_name == "a (zero-cost x) 2"


WORKER = """
import sys, time
from pathlib import Path
import optuna
from naslib_zc_plugin.hosts.optuna import ProxySampler, warm_up
from tests.hosts.optuna import made
folder, hold, trials = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def stop(where):  # the first that comes holds still until it is killed; SQLite may give two trials one number
    try:
        (folder / where).touch(exist_ok=False)
    except FileExistsError:
        return
    while where == hold:
        time.sleep(1)

def size(net):
    with (folder / "scored").open("a") as file:
        file.write("x")
    if hold == "scoring" and len((folder / "scored").read_text()) == 5:
        stop("scoring")
    return made.size(net)

def objective(trial):
    value = made.objective(trial)
    if trial.number == 2:
        stop("training")
    return value

sampler = ProxySampler(made.build, proxy=size, candidates=2, around=optuna.samplers.TPESampler(n_startup_trials=2))
with made.storage(sys.argv[4], folder) as storage:
    given = {"direction": "maximize", "load_if_exists": True, "storage": storage}
    study = optuna.create_study(study_name="a", sampler=sampler, **given)
    print("enqueued", warm_up(study, made.build, proxy=size, pool=12, evaluate=4))
    study.optimize(objective, n_trials=trials)
"""


def worker(kind: str, folder: Path, hold: str = "", trials: int = 0) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), hold, str(trials), kind], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


def kill_once_it_holds(process: subprocess.Popen[str], mark: Path) -> None:
    while not mark.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_two_processes_of_which_one_is_killed_twice(kind: str, tmp_path: Path) -> None:
    """While it scores and while it trains; the next goes on, scores nothing twice, and loses no result."""
    kill_once_it_holds(worker(kind, tmp_path, "scoring"), tmp_path / "scoring")
    assert len((tmp_path / "scored").read_text()) == 5
    second, third = worker(kind, tmp_path, "training", 4), worker(kind, tmp_path, "training", 4)
    while not (tmp_path / "training").exists():
        assert None in (second.poll(), third.poll())
        time.sleep(0.02)
    # One of both stands still in trial 2; the other goes on to its end.
    while second.poll() is None and third.poll() is None:
        time.sleep(0.02)
    holding = second if second.poll() is None else third
    done = third if holding is second else second
    said, errors = done.communicate()
    assert done.returncode == 0, errors
    holding.send_signal(signal.SIGKILL)
    said += holding.communicate()[0]
    assert sorted(said.split("\n"))[-2:] == ["enqueued 0", "enqueued 4"]

    with made.storage(kind, tmp_path) as storage:
        study = optuna.load_study(study_name="a", storage=storage)
        pools = [
            optuna.load_study(study_name=f"a (zero-cost warm-up){end}", storage=study._storage) for end in ("", " 2")
        ]
        networks = {str(trial.params) for pool in pools for trial in pool.trials}
        scored = len((tmp_path / "scored").read_text())
        results = {trial.number: trial.value for trial in study.trials if trial.state == TrialState.COMPLETE}
        assert [trial.number for trial in study.trials if trial.state == TrialState.RUNNING] == [2]
        assert sum(trial.user_attrs["zc_by"] == "warm_up" for trial in study.trials) == 4
        assert len(networks) >= 8 and len(results) >= 4

        resumed = worker(kind, tmp_path, "", 2)
        said, errors = resumed.communicate()
        assert resumed.returncode == 0, errors
        assert "enqueued 0" in said and "RUNNING trials of 'a': 2." in errors and "study.tell(NUMBER" in errors
        study = optuna.load_study(study_name="a", storage=study._storage)
        after = {trial.number: trial.value for trial in study.trials if trial.state == TrialState.COMPLETE}
        assert len(after) == len(results) + 2 and results.items() <= after.items()
        assert len((tmp_path / "scored").read_text()) <= scored + 4  # two candidates each
