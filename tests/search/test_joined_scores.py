"""Aggregates as the proxy of a search: one number per architecture, in a sample of the space, whatever happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Callable

import numpy as np
import pytest

from naslib_zc_plugin.aggregates import places
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.campaign.run import prepare, run
from naslib_zc_plugin.campaign.store import Store, read_table
from naslib_zc_plugin.search import load_data, run_experiment
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.evaluators.proxy import LiveScores, TableScores, load_scores
from naslib_zc_plugin.search.journal import Journal, histories
from naslib_zc_plugin.spaces import space
from tests.search.conftest import LIVE

Make = Callable[..., Experiment]
AGGREGATE = "log_rank_sum:naswot,snip,synflow"
MEMBERS = ["naswot", "snip", "synflow"]
SAMPLE = {**LIVE, "sample": 12}
EVALUATOR = {"name": "proxy", "proxy": AGGREGATE}


def _config(path: Path, keys: Sequence[str], proxies: Sequence[Any]) -> Config:
    live: dict[str, Any] = dict(LIVE)
    return Config(space="toy", architectures=list(keys), proxies=tuple(proxies), **live, store=str(path))


def _campaign(path: Path, keys: Sequence[str], proxies: Sequence[Any]) -> None:
    config = _config(path, keys, proxies)
    with Store(path) as results:
        prepare(config, results)
        run(config, results, engine(config))


@pytest.fixture
def keys() -> list[str]:
    """The sample, and two others."""
    rng, found = Random("0 sample"), dict[str, None]()
    while len(found) < 12:
        found[space("toy").canonical(space("toy").sample(rng))] = None
    return [*found, *[key for key in ("net-1", "net-2", "net-3") if key not in found][:2]]


def test_live_scores_are_ranks_in_a_sample_drawn_by_the_seed(
    toys: Make, toy: Path, tmp_path: Path, keys: list[str]
) -> None:
    live = load_scores(toys(evaluator=EVALUATOR, scores=SAMPLE).searches[0])
    assert isinstance(live, LiveScores)
    found = [live(AGGREGATE, key) for key in keys]
    _campaign(tmp_path / "c.db", keys, MEMBERS)
    table = read_table(tmp_path / "c.db")
    rows = [table.keys.index(key) for key in keys]
    scores = np.stack([np.nan_to_num(table[label].values[rows], nan=-math.inf) for label in MEMBERS])
    expected = np.log(places(scores, scores[:, :12]) / 12).sum(axis=0)
    assert [each.fitness for each in found] == pytest.approx(expected.tolist())
    assert {each.status for each in found} == {"ok"}
    assert live.provenance()["sample"] == 12
    assert "joined by their ranks in a random sample of 12 architectures" in live.notes()[1]
    # Once more, in another order: no number depends on what else was scored.
    again = load_scores(toys(evaluator=EVALUATOR, scores=SAMPLE).searches[0])
    assert again is not None and [again(AGGREGATE, key).fitness for key in keys[::-1]] == [
        each.fitness for each in found[::-1]
    ]


def test_a_table_joins_its_columns(toys: Make, toy: Path, tmp_path: Path, keys: list[str]) -> None:
    _campaign(tmp_path / "c.db", keys, MEMBERS)
    given = {"table": str(tmp_path / "c.db"), "sample": 100}
    table = load_scores(toys(evaluator=EVALUATOR, scores=given).searches[0])
    assert isinstance(table, TableScores)
    scores = read_table(tmp_path / "c.db")
    matrix = np.stack([np.nan_to_num(scores[label].values, nan=-math.inf) for label in MEMBERS])
    expected = np.log(places(matrix, matrix) / len(scores)).sum(axis=0)
    assert [table(AGGREGATE, key).fitness for key in scores.keys] == pytest.approx(expected.tolist())
    one = table(AGGREGATE, keys[0])
    assert one.seconds == pytest.approx(sum(table(label, keys[0]).seconds for label in MEMBERS))
    other = table(AGGREGATE, "net-77")
    assert (other.fitness, other.status, other.reason) == (None, "pending", "naswot: the table does not have it")
    charged = load_scores(toys(evaluator=EVALUATOR, scores={**given, "seconds": 0.5}).searches[0])
    assert charged is not None
    assert charged(AGGREGATE, keys[0]).seconds == 0.5
    assert charged.upfront([AGGREGATE, "naswot"]) == 0.5 * len(keys)
    with pytest.raises(ValueError, match="no table has scores called 'zen'"):
        load_scores(toys(evaluator={**EVALUATOR, "proxy": "rank_sum:zen,snip"}, scores=given).searches[0])


def test_stopped_at_every_step_it_ends_with_the_same_history(toys: Make, tmp_path: Path) -> None:
    area = {"name": "area", "proxy": AGGREGATE, "pool": 8, "population": 3, "sample": 2}
    given = {"strategy": area, "evaluator": {"name": "proxy", "proxy": AGGREGATE}, "scores": SAMPLE, "seed": 3}

    def history(path: Path, steps: Sequence[int]) -> list[Any]:
        for step in steps:  # loaded anew each time
            experiment = toys(**given, budget={"evaluations": step})
            with Journal(path) as journal:
                run_experiment(load_data(experiment), journal)
        return [(each.key, each.fitness) for each in histories(path)["area"][0]]

    whole = history(tmp_path / "whole.db", [7])
    assert len(whole) == 7 and all(fitness is not None for _, fitness in whole)
    assert history(tmp_path / "parts.db", [1, 2, 5, 7]) == whole


def test_the_sample_is_charged_before_the_first_step(toys: Make, tmp_path: Path) -> None:
    experiment = toys(evaluator=EVALUATOR, scores=SAMPLE, budget={"evaluations": 2}, repeats=2)
    prepared = load_data(experiment)
    with Journal(tmp_path / "j.db") as journal:
        run_experiment(prepared, journal)
    scores = prepared[0].scores
    assert scores is not None
    upfront = scores.upfront([AGGREGATE])
    assert upfront > 0
    for run_ in histories(tmp_path / "j.db")["random_search"].values():
        assert run_[0].clock == pytest.approx(upfront + run_[0].seconds)
        assert run_[1].clock == pytest.approx(run_[0].clock + run_[1].seconds)


def test_scores_in_a_journal_are_joined_without_scoring(
    toys: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = {"name": "area", "proxy": AGGREGATE, "pool": 6, "population": 3, "sample": 2}
    experiment = toys(strategy=area, evaluator={"name": "proxy", "proxy": "naswot"}, scores=SAMPLE)
    with Journal(tmp_path / "j.db") as journal:
        prepared = load_data(experiment)
        run_experiment(prepared, journal)
    entries = histories(tmp_path / "j.db")["area"][0][:3]
    fresh = load_data(experiment)[0]
    monkeypatch.setattr(LiveScores, "_scores", lambda *_: pytest.fail("it was scored"))
    found = fresh.known_scores([entry.key for entry in entries], tmp_path / "j.db")
    assert set(found) == {entry.key for entry in entries} and all(map(math.isfinite, found.values()))
    # The pool's best come first.
    assert [found[entry.key] for entry in entries] == sorted(found.values(), reverse=True)


def test_a_campaign_takes_a_recipe_for_its_members(toy: Path, tmp_path: Path) -> None:
    config = _config(tmp_path / "c.db", ["net-1"], ["vote", {"name": "snip", "label": "other"}])
    assert list(config.requests()) == ["synflow", "jacov", "snip", "other"]
    twice = _config(tmp_path / "c.db", ["net-1"], ["snip", "vote"])
    assert list(twice.requests()) == ["snip", "synflow", "jacov"]
    with pytest.raises(ValueError, match="aggregate 'rank_sum' needs one proxy or more"):
        _config(tmp_path / "c.db", ["net-1"], ["rank_sum"])
