"""Scores from tables and scores made when they are asked for: the same numbers, by the same direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.campaign.export import records
from naslib_zc_plugin.campaign.run import prepare, run
from naslib_zc_plugin.campaign.store import Store
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.journal import Journal
from naslib_zc_plugin.search.scores import LiveScores, Scored, TableScores, scores
from tests.search.conftest import LIVE

Make = Callable[..., Experiment]
KEYS = [f"net-{number}" for number in range(4)]
PROXIES = ["naswot", "snip", "ntk", {"name": "snip", "label": "again"}]


@pytest.fixture
def store(toy: Path, tmp_path: Path) -> Path:
    """A campaign on a few toys that is done."""
    live: dict[str, Any] = dict(LIVE)
    config = Config(space="toy", architectures=KEYS, proxies=tuple(PROXIES), **live, store=str(tmp_path / "c.db"))
    with Store(config.store) as results:
        prepare(config, results)
        run(config, results, engine(config))
    return tmp_path / "c.db"


def _search(make: Make, proxy: Any, given: Any) -> Any:
    strategy = {"name": "area", "proxy": proxy, "pool": 10}
    return make(strategy=strategy, evaluator={"name": "benchmark", "metric": "x"}, scores=given).searches[0]


@pytest.mark.parametrize("proxy", ["naswot", "snip", "ntk"])
def test_a_table_and_scores_made_now_are_alike(toys: Make, store: Path, proxy: str) -> None:
    table, live = scores(_search(toys, proxy, {"table": str(store)})), scores(_search(toys, proxy, LIVE))
    assert isinstance(table, TableScores) and isinstance(live, LiveScores)
    sign = -1 if proxy == "ntk" else 1
    values = {row["key"]: row["value"] for row in records(store) if row["proxy"] == proxy}
    for key in KEYS:
        worth = None if values[key] is None else sign * values[key]
        assert table(proxy, key).worth == live(proxy, key).worth == worth
    assert table(proxy, "net-99") == Scored(None, "left", "the table does not have it", 0.0)


def test_what_is_wrong_with_a_source_is_told(toys: Make, store: Path) -> None:
    with pytest.raises(ValueError, match=r"no table has scores called 'zen'; there are again, naswot, ntk, snip"):
        scores(_search(toys, "zen", {"table": str(store)}))
    with pytest.raises(ValueError, match="has scores of toy, not of nasbench201"):
        TableScores([str(store)], ["snip"], "nasbench201")
    with pytest.raises(ValueError, match="give either table, or images and preset"):
        scores(_search(toys, "snip", {"table": str(store), "images": "digits"}))


def test_scores_are_remembered_by_what_made_them(toys: Make, tmp_path: Path) -> None:
    with Journal(tmp_path / "memory.db") as journal:
        found = []
        for given in (LIVE, {**LIVE, "seed": 5}):
            live = scores(_search(toys, "snip", given))
            assert isinstance(live, LiveScores)
            live.memory = journal
            found.append(live("snip", "net-3"))
        assert found[0].worth != found[1].worth
        again = scores(_search(toys, "snip", LIVE))
        assert isinstance(again, LiveScores)
        again.memory = journal
        assert again("snip", "net-3") == found[0]  # seconds included: it was not made anew


def test_provably_identical_architectures_share_a_score(toys: Make) -> None:
    live = scores(_search(toys, "snip", LIVE))
    assert live is not None and live("snip", "net-6000").worth == live("snip", "net-6001").worth


def test_seconds_that_are_charged(toys: Make, store: Path) -> None:
    table = scores(_search(toys, "naswot", {"table": str(store), "seconds": 0.25}))
    assert isinstance(table, TableScores)
    assert [table("naswot", key).seconds for key in KEYS] == [0.25] * 4
    assert table.facts()["naswot"]["charged"] == 0.25 and "; each is charged 0.25 s" in table.notes()[0]
    assert "charged" not in TableScores([str(store)], ["naswot"], "toy").facts()["naswot"]
    for wrong in (-1, "much"):
        with pytest.raises(ValueError, match="seconds must be a number, at least 0"):
            scores(_search(toys, "naswot", {"table": str(store), "seconds": wrong}))


def test_a_table_that_is_not_there_is_passed_over(store: Path) -> None:
    table = TableScores(["nowhere.parquet", str(store)], ["naswot"], "toy")
    assert table("naswot", KEYS[0]) == TableScores([str(store)], ["naswot"], "toy")("naswot", KEYS[0])
    with pytest.raises(ValueError, match="no such file"):
        TableScores(["nowhere.parquet", "neither.parquet"], ["naswot"], "toy")
