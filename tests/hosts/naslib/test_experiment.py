"""Searches of ours that NASLib runs: the same history, errors that come out, and nothing left behind."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from naslib_zc_plugin import strategies
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.hosts import drive, hosts, none
from naslib_zc_plugin.search.journal import histories
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib.needs import TREE, needs

needs("naslib.defaults.trainer")

STRATEGIES: dict[str, dict[str, Any]] = {
    "random_search": {"distinct": True},
    "aging_evolution": {"population": 10, "sample": 3},
    "area": {"preset": "area", "pool": 50},
    "warm_up": {"pool": 50, "evaluate": 10, "around": "aging_evolution"},
    "move": {"population": 8},
}


def number(key: str) -> float | None:
    place = SPACE.index(key) * 7919 % 15_625
    return None if place % 9 == 0 else float("nan") if place % 11 == 0 else float(place)


def history(loop: Callable[..., None], name: str, steps: int = 80) -> tuple[list[str], dict[str, Any]]:
    asked: list[str] = []
    strategy = strategies.strategy(name, SPACE, score=number, seed="0/1", **STRATEGIES[name])

    def evaluate(key: str) -> float | None:
        asked.append(key)
        return number(key)

    loop(strategy, evaluate, lambda: len(asked) < steps, "nasbench201")
    return asked, strategy.state_dict()


@pytest.mark.parametrize("name", STRATEGIES)
def test_histories_are_equal(name: str) -> None:
    assert "naslib" in hosts()
    assert history(drive("naslib"), name) == history(none.drive, name)


def test_nothing_is_asked_where_nothing_is_wanted() -> None:
    assert history(drive("naslib"), "random_search", 0) == history(none.drive, "random_search", 0)


def test_an_exhausted_strategy_ends_the_search() -> None:
    class Three:
        size = 3

        def sample(self, rng: Any) -> str:
            return SPACE.key(rng.randrange(3))

    asked: list[str] = []
    space: Any = Three()

    def evaluate(key: str) -> float:
        asked.append(key)
        return 1.0

    drive("naslib")(strategies.strategy("random_search", space, distinct=True), evaluate, lambda: True, "nasbench201")
    assert len(asked) == len(set(asked)) == 3


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_errors_of_the_caller_come_out(error: BaseException) -> None:
    strategy = strategies.strategy("aging_evolution", SPACE, population=2)
    told: list[str] = []

    def evaluate(key: str) -> float:
        if len(told) == 3:
            raise error
        told.append(key)
        return 1.0

    level = logging.getLogger("naslib").level
    with pytest.raises(type(error)) as caught:
        drive("naslib")(strategy, evaluate, lambda: True, "nasbench201")
    assert caught.value is error
    assert logging.getLogger("naslib").level == level


def test_a_search_within_a_search() -> None:
    """NASLib's graph is shared by all searches of a process: it holds one key at a time, and none between two."""
    alone = history(none.drive, "aging_evolution", 6)
    asked: list[str] = []
    strategy = strategies.strategy("aging_evolution", SPACE, seed="0/1", **STRATEGIES["aging_evolution"])

    def evaluate(key: str) -> float | None:
        asked.append(key)
        assert history(drive("naslib"), "move", 3) == history(none.drive, "move", 3)
        return number(key)

    drive("naslib")(strategy, evaluate, lambda: len(asked) < 6, "nasbench201")
    assert (asked, strategy.state_dict()) == alone


def test_evaluations_draw_what_they_draw_without_naslib() -> None:
    def drawn(loop: Callable[..., None]) -> list[Any]:
        random.seed(1)
        np.random.seed(2)
        torch.manual_seed(3)
        found: list[tuple[float, float, float]] = []

        def evaluate(key: str) -> float:
            found.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
            return found[-1][0]

        loop(strategies.strategy("random_search", SPACE), evaluate, lambda: len(found) < 3, "nasbench201")
        return [*found, random.random(), float(np.random.rand()), float(torch.rand(()))]

    assert drawn(drive("naslib")) == drawn(none.drive)


def test_a_space_that_naslib_does_not_have() -> None:
    with pytest.raises(ValueError, match="NASLib runs searches of the space nasbench201, not 'other'"):
        drive("naslib")(strategies.strategy("random_search", SPACE), number, lambda: True, "other")


def test_without_naslib_it_says_how_to_get_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['naslib'] = None\n"
        "from naslib_zc_plugin import hosts, search, spaces\n"
        "strategy = search.strategy('random_search', spaces.space('nasbench201'))\n"
        "hosts.drive('naslib')(strategy, lambda key: 1.0, lambda: True, 'nasbench201')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ImportError: NASLib as a host needs naslib, not found: git clone" in done.stderr


def test_a_configuration_names_it(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["search", str(path), "--data", str(shared / "data"), "--output", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    runs = histories(tmp_path / "search.db")
    assert set(runs) == {f"{strategy} {host}" for strategy in ("RS", "AE") for host in ("ours", "theirs")}
    for strategy in ("RS", "AE"):
        assert runs[f"{strategy} ours"] == runs[f"{strategy} theirs"]
        assert [len(entries) for entries in runs[f"{strategy} ours"].values()] == [60, 60]
    assert "in the loop of naslib" in done.stdout


CONFIG = """
space: nasbench201
evaluator: {name: benchmark, metric: cifar10_val_12}
budget: {evaluations: 60}
repeats: 2
searches:
  RS: {strategy: {name: random_search}}
  AE: {strategy: {name: aging_evolution, preset: nats_bench}}
variants:
  ours: {host: none}
  theirs: {host: naslib}
"""


def test_nothing_is_left_behind_nor_printed(tmp_path: Path) -> None:
    code = (
        "import logging, sys\n"
        f"sys.path.append({str(TREE)!r})\n"
        "from naslib_zc_plugin.hosts import drive\n"
        "from naslib_zc_plugin import search, spaces\n"
        "space, left = spaces.space('nasbench201'), list(range(20))\n"
        "drive('naslib')(search.strategy('random_search', space), lambda key: 1.0, lambda: left and (left.pop(), True),"
        " 'nasbench201')\n"
        "from naslib.utils.log import setup_logger\n"
        "logger = setup_logger()\n"
        "before = logger.level, list(logger.handlers)\n"
        "left = list(range(20))\n"
        "drive('naslib')(search.strategy('random_search', space), lambda key: 1.0, lambda: left and (left.pop(), True),"
        " 'nasbench201')\n"
        "assert before == (logger.level, list(logger.handlers))\n"
    )
    folders = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "MPLCONFIGDIR": str(tmp_path / "mpl")}
    (tmp_path / "work").mkdir()
    for folder in folders.values():
        Path(folder).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **folders},
        cwd=tmp_path / "work",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    left = [
        path for name in ("home", "tmp", "work") for path in (tmp_path / name).rglob("*") if "torch" not in str(path)
    ]
    assert left == []
