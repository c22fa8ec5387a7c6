"""Searches of ours that NNI runs: the same history, errors that come out, and nothing left behind."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts import drive, hosts, none
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.nni.needs import needs

needs("nni")

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


def history(loop: Callable[..., None], name: str) -> tuple[list[str], dict[str, Any]]:
    asked: list[str] = []
    strategy = strategies.strategy(name, SPACE, score=number, seed="0/1", **STRATEGIES[name])

    def evaluate(key: str) -> float | None:
        asked.append(key)
        return number(key)

    loop(strategy, evaluate, lambda: len(asked) < 80, "nasbench201")
    return asked, strategy.state_dict()


@pytest.mark.parametrize("name", STRATEGIES)
def test_histories_are_equal(name: str) -> None:
    assert "nni" in hosts()
    assert history(drive("nni"), name) == history(none.drive, name)


def test_an_exhausted_strategy_ends_the_search() -> None:
    class Three:
        size = 3

        def sample(self, rng: Any) -> str:
            return SPACE.key(rng.randrange(3))

    asked: list[str] = []

    def evaluate(key: str) -> float:
        asked.append(key)
        return 1.0

    drive("nni")(strategies.strategy("random_search", Three(), distinct=True), evaluate, lambda: True, "nasbench201")
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

    level = logging.getLogger("nni").level
    with pytest.raises(type(error)) as caught:
        drive("nni")(strategy, evaluate, lambda: True, "nasbench201")
    assert caught.value is error
    assert logging.getLogger("nni").level == level


def test_a_space_that_nni_does_not_have() -> None:
    with pytest.raises(ValueError, match="NNI has the space nasbench201, not 'other'"):
        drive("nni")(strategies.strategy("random_search", SPACE), number, lambda: True, "other")


def test_nothing_is_left_behind_nor_printed(tmp_path: Path) -> None:
    code = (
        "from naslib_zc_plugin.hosts import drive\n"
        "from naslib_zc_plugin import search, spaces\n"
        "space, left = spaces.space('nasbench201'), list(range(20))\n"
        "drive('nni')(search.strategy('random_search', space), lambda key: 1.0, lambda: left and (left.pop(), True),"
        " 'nasbench201')\n"
    )
    folders = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "MPLCONFIGDIR": str(tmp_path / "mpl")}
    for folder in folders.values():
        Path(folder).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **folders}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    assert [*(tmp_path / "home").rglob("*nni*"), *(tmp_path / "tmp").iterdir()] == []
