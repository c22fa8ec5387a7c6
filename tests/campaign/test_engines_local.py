"""Supervised processes: whatever an architecture does to its process, it comes back once, with the reason."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Callable

import pytest

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import EngineError, Outcome, Task, engine, list_engines, local, versions
from naslib_zc_plugin.campaign.engines.local import WORKER, LocalEngine, expectations
from tests.campaign.test_config import images
from tests.campaign.toy_worker import COMMAND, value

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

    def start(workers: int, command: Sequence[str] | None = COMMAND, **changes: object) -> LocalEngine:
        running.append(LocalEngine(campaign(**changes), workers, command))
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


def test_values_do_not_depend_on_the_workers_number_their_start_or_the_order(
    started: Callable[..., LocalEngine],
) -> None:
    keys = [f"net-{number}" for number in range(6)]
    one, two = score(started(1, WORKER, threads=2), keys), score(started(2, None, threads=2), keys[::-1])
    assert values(one) == values(two)
    assert all(row.status == "ok" for outcome in one.values() for row in outcome.rows)
    assert all(outcome.seconds and outcome.seconds > 0 for outcome in one.values())
    assert all(outcome.memory and outcome.memory > 2**20 for outcome in one.values())


def test_harm_of_a_real_process_is_recorded_with_its_reason(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, None, memory_limit=4.0)
    before = set(score(workers, ["net-0"]) and workers.pids)
    harm = ["unbuildable-0", "chatter-0", "unpicklable-0", "memory-0", "net-1"]
    found = score(workers, harm)
    built = "the network cannot be built: ValueError: this architecture has no network"
    assert reasons(found["unbuildable-0"]) == {("failed", built)}
    assert all(status == "failed" and "memory" in reason for status, reason in reasons(found["memory-0"]))
    assert found["memory-0"].exhausted and not before & set(workers.pids)
    for key in ("chatter-0", "unpicklable-0", "net-1"):
        assert {row.status for row in found[key].rows} == {"ok"}, found[key]


def test_no_real_process_can_score_what_the_protocol_is_not_for(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, None, preset="naslib")
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match="no worker can score: ValueError: the protocol 'naslib' normalises"):
        for _ in range(60):
            workers.collect(1.0)


def test_the_death_of_a_process_is_recorded_and_does_not_spread(started: Callable[..., LocalEngine]) -> None:
    workers = started(2, time_limit=1.0)
    harm = ["hang-0", "segfault-0", "crash-0", "killed-0", "unbuildable-0"]
    found = score(workers, ["net-0", *harm, "net-1", "net-2"])
    assert reasons(found["hang-0"]) == {("failed", "took longer than 1 s")}
    assert reasons(found["segfault-0"]) == {("failed", "the worker died of SIGSEGV, 2 times")}
    assert reasons(found["crash-0"]) == {("failed", "the worker died of exit code 3, 5 times")}
    assert reasons(found["killed-0"]) == {("failed", "the worker died of SIGKILL, 5 times")}
    assert reasons(found["unbuildable-0"]) == {("failed", "unbuildable: made up")}
    assert values({key: found[key] for key in ("net-0", "net-1", "net-2")}) == {
        (key, label): (value(key, label), "ok", "") for key in ("net-0", "net-1", "net-2") for label in LABELS
    }


def test_a_process_that_ran_out_of_memory_is_replaced(started: Callable[..., LocalEngine]) -> None:
    workers = started(1)
    before = set(score(workers, ["net-0"]) and workers.pids)
    assert score(workers, ["memory-0"])["memory-0"].exhausted
    score(workers, ["net-1"])
    assert not before & set(workers.pids)


def test_an_architecture_whose_process_is_killed_is_scored_by_another(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, network={"slow": 0.5})
    undisturbed = values(score(workers, ["net-3"]))
    for _ in range(3):
        workers.submit(Task("net-3", LABELS))
        os.kill(workers.pids[0], signal.SIGKILL)
        found: list[Outcome] = []
        while not found:
            found += workers.collect(1.0)
        assert values({"net-3": found[0]}) == undisturbed


def test_processes_that_die_before_they_can_score_are_an_error(campaign: Make) -> None:
    workers = LocalEngine(campaign(), 1, (sys.executable, "-c", "raise SystemExit(4)"))
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match="11 workers died before they could score, the last of exit code 4"):
        for _ in range(60):
            workers.collect(1.0)
    workers.close()


# Forks of a process with torch --------------------


def _stat(pid: int) -> list[str]:
    """State, parent and what else the kernel tells of a process (man 5 proc)."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return ["gone"]


SERVER = """
import sys
from naslib_zc_plugin.campaign import worker
from naslib_zc_plugin.campaign.engines import Outcome
from tests.campaign.toy_worker import outcome
START
def score(task):
    return Outcome.of(outcome({"key": task.key, "labels": task.labels}))
worker._loaded = lambda: (sys.stdin.readline(), score)[1]
worker.serve()
"""


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch, toy: Path) -> Callable[[str], None]:
    """Has a server fork into toys; it runs a line of code first."""
    return lambda start="": monkeypatch.setattr(local, "WORKER", (sys.executable, "-c", SERVER.replace("START", start)))


def _gone(pids: list[int]) -> None:
    end = time.monotonic() + 60
    while any(_stat(pid)[0] not in ("Z", "gone") for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.02)


FREED = """
def freed():
    block = b"x" * 2**28
    del block
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
"""
SPENDER = f"""
made = outcome
{FREED}
def outcome(task):
    return {{**made(task), "memory": freed()}}
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of another C library nothing is asked")
def test_scoring_processes_keep_what_is_freed_and_users_do_not(
    forks: Callable[..., None], started: Callable[..., LocalEngine]
) -> None:
    forks(SPENDER)
    (found,) = score(started(1, None), ["net-0"]).values()
    assert found.memory and found.memory > 2**28
    users = f"import naslib_zc_plugin.campaign.worker{FREED}print(freed())"
    assert int(subprocess.run([sys.executable, "-c", users], capture_output=True, check=True).stdout) < 2**28


def test_forks_are_replaced_by_forks_and_end_with_their_server(
    forks: Callable[..., None], started: Callable[..., LocalEngine]
) -> None:
    forks()
    workers = started(2, None, time_limit=1.0)
    found = score(workers, ["net-0", "hang-0", "segfault-0", "crash-0", "killed-0", "memory-0", "net-1"])
    assert reasons(found["hang-0"]) == {("failed", "took longer than 1 s")}
    assert reasons(found["segfault-0"]) == {("failed", "the worker died of SIGSEGV, 2 times")}
    assert reasons(found["crash-0"]) == {("failed", "the worker died of exit code 3, 5 times")}
    assert reasons(found["killed-0"]) == {("failed", "the worker died of SIGKILL, 5 times")}
    assert found["memory-0"].exhausted and {row.status for row in found["net-1"].rows} == {"ok"}
    score(workers, ["net-2", "net-3", "net-4"])
    parents = {int(_stat(pid)[1]) for pid in workers.pids}
    (server,) = parents - {os.getpid()}  # a process that has not begun yet has its server's number
    assert server != os.getpid()
    before = workers.pids
    os.kill(server, signal.SIGKILL)
    _gone([*before, server])
    assert values(score(workers, ["net-0"])) == values({"net-0": found["net-0"]})
    assert int(_stat(workers.pids[0])[1]) != server
    pids = workers.pids
    workers.close()
    _gone(pids)


def test_a_killed_process_leaves_neither_forks_nor_their_server(forks: Callable[..., None], campaign: Make) -> None:
    forks()
    code = (
        "import sys\nfrom naslib_zc_plugin.campaign.config import Config\n"
        "from naslib_zc_plugin.campaign.engines import Task, local\n"
        f"local.WORKER = {local.WORKER!r}\n"
        f"workers = local.LocalEngine(Config(**{campaign().plain()!r}), 2)\n"
        "for key in ('net-0', 'hang-0', 'hang-1'):\n    workers.submit(Task(key, ('snip',)))\n"
        "while not workers.collect(1.0):\n    pass\n"
        "print(workers._server.process.pid, *workers.pids, flush=True)\n"
        "while True:\n    workers.collect(1.0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert driver.stdout
    pids = list(map(int, driver.stdout.readline().split()))
    assert len(pids) == 3 and all(map(alive, pids))
    driver.kill()
    driver.communicate()
    _gone(pids)


def test_a_server_with_threads_does_not_fork_into_scorers(forks: Callable[..., None], campaign: Make) -> None:
    forks("import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()")
    other = {**expectations(campaign()), "versions": {}}
    workers = LocalEngine(campaign(), expected=other)
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match="no worker can score: ImportError: here are"):  # a toy has no versions
        for _ in range(60):
            workers.collect(1.0)
    workers.close()


# Time that a process did not have --------------------


def _at_work(workers: LocalEngine) -> int:
    """Submit an architecture, and return its process once it has it."""
    workers.submit(Task("net-3", LABELS))
    end = time.monotonic() + 60
    while not any(worker.state == "busy" for worker in workers._workers):
        assert not workers.collect(0.05) and time.monotonic() < end
    return workers.pids[0]


def test_a_process_that_is_stopped_does_not_exceed_its_time(started: Callable[..., LocalEngine]) -> None:
    workers = started(1, network={"slow": 1.0}, time_limit=2.0)
    pid = _at_work(workers)
    os.kill(pid, signal.SIGSTOP)
    for _ in range(5):
        assert not workers.collect(1.0)
    os.kill(pid, signal.SIGCONT)
    found = workers.collect(60.0)
    assert values({"net-3": found[0]}) == {("net-3", label): (value("net-3", label), "ok", "") for label in LABELS}


@pytest.mark.parametrize("both", [False, True], ids=["this process alone", "both"])
def test_a_pause_of_the_supervisor_is_no_time(started: Callable[..., LocalEngine], both: bool) -> None:
    workers = started(1, network={"slow": 1.0}, time_limit=2.0)
    pid = _at_work(workers)
    if both:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4)  # nobody looks
    os.kill(pid, signal.SIGCONT)
    found = workers.collect(60.0)
    assert {row.status for row in found[0].rows} == {"ok"} and workers.pids == [pid]


def test_processes_that_hang_while_they_start_are_an_error(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "STARTUP_LIMIT", 1.0)
    workers = LocalEngine(campaign(), 1, (sys.executable, "-c", "import time; time.sleep(1000)"))
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match="2 workers were not ready after 1 s each"):
        for _ in range(60):
            workers.collect(1.0)
    pids = workers.pids
    workers.close()
    assert not any(map(alive, pids))


# What a process looks at --------------------


def test_a_process_that_sees_other_images_does_not_score(campaign: Make, tmp_path: Path) -> None:
    shown = images(tmp_path / "toys.npz")
    config = campaign(images=str(shown))
    prepared = expectations(config)
    images(shown, shift=1)  # replaced after the campaign has read it
    assert expectations(config) == prepared != expectations(campaign(images=str(shown)))
    workers = LocalEngine(config)
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match=r"no worker can score: ValueError: .*toys\.npz: other images than those of"):
        for _ in range(60):
            workers.collect(1.0)
    workers.close()


def test_a_process_of_other_versions_does_not_score(campaign: Make) -> None:
    other = {**expectations(campaign()), "versions": {**versions(), "torch": "0.1"}}
    workers = LocalEngine(campaign(), expected=other)
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match=r"no worker can score: ImportError: .*at the driver .*'torch': '0\.1'"):
        for _ in range(60):
            workers.collect(1.0)
    workers.close()


def test_closing_leaves_no_process(started: Callable[..., LocalEngine]) -> None:
    workers = started(2, network={"slow": 60})
    for number in range(4):
        workers.submit(Task(f"net-{number}", LABELS))
    workers.collect(0.5)
    pids = workers.pids
    assert len(pids) == 2 and all(map(alive, pids))
    workers.close()
    assert not any(map(alive, pids))


def test_engines_are_found_by_name(campaign: Make) -> None:
    assert list_engines() == ["dask", "local", "toy"] and list_engines("l*") == ["local"]
    with pytest.raises(ValueError, match="unknown engine 'locl'; did you mean local?"):
        campaign(engine={"name": "locl"})
    with pytest.raises(ValueError, match="engine local has no option 'wrkers'; did you mean workers"):
        campaign(engine={"name": "local", "wrkers": 2})
    with pytest.raises(ValueError, match="engine: workers must be a whole number of at least 1"):
        engine(campaign(engine={"name": "local", "workers": 0}))
    started = engine(campaign(engine={"name": "toy", "workers": 2}))  # another distribution's
    assert isinstance(started, LocalEngine) and started.capacity == 4
