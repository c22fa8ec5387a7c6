"""Experiments as they run: histories depend on the configuration alone, whatever happened on the way."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

from naslib_zc_plugin.cli.search import publish_results, run_searches
from naslib_zc_plugin.search import LoadedSearch, load_data, run_experiment
from naslib_zc_plugin.search.config import Experiment, load_experiment
from naslib_zc_plugin.search.evaluators import EVALUATORS
from naslib_zc_plugin.search.evaluators.proxy import LiveScores
from naslib_zc_plugin.search.journal import Entry, Journal, histories
from naslib_zc_plugin.search.loop import Diverged
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.database import StoreError
from naslib_zc_plugin.strategies import AllFailed, proxy_agreement, strategy
from tests.hosts.nni.needs import needs
from tests.search.conftest import LIVE

Make = Callable[..., Experiment]
Histories = dict[str, dict[int, list[Entry]]]
ROOT = Path(__file__).resolve().parents[2]
EVOLUTION = {"name": "aging_evolution", "population": 5, "sample": 3}


def _run(experiment: Experiment, data: Path | None = None) -> Histories:
    prepared = load_data(experiment, data)
    with Journal(experiment.store) as journal:
        run_experiment(prepared, journal)
    return histories(experiment.store)


def _course(found: Histories) -> dict[tuple[str, int], list[tuple[str, float | None]]]:
    """What must not depend on the machine's pace."""
    return {
        (label, repeat): [(entry.key, entry.fitness) for entry in entries]
        for label, runs in found.items()
        for repeat, entries in runs.items()
    }


def test_a_history_is_that_of_the_strategy_alone(experiment: Make, data: Path) -> None:
    found = _run(experiment(strategy=EVOLUTION, repeats=3, seed=4), data)["aging_evolution"]
    evaluated = load_data(experiment(strategy=EVOLUTION), data)[0].evaluator
    for repeat in range(3):
        alone = strategy("aging_evolution", space("nasbench201"), seed=f"4/{repeat}", population=5, sample=3)
        for entry in found[repeat]:
            key = alone.ask()
            assert (entry.key, entry.fitness) == (key, evaluated(key).fitness)
            alone.tell(key, entry.fitness)
    assert len({tuple(entry.key for entry in entries) for entries in found.values()}) == 3


def test_seconds_are_those_of_the_table(experiment: Make, data: Path) -> None:
    from naslib_zc_plugin.benchmarks import benchmark

    timed = benchmark("nasbench201", data).column("cifar10_traintime_200_s")
    entries = _run(experiment(budget={"seconds": 30}), data)["random_search"][0]
    assert [entry.seconds for entry in entries] == [pytest.approx(0.06 * timed.get(e.key, 0.0)) for e in entries]
    assert entries[-1].clock == pytest.approx(sum(entry.seconds for entry in entries)) and entries[-1].clock >= 30
    assert entries[-2].clock < 30


def test_a_space_that_is_exhausted_ends_the_search(toys: Make) -> None:
    found = _run(toys(strategy={"name": "random_search", "distinct": True}, budget={"evaluations": 3}))
    keys = [entry.key for entry in found["random_search"][0]]
    assert len(set(keys)) == len(keys) == 3


class _Killed(BaseException):
    """As if the process had ended here."""


def test_killed_at_every_step_it_ends_with_the_same_history(toys: Make, tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "searches": {
            "area": {"strategy": {"name": "area", "proxy": "snip", "pool": 5, "population": 2, "sample": 2}},
            "random": {"strategy": {"name": "random_search"}},
        },
        "budget": {"evaluations": 4},
    }
    whole = _run(toys(**changes, store=str(tmp_path / "whole.db")))
    cut = toys(**changes, store=str(tmp_path / "cut.db"))
    kills = 0
    while True:
        left = [2]  # evaluations until the next kill
        prepared = [replace(each, evaluator=_killing(each, left)) for each in load_data(cut)]
        try:
            with Journal(cut.store) as journal:
                run_experiment(prepared, journal)
            break
        except _Killed:
            kills += 1
    assert kills == 3
    assert _course(histories(cut.store)) == _course(whole)


def _killing(prepared: LoadedSearch, left: list[int]) -> Any:
    original = prepared.evaluator

    class Killing:
        costly, metric_names = original.costly, original.metric_names
        provenance, notes = original.provenance, original.notes

        def __call__(self, key: str) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise _Killed
            return original(key)

    return Killing()


def test_kill_9_at_random_moments(toy: Path, written: Callable[..., Path], tmp_path: Path) -> None:
    searches = {
        "warm-up": {
            "strategy": {
                "name": "warm_up", "proxy": "snip", "pool": 12, "evaluate": 4,
                "around": {"name": "move", "kind": "children", "children": 2, "population": 4, "sample": 2},
            }
        },
        "random": {"strategy": {"name": "random_search"}},
    }  # fmt: skip
    changes: dict[str, Any] = {
        "space": "toy", "scores": LIVE, "evaluator": {"name": "proxy", "proxy": "naswot"}, "report": None,
        "budget": {"evaluations": 12}, "repeats": 2, "searches": searches, "strategy": None,
    }  # fmt: skip
    expected = _course(_run(load_experiment(written("whole.yaml", **changes))))
    path, rng = written("killed.yaml", **changes), random.Random(0)
    store, target = tmp_path / "killed.db", 0
    for _ in range(2):
        target += rng.randint(8, 16)
        process = _start(path, toy)
        while process.poll() is None and _count(store) < target:
            time.sleep(0.005)
        process.kill()
        process.wait()
        assert _count(store) >= min(target, 48)
    ended = _start(path, toy)
    assert ended.wait(120) == 0
    assert _course(histories(store)) == expected


def _start(path: Path, toy: Path) -> subprocess.Popen[bytes]:
    places = os.pathsep.join([str(toy), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "naslib_zc_plugin", "search", str(path)],
        env={**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _count(store: Path) -> int:
    try:
        return sum(len(entries) for runs in histories(store).values() for entries in runs.values())
    except StoreError:  # not made yet
        return 0


def test_sigterm_stops_soon_and_the_command_goes_on(toy: Path, written: Callable[..., Path], tmp_path: Path) -> None:
    changes: dict[str, Any] = {"space": "toy", "scores": LIVE, "evaluator": {"name": "proxy", "proxy": "naswot"}}
    path = written("small.yaml", **changes, report=None, budget={"evaluations": 100_000})
    process = _start(path, toy)
    while process.poll() is None and _count(tmp_path / "small.db") < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 75
    kept = _count(tmp_path / "small.db")
    assert kept >= 3
    plain = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**plain, "budget": {"evaluations": kept + 2}}))
    assert _start(path, toy).wait(120) == 0
    assert _count(tmp_path / "small.db") == kept + 2


def test_budget_and_repeats_may_grow(experiment: Make, data: Path, tmp_path: Path) -> None:
    whole = _run(experiment(strategy=EVOLUTION, budget={"evaluations": 30}, repeats=3, store="other.db"), data)
    _run(experiment(strategy=EVOLUTION, budget={"evaluations": 7}, repeats=1), data)
    grown = _run(experiment(strategy=EVOLUTION, budget={"evaluations": 30}, repeats=3), data)
    assert grown == whole


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed: 0 → 1"),
        ({"strategy": {**EVOLUTION, "sample": 2}}, "strategy.sample: 3 → 2"),
        ({"evaluator": {"name": "benchmark", "metric": "cifar10_val_200"}}, "cifar10_val_200"),
    ],
)
def test_another_search_under_the_same_label_is_refused(
    experiment: Make, data: Path, changes: Any, message: str
) -> None:
    before = _run(experiment(strategy=EVOLUTION), data)
    with pytest.raises(ValueError) as refused:
        _run(experiment(**{"strategy": EVOLUTION, **changes}), data)
    assert message in str(refused.value) and "--restart" in str(refused.value)
    assert histories(experiment(strategy=EVOLUTION).store) == before


def test_a_history_of_another_version_is_told(experiment: Make, data: Path) -> None:
    first = experiment(budget={"evaluations": 3})
    prepared = load_data(first, data)
    with Journal(first.store) as journal:
        journal.declare({each.config.label: each.provenance() for each in prepared})
        journal.add("random_search", 0, 0, Entry(space("nasbench201").key(0), 1.0, 0.0, 0.0, 0), at_once=True)
        with pytest.raises(Diverged, match=r"small\.db: random_search, repeat 0: step 0 was .*--restart"):
            run_experiment(prepared, journal)


def test_two_experiments_do_not_write_to_one_journal(experiment: Make, data: Path) -> None:
    made = experiment()
    with Journal(made.store), pytest.raises(StoreError, match="another campaign writes to it"):
        _run(made, data)


def test_a_store_of_a_campaign_is_no_journal_and_stays(experiment: Make, data: Path) -> None:
    from naslib_zc_plugin.campaign.store import Store

    made = experiment()
    Store(made.store).close()
    before = Path(made.store).read_bytes()
    with pytest.raises(StoreError, match="no store"):
        _run(made, data)
    assert Path(made.store).read_bytes() == before


# A search that nothing guides --------------------


def test_a_proxy_without_a_score_ends_the_search(toys: Make) -> None:
    area = {"name": "area", "proxy": "head_confidence", "pool": 4, "population": 2}
    with pytest.raises(
        AllFailed, match=r"area, run 1: none of \d architectures has a score: no linear layer is named .*\. Mend that"
    ):
        _run(toys(strategy=area))
    found = _run(toys(strategy={**area, "if_all_fail": "go_on"}))
    assert len(found["area"][0]) == 6


class Broken:
    """An evaluator that fails."""

    costly, metric_names = False, ()

    def __init__(self, config: Any, data: Any, scores: Any) -> None:
        pass

    def __call__(self, key: str) -> Any:
        raise OSError("the disk is full")

    def provenance(self) -> dict[str, Any]:
        return {}

    def notes(self) -> list[str]:
        return []


@pytest.mark.parametrize("host", ["none", "nni"])
def test_an_evaluator_that_always_fails_ends_the_search(
    experiment: Make, data: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host == "nni":
        needs("naslib_zc_plugin.hosts.nni")
    monkeypatch.setitem(EVALUATORS._added, "broken", Broken)
    given: dict[str, Any] = {"evaluator": {"name": "broken"}, "host": host, "report": None}
    reason = "random_search, run 1: none of 10 evaluations has a fitness; the first: OSError: the disk is full"
    for _ in range(2):  # the record is the same
        with pytest.raises(AllFailed, match=reason):
            _run(experiment(**given), data)
    assert len(histories(experiment(**given).store)["random_search"][0]) == 10
    # The same search, of which the rest is wanted.
    found = _run(experiment(**given, strategy={"name": "random_search", "if_all_fail": "go_on"}), data)
    assert len(found["random_search"][0]) == 20


# Journals of before, and what the proxy was worth --------------------


def test_a_warm_up_of_before_goes_on_with_the_population_of_before(experiment: Make, data: Path, scored: Path) -> None:
    warm_up = {"name": "warm_up", "proxy": "naswot", "pool": 60, "evaluate": 10, "around": "aging_evolution"}
    usual = {**warm_up, "around": {"name": "aging_evolution", "population": 100, "sample": 25}}
    given: dict[str, Any] = {"scores": {"table": str(scored)}, "store": "warm.db"}
    whole = experiment(strategy=usual, budget={"evaluations": 130}, **given)
    before = _course(_run(whole, data))
    part = experiment(strategy=usual, budget={"evaluations": 40}, **{**given, "store": "old.db"})
    _run(part, data)
    with sqlite3.connect(part.store) as connection:  # as it was written then
        facts = json.loads(connection.execute("SELECT facts FROM search").fetchone()[0])
        facts["strategy"] = warm_up
        connection.execute("UPDATE search SET facts = ?", (json.dumps(facts),))
        connection.executescript("DROP TABLE seal; PRAGMA user_version = 1")  # there were no checksums
    again = experiment(strategy=warm_up, budget={"evaluations": 130}, **{**given, "store": "old.db"})
    assert _course(_run(again, data)) == before
    new = experiment(strategy=warm_up, budget={"evaluations": 130}, **{**given, "store": "new.db"})
    assert _course(_run(new, data)) != before
    assert _course(_run(new, data)) == _course(histories(new.store))


@pytest.mark.parametrize("live", [False, True])
def test_the_agreement_of_the_proxy_is_in_the_results(
    experiment: Make,
    toys: Make,
    data: Path,
    scored: Path,
    live: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    area: dict[str, Any] = {"name": "area", "proxy": "naswot", "pool": 12, "population": 6, "sample": 2}
    if live:
        made_of = toys(
            strategy=area, evaluator={"name": "proxy", "proxy": "params"}, budget={"evaluations": 8}, repeats=2
        )
    else:
        made_of = experiment(strategy=area, scores={"table": str(scored)}, repeats=2)
    searches = run_searches(made_of, data, restart=False)
    publish_results(made_of, searches, tmp_path / "out", data, "nas-zc search")
    if isinstance(searches[0].scores, LiveScores):
        searches[0].scores.journal = None  # it is closed: scores are computed anew
    both: dict[str, tuple[float, float]] = {}
    for entries in histories(made_of.store)["area"].values():
        known = searches[0].known_scores([entry.key for entry in entries], made_of.store)
        pairs = {entry.key: (known[entry.key], entry.fitness) for entry in entries if entry.key in known}
        assert 6 <= len(pairs) <= len(entries)
        assert all(known[key] == searches[0].score(key).fitness for key in list(pairs)[:3])
        both.update({key: pair for key, pair in pairs.items() if pair[1] is not None})  # type: ignore[misc]
    agreement = proxy_agreement([pair[0] for pair in both.values()], [pair[1] for pair in both.values()])
    printed = capsys.readouterr().out
    assert str(agreement) in printed and "Proxy’s τ: Kendall’s of score and fitness" in printed
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and all(6 <= int(row["proxy_pairs"]) <= agreement.n and row["proxy_tau"] for row in rows)


@pytest.fixture(scope="module")
def scored() -> Path:
    return ROOT / "docs/results/scores/nasbench201_cifar10_whole.parquet"
