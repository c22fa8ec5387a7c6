"""Random architectures of those that are scored."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Callable

import pytest

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.campaign.run import prepare as begun
from naslib_zc_plugin.campaign.run import run as score
from naslib_zc_plugin.campaign.store import Store
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.drawn import Drawn
from naslib_zc_plugin.search.journal import Journal
from naslib_zc_plugin.search.protocol import notes
from naslib_zc_plugin.search.run import declare, prepare, run
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import strategy
from tests.search.conftest import LIVE

KEYS = [SPACE.key(number) for number in (3, 1414, 15_000)]


def test_drawn() -> None:
    space, rng = Drawn(SPACE, KEYS), Random(0)
    assert {space.sample(rng) for _ in range(50)} == set(KEYS)
    assert space.size == 3
    assert space.neighbours(KEYS[0]) == SPACE.neighbours(KEYS[0])
    for rule in ("edge", "node"):
        assert space.mutate(KEYS[0], Random(1), rule) == SPACE.mutate(KEYS[0], Random(1), rule)
    assert space.mutate(KEYS[0], Random(1)) == SPACE.mutate(KEYS[0], Random(1))


def test_children_are_of_the_whole_space() -> None:
    search = strategy("aging_evolution", Drawn(SPACE, KEYS), population=5, sample=2)
    for _ in range(5):
        key = search.ask()
        assert key in KEYS
        search.tell(key, 1.0)
    assert search.ask() not in KEYS


def test_none() -> None:
    with pytest.raises(ValueError, match="no architecture with a score"):
        Drawn(SPACE, [])


@pytest.fixture
def store(toy: Path, tmp_path: Path) -> Path:
    """A campaign that has scored three toys of five."""
    live: dict[str, Any] = dict(LIVE)
    path = tmp_path / "c.db"
    for number in (3, 5):
        keys = [f"net-{each}" for each in range(number)]
        config = Config(space="toy", architectures=keys, proxies=("naswot",), **live, store=str(path))
        with Store(config.store) as results:
            begun(config, results, extend=True)
            if number == 3:
                score(config, results, engine(config))
    return path


def test_an_experiment(toys: Callable[..., Experiment], store: Path, tmp_path: Path) -> None:
    random = {"name": "random_search", "distinct": True}
    experiment = toys(scores={"table": str(store)}, draw="scored", strategy=random, budget={"evaluations": 9})
    (search,) = prepared = prepare(experiment)
    assert search.facts["draw"] == "scored" and "Drawn at random from those that are scored." in notes(prepared)
    with Journal(tmp_path / "journal.db") as journal:
        declare(prepared, journal)
        run(prepared, journal)
        asked = [entry.key for entry in journal.history("random_search", 0)]
    assert sorted(asked) == ["net-0", "net-1", "net-2"]
