"""The engine on Dask: what the local one promises, on clusters whose workers join, leave and are killed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

from naslib_zc_plugin.campaign.config import Config, load_campaign
from naslib_zc_plugin.campaign.engines import Engine, EngineError, Outcome, Task, dask, engine, list_engines
from naslib_zc_plugin.campaign.engines.local import WORKER
from naslib_zc_plugin.campaign.exchange import export
from naslib_zc_plugin.campaign.run import Progress, prepare, run
from naslib_zc_plugin.campaign.store import Store
from naslib_zc_plugin.store.database import StoreError
from tests.campaign.test_config import images
from tests.campaign.toy_worker import COMMAND

distributed = pytest.importorskip("distributed", reason="needs Dask Distributed, the extra [dask]")
psutil = pytest.importorskip("psutil")  # comes with it

Make = Callable[..., Config]
REPOSITORY = Path(__file__).resolve().parents[2]
LABELS = ("naswot", "snip", "zen")


SCORING = "campaign.toy_worker"


def scored(config: Config, report: Callable[[Progress], None] = lambda _: None) -> str:
    """Run a campaign to its end; the table that does not depend on the machine."""
    with Store(config.store) as store:
        prepare(config, store)
        assert run(config, store, engine(config), report).pending == 0
    return canonical(config.store)


def canonical(store: str | Path) -> str:
    target = Path(store).with_suffix(".csv")
    export(store, target, canonical=True)
    return target.read_text()


def count(store: Path) -> int:
    """Architectures that are done."""
    try:
        return canonical(store).count("naswot")
    except StoreError:  # not there yet
        return 0


def collected(workers: Engine, number: int, limit: float = 60.0) -> dict[str, Outcome]:
    found: list[Outcome] = []
    end = time.monotonic() + limit
    while len(found) < number:
        assert time.monotonic() < end, [outcome.key for outcome in found]
        found += workers.collect(0.2)
    assert len({outcome.key for outcome in found}) == len(found) == number
    return {outcome.key: outcome for outcome in found}


def until(condition: Callable[[], object], limit: float = 120.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes(sign: str, of: int | None = None) -> list[int]:
    """Descendants whose command line has a word: ``campaign.worker`` scores, ``spawn_main`` is a worker of Dask."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if any(sign in word for word in words):
            found.append(process.pid)
    return found


@pytest.fixture
def cluster() -> Iterator[Callable[..., Any]]:
    """Starts somebody else's cluster."""
    running: list[Any] = []

    def start(workers: int = 0, **options: Any) -> Any:
        made = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
            silence_logs=logging.CRITICAL, **options,
        )  # fmt: skip
        running.append(made)
        return made

    yield start
    for each in running:
        each.close()


@pytest.fixture
def worker() -> Iterator[Callable[..., int]]:
    """Starts ``dask worker`` and tells its pid."""
    running: list[subprocess.Popen[bytes]] = []

    def start(address: str, *options: str, path: Path | None = None) -> int:
        search = [str(path)] if path else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*search, *filter(None, sys.path)])}
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
        running.append(subprocess.Popen([*command, *options], env=environment, stderr=subprocess.DEVNULL))
        return running[-1].pid

    yield start
    for each in running:
        each.kill()
        each.wait()


@pytest.fixture
def opened() -> Iterator[Callable[..., dask.DaskEngine]]:
    running: list[dask.DaskEngine] = []

    def start(config: Config, address: str, **options: Any) -> dask.DaskEngine:
        running.append(dask.DaskEngine(config, dask.connect(address), command=COMMAND, **options))
        return running[-1]

    yield start
    for each in running:
        each.close()


def stopped_by_ctrl_c(config: Config, path: Path) -> str:
    """Start a campaign as a user would, and press Ctrl-C in the middle; the store that is left."""
    plain = {name: value for name, value in config.plain().items() if value is not None}
    path.write_text(yaml.safe_dump({**plain, "architectures": config.architectures, "store": f"{path.stem}.db"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "naslib_zc_plugin", "score", str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    store = path.with_suffix(".db")
    until(lambda: count(store) >= 2 or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 75, errors
    assert "the same command goes on from there" in errors and "Traceback" not in errors
    assert 2 <= count(store) < 18
    return str(store)


def test_stopped_and_with_workers_killed_at_random_it_ends_with_the_table_of_the_local_engine(
    campaign: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = campaign(architectures=30, network={"slow": 0.1}, engine={"name": "dask", "workers": 2})
    store = stopped_by_ctrl_c(config, tmp_path / "stopped.yaml")
    draw, victims = random.Random(0), ["spawn_main", "campaign.worker", "spawn_main"]

    def kill(progress: Progress) -> None:
        if victims and progress.gained >= 3 * (4 - len(victims)) and (pids := processes(victims[-1])):
            time.sleep(draw.random() / 10)
            os.kill(draw.choice(pids), signal.SIGKILL)
            victims.pop()

    resumed = scored(config.replace(store=store), kill)
    assert not victims
    until(lambda: not processes("campaign.worker") and not processes("spawn_main"))
    assert capfd.readouterr().err == ""
    local = config.replace(store=str(tmp_path / "whole.db"), engine={"name": "local", "workers": 2})
    assert resumed == scored(local)


def test_it_takes_the_workers_that_come_and_treats_harm_as_the_local_engine(
    campaign: Make,
    cluster: Callable[..., Any],
    worker: Callable[..., int],
    opened: Callable[..., dask.DaskEngine],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask, "_HINT_AFTER", 0.2)
    address = cluster().scheduler_address
    workers = opened(campaign(time_limit=3.0), address=address)
    for key in ("net-0", "hang-0", "segfault-0", "net-1"):
        workers.submit(Task(key, LABELS))
    assert workers.capacity == 2
    hint = (dask.__name__, logging.WARNING, f"no Dask worker yet; waiting for one: dask worker {address} --nthreads 1")
    until(lambda: not workers.collect(0.1) and hint in caplog.record_tuples)

    pid = worker(address, "--nthreads", "2", "--resources", "GPU=1")
    until(lambda: len(processes(SCORING, pid)) == 2)  # one for each thread
    found = collected(workers, 4)
    assert {(row.status, row.reason) for row in found["hang-0"].rows} == {("failed", "took longer than 3 s")}
    died = "the worker died of SIGSEGV, 2 times"
    assert {(row.status, row.reason) for row in found["segfault-0"].rows} == {("failed", died)}
    assert {row.status for key in ("net-0", "net-1") for row in found[key].rows} == {"ok"}
    assert workers.capacity == 4
    assert processes(SCORING, pid)
    workers.close()
    until(lambda: not processes(SCORING, pid))

    assert opened(campaign(), address=address, resources={"GPU": 1}).capacity == 2
    refusing = opened(campaign(images="/no/such.npz"), address=address)
    assert refusing.capacity == 4
    refusing.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match=r"a Dask worker cannot score on .*: no worker can score: .*/no/such\.npz"):
        collected(refusing, 1)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineError):
        until(lambda: refusing.collect(0.1))


def certificates(folder: Path) -> tuple[Any, dict[str, str]]:
    """Security for a cluster, and the client's share of it in files, by their names in the folder."""
    pytest.importorskip("cryptography")  # comes with the extra [dask]
    made = distributed.Security.temporary()
    names = {"tls_ca_file": "ca.pem", "tls_client_cert": "client.pem", "tls_client_key": "client.key"}
    for option, name in names.items():
        (folder / name).write_text(getattr(made, option))
    return made, names


def test_a_cluster_with_tls_scores_like_any_other(
    campaign: Make, cluster: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, names = certificates(tmp_path)
    own = cluster(1, security=made)
    assert own.scheduler_address.startswith("tls://")
    local = scored(campaign(store=str(tmp_path / "local.db")))

    of_cluster = {"name": "dask", "address": own.scheduler_address, "security": own.security}
    assert scored(campaign(store=str(tmp_path / "object.db"), engine=of_cluster)) == local

    path = tmp_path / "files.yaml"
    plain = {name: value for name, value in campaign().plain().items() if value is not None}
    in_files = {**of_cluster, "security": names}  # beside the configuration, wherever it is read
    path.write_text(yaml.safe_dump({**plain, "architectures": 12, "store": "files.db", "engine": in_files}))
    monkeypatch.chdir("/")
    assert scored(load_campaign(path)) == local

    dask_config = pytest.importorskip("dask").config
    keys = ("ca-file", "client.cert", "client.key")
    theirs = {f"distributed.comm.tls.{key}": str(tmp_path / name) for key, name in zip(keys, names.values())}
    with dask_config.set(theirs):
        configured = {"name": "dask", "address": own.scheduler_address}
        assert scored(campaign(store=str(tmp_path / "configured.db"), engine=configured)) == local


def test_a_cluster_of_its_own_has_tls_where_asked(campaign: Make, tmp_path: Path) -> None:
    certificates(tmp_path)
    found = dask.engine(campaign(), workers=1, security=True)
    try:
        assert found._cluster and found._cluster.scheduler_address.startswith("tls://127.0.0.1:")
        found.submit(Task("net-0", LABELS))
        assert {row.status for row in collected(found, 1)["net-0"].rows} == {"ok"}
    finally:
        found.close()


def test_certificates_that_are_missing_or_wrong_are_told(
    campaign: Make,
    cluster: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, names = certificates(tmp_path)
    files = {option: str(tmp_path / name) for option, name in names.items()}
    own = cluster(security=made)
    address = own.scheduler_address
    monkeypatch.setattr(dask, "CONNECT", 3.0)

    def refused(error: type[Exception], message: str, address: str | None = address, **options: Any) -> None:
        with pytest.raises(error, match=message):
            dask.engine(campaign(), address=address, **options)

    refused(ValueError, r"tls://.* needs certificates: give security: \{tls_ca_file: …, tls_client_cert: …")
    refused(ValueError, "security: tls_ca_file: there is no file /no/ca.pem", security={"tls_ca_file": "/no/ca.pem"})
    refused(ValueError, "security must be a mapping with tls_ca_file", security={"ca": files["tls_ca_file"]})
    refused(ValueError, "security must be a mapping with tls_ca_file", security=True)
    refused(ValueError, "security must be a mapping with tls_ca_file", address=None, security=False)
    refused(EngineError, "tls:// for one with TLS", address=address.replace("tls", "tcp"))
    refused(EngineError, "TLS certificate does not match", security=distributed.Security.temporary())
    (tmp_path / names["tls_client_key"]).write_text("no key\n")
    refused(ValueError, "security: .*client.key cannot be used: ", security=files)

    monkeypatch.setattr(dask, "_HINT_AFTER", 0.2)
    waiting = dask.DaskEngine(campaign(), dask.connect(address, made))
    try:
        until(lambda: not waiting.collect(0.1) and "--tls-ca-file … --tls-cert … --tls-key …" in caplog.text)
    finally:
        waiting.close()


def test_capacity_follows_workers_that_leave(
    campaign: Make, cluster: Callable[..., Any], opened: Callable[..., dask.DaskEngine]
) -> None:
    own = cluster(2)
    workers = opened(campaign(), address=own.scheduler_address)
    assert workers.capacity == 4
    own.scale(1)
    until(lambda: not workers.collect(0.1) and workers.capacity == 2)


def test_other_versions_are_refused(
    campaign: Make,
    cluster: Callable[..., Any],
    worker: Callable[..., int],
    opened: Callable[..., dask.DaskEngine],
    tmp_path: Path,
) -> None:
    information = tmp_path / "other" / "torch-0.1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 0.1\n")
    address = cluster().scheduler_address
    worker(address, "--nthreads", "1", path=information.parent)
    workers = opened(campaign(), address=address)
    workers.submit(Task("net-0", LABELS))
    with pytest.raises(EngineError, match="torch 0.1, but the driver naslib-zc-plugin .* and torch .*nothing"):
        collected(workers, 1)


def test_what_dask_gives_up_is_submitted_again_and_fails_in_the_end(
    campaign: Make, cluster: Callable[..., Any], opened: Callable[..., dask.DaskEngine]
) -> None:
    own = cluster(1, scheduler_kwargs={"allowed_failures": 0})
    workers = opened(campaign(network={"slow": 1000}), address=own.scheduler_address)
    workers.submit(Task("net-0", LABELS))
    until(lambda: not workers.collect(0.1) and processes(SCORING))
    before = set(own.scheduler.tasks)
    with distributed.Client(own.scheduler_address, set_as_default=False) as other:  # somebody cancels everything
        other.cancel([distributed.Future(key, other) for key in before], force=True)
    until(lambda: not workers.collect(0.1) and set(own.scheduler.tasks) - before)
    found: list[Outcome] = []
    kills = 0
    while not found:
        for pid in processes("spawn_main"):
            os.kill(pid, signal.SIGKILL)
        kills += 1
        until(lambda: not processes(SCORING))
        until(lambda: found.extend(workers.collect(0.1)) or found or processes(SCORING))
    lost = ("failed", "given up by Dask 3 times: its workers died, or it was cancelled")
    assert {(row.status, row.reason) for row in found[0].rows} == {lost}
    assert kills == 2
    assert workers.collect(0.5) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lost_scheduler_is_told(
    number: signal.Signals,
    campaign: Make,
    opened: Callable[..., dask.DaskEngine],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask, "CONNECT", 5.0)
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler = subprocess.Popen([*command, "--no-dashboard", "--scheduler-file", str(file)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: file.exists() and file.read_text().endswith("}"))
        workers = opened(campaign(), address=yaml.safe_load(file.read_text())["address"])
        workers.submit(Task("net-0", LABELS))
        assert workers.collect(0.1) == []
    finally:
        scheduler.send_signal(number)
        scheduler.wait()
    with pytest.raises(EngineError, match="scheduler at tcp://127.0.0.1:.* is gone; start one, and go on"):
        until(lambda: workers.collect(0.2))


def test_a_scoring_process_ends_when_it_is_idle_and_when_its_campaign_ends(
    campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "campaign": "one",
        "config": json.loads(json.dumps(campaign().plain())),
        "expected": dask.expectations(campaign()),
        "command": COMMAND,
    }
    task = json.dumps({"key": "net-0", "labels": LABELS})
    monkeypatch.setattr(dask, "IDLE", 0.2)
    assert {row["status"] for row in dask.score_task(json.dumps(given), task)["rows"]} == {"ok"}
    until(lambda: not processes(SCORING))
    monkeypatch.setattr(dask, "IDLE", 60.0)
    assert dask.score_task(json.dumps(given), task)["key"] == "net-0"
    assert processes(SCORING)
    dask.release("one")
    assert not processes(SCORING)
    assert dask.score_task(json.dumps(given), task) == {}  # what was on its way


def test_a_dask_worker_that_sees_other_images_is_refused(campaign: Make, tmp_path: Path) -> None:
    shown = images(tmp_path / "toys.npz")
    config = campaign(images=str(shown))
    given = {
        "campaign": "two", "config": json.loads(json.dumps(config.plain())), "expected": dask.expectations(config),
        "command": WORKER,
    }  # fmt: skip
    images(shown, shift=1)  # as if the worker's machine had another file there
    found = dask.score_task(json.dumps(given), json.dumps({"key": "net-0", "labels": LABELS}))
    assert "toys.npz: other images than those of the campaign" in found["refused"]
    dask.release("two")


def test_options_and_addresses_that_cannot_be(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list_engines() == ["dask", "local", "toy"]
    monkeypatch.setattr(dask, "CONNECT", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://here"):
        with pytest.raises(EngineError, match=f"no Dask scheduler answers at {address} .*is it running"):
            dask.engine(campaign(), address=address)
    with pytest.raises(ValueError, match="workers must be a whole number of at least 1, and goes without address"):
        dask.engine(campaign(), workers=0)
    with pytest.raises(ValueError, match="goes without address"):
        dask.engine(campaign(), address="tcp://127.0.0.1:1", workers=2)
    with pytest.raises(ValueError, match="resources must be numbers above 0"):
        dask.engine(campaign(), resources={"GPU": 1})


def test_without_dask_it_says_what_to_install(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'naslib-zc-plugin\[dask\]'"):
        dask.engine(campaign())


def test_the_slurm_example_says_what_it_needs() -> None:
    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "import runpy, sys; sys.modules['dask_jobqueue'] = None; sys.argv = sys.argv[1:]; "
        code += "runpy.run_path(sys.argv[0], run_name='__main__')"
        command = [sys.executable, "-c", code, "examples/slurm_dask.py", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)

    assert ran("--help").returncode == 0 and "--jobs" in ran("--help").stdout
    refused = ran("examples/slurm_dask.yaml")
    assert (refused.returncode, refused.stderr) == (1, "this needs dask-jobqueue: pip install dask-jobqueue\n")


def test_a_cluster_that_is_slow_to_close_keeps_nobody(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dask.engine(campaign(), workers=1)
    assert found._cluster
    close = found._cluster.close

    def slow(timeout: float) -> None:
        assert timeout <= 1
        raise asyncio.TimeoutError

    monkeypatch.setattr(found._cluster, "close", slow)
    found.close()
    close()
