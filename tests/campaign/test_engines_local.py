"""Supervised processes: whatever an architecture does to its process, it comes back once, with the reason."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import EngineError, engine, engines
from naslib_zc_plugin.campaign.engines.local import LocalEngine
from naslib_zc_plugin.campaign.outcome import Outcome, Task

LABELS = ("naswot", "snip", "zen")
Make = Callable[..., Config]


def score(workers: LocalEngine, keys: list[str], limit: float = 120.0) -> dict[str, Outcome]:
    """All outcomes, each key once."""
    for key in keys:
        workers.submit(Task(key, LABELS))
    found: list[Outcome] = []
    end = time.monotonic() + limit
    while len(found) < len(keys):
        assert time.monotonic() < end, [outcome.key for outcome in found]
        found += workers.collect(1.0)
    assert sorted(outcome.key for outcome in found) == sorted(keys)
    assert all(tuple(row.label for row in outcome.rows) == LABELS for outcome in found)
    return {outcome.key: outcome for outcome in found}


def values(outcomes: dict[str, Outcome]) -> dict[tuple[str, str], object]:
    return {
        (key, row.label): (row.value, row.status, row.reason) for key, found in outcomes.items() for row in found.rows
    }


def reasons(outcome: Outcome) -> set[tuple[str, str]]:
    return {(row.status, row.reason) for row in outcome.rows}


@pytest.fixture
def started(campaign: Make) -> Iterator[Callable[..., LocalEngine]]:
    running: list[LocalEngine] = []

    def start(workers: int, **changes: object) -> LocalEngine:
        running.append(LocalEngine(campaign(**changes), workers))
        return running[-1]

    yield start
    for each in running:
        each.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_values_do_not_depend_on_the_number_of_workers_or_the_order(started: Callable[..., LocalEngine]) -> None:
    keys = [f"net-{number}" for number in range(6)]
    one, two = score(started(1), keys), score(started(2), keys[::-1])
    assert values(one) == values(two)
    assert all(row.status == "ok" for outcome in one.values() for row in outcome.rows)
    assert all(outcome.seconds and outcome.seconds > 0 for outcome in one.values())
    assert all(outcome.memory and outcome.memory > 2**20 for outcome in one.values())


def test_harm_is_recorded_with_its_reason_and_does_not_spread(started: Callable[..., LocalEngine]) -> None:
    workers = started(2, time_limit=4.0, memory_limit=4.0)
    harm = ["hang-0", "segfault-0", "crash-0", "unbuildable-0", "memory-0", "chatter-0", "unpicklable-0"]
    found = score(workers, ["net-0", *harm, "net-1", "net-2"])
    assert reasons(found["hang-0"]) == {("failed", "took longer than 4 s")}
    assert reasons(found["segfault-0"]) == {("failed", "the worker died of SIGSEGV, 2 times")}
    assert reasons(found["crash-0"]) == {("failed", "the worker died of exit code 3, 5 times")}
    built = "the network cannot be built: ValueError: this architecture has no network"
    assert reasons(found["unbuildable-0"]) == {("failed", built)}
    assert all(status == "failed" and "memory" in reason for status, reason in reasons(found["memory-0"]))
    for key in ("chatter-0", "unpicklable-0", "net-0", "net-1", "net-2"):
        assert {row.status for row in found[key].rows} == {"ok"}, found[key]
    assert values({"net-1": found["net-1"]}) == values(score(started(1), ["net-1"]))


def test_a_worker_that_ran_out_of_memory_is_replaced(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, memory_limit=4.0)
    before = set(score(workers, ["net-0"]) and workers.pids)
    assert score(workers, ["memory-0"])["memory-0"].exhausted
    score(workers, ["net-1"])
    assert not before & set(workers.pids)


def test_an_architecture_whose_worker_is_killed_is_scored_by_another(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, network={"slow": 0.5})
    undisturbed = values(score(workers, ["net-3"]))
    for _ in range(3):
        workers.submit(Task("net-3", LABELS))
        time.sleep(0.2)
        os.kill(workers.pids[0], signal.SIGKILL)
        assert values(score(workers, [])) == {}
        found: list[Outcome] = []
        while not found:
            found += workers.collect(1.0)
        assert values({"net-3": found[0]}) == undisturbed


def test_a_poison_architecture_is_given_up(started: Callable[..., LocalEngine]) -> None:
    found = score(started(2), ["killed-0", "net-0"])
    assert reasons(found["killed-0"]) == {("failed", "the worker died of SIGKILL, 5 times")}


def test_closing_leaves_no_process(started: Callable[..., LocalEngine]) -> None:
    workers = started(2, network={"slow": 60})
    for number in range(4):
        workers.submit(Task(f"net-{number}", LABELS))
    workers.collect(3.0)
    pids = workers.pids
    assert len(pids) == 2 and all(map(alive, pids))
    workers.close()
    assert not any(map(alive, pids))


def test_what_no_worker_can_score_is_told_in_its_words(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, preset="naslib")
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match="no worker can score: ValueError: preset 'naslib' normalises"):
        for _ in range(60):
            workers.collect(1.0)


def test_engines_are_found_by_name(campaign: Make) -> None:
    assert "local" in engines()
    with pytest.raises(ValueError, match="unknown engine 'locl'.*Did you mean 'local'"):
        engine(campaign(engine={"name": "locl"}))
    with pytest.raises(ValueError, match="engine local: .*wrkers"):
        engine(campaign(engine={"name": "local", "wrkers": 2}))
    with pytest.raises(ValueError, match="workers must be a whole number of at least 1"):
        engine(campaign(engine={"name": "local", "workers": 0}))
