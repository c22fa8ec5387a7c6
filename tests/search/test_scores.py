"""Scores from tables and scores made when they are asked for: the same numbers, by the same direction."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Callable

import pytest

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.campaign.run import prepare, run
from naslib_zc_plugin.campaign.store import Store, records
from naslib_zc_plugin.search import load_data, run_experiment
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.evaluators.proxy import LiveScores, ScoredSubset, TableScores, load_scores
from naslib_zc_plugin.search.journal import Journal, ProxyScore
from naslib_zc_plugin.search.results import method_notes
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import strategy
from naslib_zc_plugin.table import STATUSES
from tests.search.conftest import LIVE

Make = Callable[..., Experiment]
KEYS = [f"net-{number}" for number in range(4)]
PROXIES = ["naswot", "snip", "ntk", {"name": "snip", "label": "again"}]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of a campaign on a few toys that is done."""
    live: dict[str, Any] = dict(LIVE)
    path = tmp_path_factory.mktemp("campaign") / "c.db"
    information = path.parent / "site" / "toy_space-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-space\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[naslib_zc_plugin.spaces]\ntoy = tests.campaign.toy:SPACE\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(information.parent))
        config = Config(space="toy", architectures=KEYS, proxies=tuple(PROXIES), **live, store=str(path))
        with Store(config.store) as results:
            prepare(config, results)
            run(config, results, engine(config))
    return path


def _search(make: Make, proxy: Any, given: Any) -> Any:
    strategy = {"name": "area", "proxy": proxy, "pool": 10}
    return make(strategy=strategy, evaluator={"name": "benchmark", "metric": "x"}, scores=given).searches[0]


@pytest.mark.parametrize("proxy", ["naswot", "snip", "ntk"])
def test_a_table_and_scores_made_now_are_alike(toys: Make, store: Path, proxy: str) -> None:
    table, live = load_scores(_search(toys, proxy, {"table": str(store)})), load_scores(_search(toys, proxy, LIVE))
    assert isinstance(table, TableScores) and isinstance(live, LiveScores)
    sign = -1 if proxy == "ntk" else 1
    values = {row["key"]: row["value"] for row in records(store) if row["proxy"] == proxy}
    for key in KEYS:
        worth = None if values[key] is None else sign * values[key]
        assert table(proxy, key).fitness == live(proxy, key).fitness == worth
    assert table(proxy, "net-99") == ProxyScore(None, STATUSES[0], "the table does not have it", 0.0)


def test_what_is_wrong_with_a_source_is_told(toys: Make, store: Path) -> None:
    with pytest.raises(ValueError, match=r"no table has scores called 'zen'; there are again, naswot, ntk, snip"):
        load_scores(_search(toys, "zen", {"table": str(store)}))
    with pytest.raises(ValueError, match="has scores of toy, not of nasbench201"):
        TableScores([str(store)], ["snip"], "nasbench201")
    with pytest.raises(ValueError, match="give either table, or images and preset"):
        load_scores(_search(toys, "snip", {"table": str(store), "images": "digits"}))


def test_scores_are_remembered_by_what_made_them(toys: Make, tmp_path: Path) -> None:
    with Journal(tmp_path / "memory.db") as journal:
        found = []
        for given in (LIVE, {**LIVE, "seed": 5}):
            live = load_scores(_search(toys, "snip", given))
            assert isinstance(live, LiveScores)
            live.journal = journal
            found.append(live("snip", "net-3"))
        assert found[0].fitness != found[1].fitness
        again = load_scores(_search(toys, "snip", LIVE))
        assert isinstance(again, LiveScores)
        again.journal = journal
        assert again("snip", "net-3") == found[0]  # seconds included: it was not made anew


def test_provably_identical_architectures_share_a_score(toys: Make) -> None:
    live = load_scores(_search(toys, "snip", LIVE))
    assert live is not None and live("snip", "net-6000").fitness == live("snip", "net-6001").fitness


def test_seconds_that_are_charged(toys: Make, store: Path) -> None:
    table = load_scores(_search(toys, "naswot", {"table": str(store), "seconds": 0.25}))
    assert isinstance(table, TableScores)
    assert [table("naswot", key).seconds for key in KEYS] == [0.25] * 4
    assert table.provenance()["naswot"]["charged"] == 0.25 and "; each is charged 0.25 s" in table.notes()[0]
    assert "charged" not in TableScores([str(store)], ["naswot"], "toy").provenance()["naswot"]


def test_a_table_that_is_not_there_is_passed_over(store: Path) -> None:
    table = TableScores(["nowhere.parquet", str(store)], ["naswot"], "toy")
    assert table("naswot", KEYS[0]) == TableScores([str(store)], ["naswot"], "toy")("naswot", KEYS[0])
    with pytest.raises(ValueError, match="no such file"):
        TableScores(["nowhere.parquet", "neither.parquet"], ["naswot"], "toy")


# Random architectures of those that are scored --------------------

SOME = [SPACE.key(number) for number in (3, 1414, 15_000)]


def test_a_subset() -> None:
    space, rng = ScoredSubset(SPACE, SOME), Random(0)
    assert {space.sample(rng) for _ in range(50)} == set(SOME)
    assert space.size == 3
    assert space.neighbours(SOME[0]) == SPACE.neighbours(SOME[0])
    for rule in ("edge", "node"):
        assert space.mutate(SOME[0], Random(1), rule) == SPACE.mutate(SOME[0], Random(1), rule)
    assert space.mutate(SOME[0], Random(1)) == SPACE.mutate(SOME[0], Random(1))


def test_children_are_of_the_whole_space() -> None:
    search = strategy("aging_evolution", ScoredSubset(SPACE, SOME), population=5, sample=2)
    for _ in range(5):
        key = search.ask()
        assert key in SOME
        search.tell(key, 1.0)
    assert search.ask() not in SOME


def test_a_subset_of_nothing() -> None:
    with pytest.raises(ValueError, match="no architecture with a score"):
        ScoredSubset(SPACE, [])


@pytest.fixture
def unfinished(toy: Path, tmp_path: Path) -> Path:
    """A campaign that has scored three toys of five."""
    live: dict[str, Any] = dict(LIVE)
    path = tmp_path / "c.db"
    for number in (3, 5):
        keys = [f"net-{each}" for each in range(number)]
        config = Config(space="toy", architectures=keys, proxies=("naswot",), **live, store=str(path))
        with Store(config.store) as results:
            prepare(config, results, extend=True)
            if number == 3:
                run(config, results, engine(config))
    return path


def test_an_experiment_draws_those_that_are_scored(
    toys: Callable[..., Experiment], unfinished: Path, tmp_path: Path
) -> None:
    random = {"name": "random_search", "distinct": True}
    experiment = toys(scores={"table": str(unfinished)}, draw="scored", strategy=random, budget={"evaluations": 9})
    (search,) = prepared = load_data(experiment)
    assert search.provenance()["draw"] == "scored" and "Drawn at random from those that are scored." in method_notes(
        prepared
    )
    with Journal(tmp_path / "journal.db") as journal:
        run_experiment(prepared, journal)
        asked = [entry.key for entry in journal.history("random_search", 0)]
    assert sorted(asked) == ["net-0", "net-1", "net-2"]
