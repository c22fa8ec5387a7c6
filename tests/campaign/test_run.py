"""A campaign from its configuration to its store: resumed, extended, killed and stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from typer.testing import CliRunner

from naslib_zc_plugin.campaign.config import Config, provenance
from naslib_zc_plugin.campaign.engines import EngineError, engine
from naslib_zc_plugin.campaign.exchange import export
from naslib_zc_plugin.campaign.run import Changed, Progress, prepare, run
from naslib_zc_plugin.campaign.store import Store, read_table, records
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.cli.score import _line
from naslib_zc_plugin.store.database import StoreError
from tests.campaign.conftest import IMAGES
from tests.campaign.test_config import images

Make = Callable[..., Config]
RESUMABLE = 75
TOY = {"name": "toy", "workers": 2}


@pytest.fixture
def campaign(campaign: Make) -> Make:
    """Makes a campaign whose scoring processes do not import torch."""
    return lambda **changes: campaign(**{"engine": {"name": "toy"}, **changes})


def scored(config: Config, extend: bool = False, **arguments: Any) -> Progress:
    with Store(config.store) as store:
        prepare(config, store, extend)
        return run(config, store, engine(config), **arguments)


def canonical(store: str | Path) -> str:
    target = Path(store).with_suffix(".csv")
    export(store, target, canonical=True)
    return target.read_text()


def test_a_finished_campaign_has_every_score_and_does_nothing_again(campaign: Make) -> None:
    config = campaign()
    done = scored(config)
    assert (done.total, done.done, done.pending, done.gained, done.failed) == (12, 12, 0, 12, 0)
    first = list(records(config.store))
    assert len(first) == 12 * 3 and len({record["key"] for record in first}) == 12
    assert {record["status"] for record in first} == {"ok"}
    again = scored(config)
    assert (again.done, again.gained) == (12, 0)
    assert list(records(config.store)) == first


def test_values_are_those_of_scoring_by_hand(campaign: Make) -> None:
    from naslib_zc_plugin import score
    from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything
    from naslib_zc_plugin.spaces import space

    config = campaign(architectures=["net-7", "net-4"], seed=5, engine={"name": "local", "workers": 1})
    scored(config)
    for record in records(config.store):
        seed_everything(5, "weights", record["key"])
        net = space("toy").build(record["key"], num_classes=4)
        batch = config.protocol.batch(config.probe(), "toy", 5, record["key"])
        assert (
            record["value"]
            == score(net, batch, record["proxy"], seed=derived_seed(5, record["key"]))[record["proxy"]].value
        )


def test_provably_identical_architectures_are_scored_once_and_share(campaign: Make) -> None:
    config = campaign(architectures=["net-9001", "net-9000", "net-9003", "net-1", "net-0"])
    done = scored(config)
    assert (done.done, done.gained) == (5, 5)
    by_key: dict[str, list[Any]] = {}
    for record in records(config.store):
        by_key.setdefault(record["key"], []).append(record["value"])
    assert by_key["net-9001"] == by_key["net-9000"] and by_key["net-1"] != by_key["net-0"]
    assert "net-9003" in by_key and "net-9002" not in by_key  # scored for it, not asked for
    with Store(config.store) as store:
        (scores,) = store.connection.execute("SELECT count(*) FROM score").fetchone()
    assert scores == 4 * 3


def test_stopping_keeps_what_is_done_and_resuming_gives_the_same_table(campaign: Make, tmp_path: Path) -> None:
    whole = campaign(store=str(tmp_path / "whole.db"), network={"slow": 0.05})
    scored(whole)
    config = campaign(engine=TOY, network={"slow": 0.05})
    seen: list[int] = []
    progress = scored(config, report=lambda now: seen.append(now.done), stop=lambda: bool(seen) and seen[-1] >= 4)
    assert 4 <= progress.done < 12
    assert seen == sorted(seen)
    finished = scored(config)
    assert (finished.done, finished.gained) == (12, 12 - progress.done)
    assert canonical(config.store) == canonical(whole.store)


def test_another_configuration_is_refused_with_the_difference(campaign: Make) -> None:
    scored(campaign(architectures=2))
    before = canonical(campaign().store)
    for changes, line in (
        ({"seed": 1}, "seed: 0 → 1"),
        ({"threads": 2}, "threads: 1 → 2"),
        ({"batch": {"batch_size": 4}}, "preset.batch_size: 8 → 4"),
        ({"images": {**IMAGES, "seed": 1}}, "images.sha256: "),
        ({"proxies": ["naswot", "snip"]}, "proxies.zen: "),
        ({"network": {"slow": 0.1}}, "network.slow: none → 0.1"),
    ):
        with pytest.raises(Changed, match="--fork starts another store") as refused:
            scored(campaign(architectures=2, **changes), extend=True)
        assert line in str(refused.value)
    with pytest.raises(Changed, match="architectures: 2 → 3.*--extend keeps them"):
        scored(campaign(architectures=3))
    assert canonical(campaign().store) == before
    # What changes no value may change.
    moved = campaign(architectures=2, engine=TOY, time_limit=60.0, truth="other")
    assert scored(moved).gained == 0


def test_extending_adds_architectures_and_proxies_and_keeps_the_rest(campaign: Make) -> None:
    scored(campaign(architectures=3, proxies=["naswot"]))
    first = list(records(campaign().store))
    grown = scored(campaign(architectures=5, proxies=["naswot", "snip"]), extend=True)
    assert (grown.done, grown.gained) == (5, 5)
    now = list(records(campaign().store))
    kept = [record for record in now if record["proxy"] == "naswot" and record["key"] in {one["key"] for one in first}]
    assert len(now) == 10
    # The memory is the architecture's, whichever proxies it went to.
    assert [{**record, "memory": 0} for record in kept] == [{**record, "memory": 0} for record in first]


def test_an_engine_without_workers_loses_nothing(campaign: Make) -> None:
    config = campaign(architectures=2)
    scored(config)
    before = canonical(config.store)
    more = config.replace(architectures=4, images={**IMAGES, "classes": 0})
    with pytest.raises(EngineError, match="no worker can score"), Store(config.store) as store:
        run(more, store, engine(more))
    assert canonical(config.store) == before


def test_a_key_that_stands_twice_is_done_once(campaign: Make, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("\n".join(f"net-{number}" for number in (1, 2, 1, 3, 2)), encoding="utf-8")
    done = scored(campaign(architectures=str(keys)))
    assert (done.total, done.done, done.pending) == (3, 3, 0)


def test_an_invalid_line_is_found_before_scoring_begins(campaign: Make, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("\n".join([*(f"net-{number}" for number in range(800)), "nat-1"]), encoding="utf-8")
    config = campaign(architectures=str(keys))
    with pytest.raises(ValueError, match=r"architecture 801 of .*keys\.txt: 'nat-1' is no toy"):
        scored(config)
    assert not list(records(config.store))


def test_a_mistake_does_not_lock_a_store_without_a_score(campaign: Make) -> None:
    path = campaign().store
    with Store(path) as store:
        store.declare({**provenance(campaign(seed=3, proxies=["snip"])), "command": "nas-zc score mistaken.yaml"})
        store.ask({"net-1": "net-1", "net-2": "net-2"}, ["snip"])
    done = scored(campaign(architectures=["net-5"]))
    assert (done.total, done.done) == (1, 1)
    assert {(one["key"], one["proxy"]) for one in records(path)} == {
        ("net-5", label) for label in ("naswot", "snip", "zen")
    }
    facts = read_table(path).facts
    assert facts.pop("image_options") and facts == provenance(campaign(architectures=["net-5"]))


def test_images_that_were_renamed_go_on_as_what_they_were(campaign: Make, tmp_path: Path) -> None:
    one = images(tmp_path / "cifar10.npz")
    scored(campaign(images=str(one), architectures=2))
    one.rename(tmp_path / "copy.npz")
    renamed = campaign(images=str(tmp_path / "copy.npz"), architectures=2)
    assert scored(renamed).gained == 0
    facts = read_table(renamed.store).facts
    assert (facts["dataset"], facts["images"]["name"]) == ("cifar10", "cifar10.npz")
    assert facts["truth"] == "cifar10_test_200_half_train"
    scored(campaign(images={"source": str(tmp_path / "copy.npz"), "dataset": "own"}, architectures=2))
    assert read_table(renamed.store).facts["dataset"] == "own"


def test_progress_says_pending_as_leaderboards_do() -> None:
    found = _line(Progress(total=12, done=4, undefined=1, failed=2, gained=4, seconds=2.0))
    assert found == "4 of 12 done, 1 undefined, 2 failed, 8 pending; 2.0 a second, 4 s to go"


# The command, as processes that are killed --------------------


@pytest.fixture
def written(toy: Path, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Writes a configuration as a user would."""

    def write(name: str, **changes: Any) -> Path:
        path = tmp_path / f"{name}.yaml"
        plain = {
            "space": "toy", "architectures": 20, "images": IMAGES, "proxies": ["naswot", "snip"],
            "preset": "lightweight", "batch": {"batch_size": 8}, "network": {"slow": 0.1},
            "engine": TOY, **changes,
        }  # fmt: skip
        path.write_text(yaml.safe_dump(plain))
        return path

    yield write


def command(config: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "naslib_zc_plugin", "score", str(config), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
    )  # fmt: skip


def finished(config: Path, *options: str) -> tuple[int, str, str]:
    process = command(config, *options)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def invoked(config: Path, *options: str) -> tuple[int, str, str]:
    """Run the command in this process, which has imported torch already."""
    found = CliRunner().invoke(app, ["score", str(config), *options])
    return found.exit_code, found.stdout, found.stderr


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def done_in(store: Path) -> int:
    try:
        return len({record["key"] for record in records(store)})
    except StoreError:  # not there yet
        return 0


def until(condition: Callable[[], bool], limit: float = 60.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def reached(process: subprocess.Popen[str], store: Path, architectures: int) -> bool:
    return done_in(store) >= architectures or process.poll() is not None


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_killed_at_random_moments_it_ends_with_the_same_bytes(written: Callable[..., Path], tmp_path: Path) -> None:
    """Short form of ``tests/campaign/soak.py``."""
    code, output, errors = finished(written("whole"))
    assert code == 0, errors
    assert "20 architectures" in output and "0 failed" in output
    config, draw = written("killed"), random.Random(0)
    for turn in range(4):
        process = command(config)
        until(partial(reached, process, tmp_path / "killed.db", 4 * turn))
        time.sleep(draw.random() / 2)
        workers = children(process.pid)
        if turn % 2 and workers:
            os.kill(draw.choice(workers), signal.SIGKILL)
            time.sleep(draw.random() / 2)
        process.kill()
        process.communicate()
        until(partial(gone, workers), limit=10)
    code, output, errors = finished(config)
    assert code == 0, errors
    assert canonical(tmp_path / "killed.db") == canonical(tmp_path / "whole.db")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_it_in_the_middle_and_say_that_it_can_be_resumed(
    number: signal.Signals, written: Callable[..., Path], tmp_path: Path
) -> None:
    config = written("stopped", network={"slow": 0.3})
    process = command(config)
    until(lambda: done_in(tmp_path / "stopped.db") >= 2)
    workers = children(process.pid)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == RESUMABLE
    assert "the same command goes on from there" in errors and "Traceback" not in errors
    assert gone(workers)
    kept = done_in(tmp_path / "stopped.db")
    assert 2 <= kept < 20
    code, output, _ = finished(config)
    assert code == 0 and done_in(tmp_path / "stopped.db") == 20


def test_two_campaigns_on_one_store(written: Callable[..., Path], tmp_path: Path) -> None:
    config = written("shared", network={"slow": 2.0})  # the first one is at it as long as the other one needs
    first = command(config)
    until(lambda: done_in(tmp_path / "shared.db") >= 1)
    code, _, errors = invoked(config)
    assert code == 2 and "another campaign writes to it" in errors and len(errors.splitlines()) == 1
    first.terminate()
    first.communicate(timeout=120)
    assert first.returncode == RESUMABLE and 1 <= done_in(tmp_path / "shared.db") < 20


def test_refusals_are_one_line_and_forks_go_elsewhere(written: Callable[..., Path], tmp_path: Path) -> None:
    assert invoked(written("a", architectures=2))[0] == 0
    code, _, errors = invoked(written("a", architectures=2, seed=1))
    assert code == 2 and "seed: 0 → 1" in errors and "--fork" in errors and len(errors.splitlines()) == 1
    code, output, _ = invoked(written("a", architectures=2, seed=1), "--fork")
    assert code == 0 and "a-2.db" in output
    assert done_in(tmp_path / "a.db") == done_in(tmp_path / "a-2.db") == 2
    code, _, errors = invoked(tmp_path / "missing.yaml")
    assert code == 2 and "no such file" in errors
    for name, changes, fault in (
        ("b", {"proxies": ["naswott"]}, "did you mean naswot"),
        ("c", {"engine": {"name": "local", "wrokers": 2}}, "wrokers"),
        ("d", {"architectures": 99_999}, "toy has 10,000"),
        ("e", {"images": "nowhere.npz"}, "in the data directory"),
        ("f", {"network": {"solw": 0.1}}, "toy has no option 'solw'"),
        ("g", {"device": "gpu"}, "device: 'gpu'"),
        ("h", {"images": {**IMAGES, "n": 0}}, "images: synthetic:normal: expected n"),
        ("i", {"engine": {"name": "toy", "workers": 0}}, "engine: workers must be"),
        ("j", {"architectures": ["net-1", "nat-1"]}, "architecture 2 of the list: 'nat-1' is no toy"),
        ("k", {"preset": "naslib"}, "images: the protocol 'naslib' normalises"),
    ):
        code, _, errors = invoked(written(name, **changes))
        assert code == 2 and fault in errors and len(errors.splitlines()) == 1
        assert not list(tmp_path.glob(f"{name}.db*"))


def test_a_dry_run_measures_and_writes_nothing(written: Callable[..., Path], tmp_path: Path) -> None:
    code, output, errors = invoked(written("dry", architectures=1000), "--dry-run")
    assert code == 0, errors
    assert "1,000 architectures, 2 proxies" in output and "s each" in output and "GiB" in output
    assert not list(tmp_path.glob("dry.db*"))


def test_failures_are_made_again_on_demand(written: Callable[..., Path], tmp_path: Path) -> None:
    config = written("poor", architectures=["net-1", "unbuildable-1"])
    code, output, errors = invoked(config)
    assert code == 0 and "2 failed" in output
    assert "nas-zc: 2 scores failed; most often: unbuildable: made up\n" in errors
    log = invoked(config, "--retry")
    assert log[0] == 0 and "2 failed scores are made again" in log[1]
    assert json.dumps([record["status"] for record in records(tmp_path / "poor.db")]).count("failed") == 2


def test_a_campaign_in_which_everything_fails_says_why(written: Callable[..., Path]) -> None:
    code, output, errors = invoked(written("hopeless", architectures=["unbuildable-1", "unbuildable-2", "memory-1"]))
    assert code == 0 and "6 failed" in output
    assert errors.endswith("nas-zc: all 6 scores failed; most often: unbuildable: made up\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_score_is_to_be_continued(
    number: signal.Signals, written: Callable[..., Path], tmp_path: Path
) -> None:
    """From the moment at which the command line is there; what comes before that is Python's own start."""
    config = written("early")
    begun = "from naslib_zc_plugin import cli; print(flush=True); cli.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", begun, "score", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert process.stdout and process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == RESUMABLE and errors == "nas-zc: stopped; the same command goes on, or begins\n"
