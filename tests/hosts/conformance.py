"""The laws of a host that runs whole searches: the history is that of the loop without a host, and nothing is left."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from naslib_zc_plugin import strategies
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.search.journal import histories
from naslib_zc_plugin.search.loop import HOSTS, RunSearch
from naslib_zc_plugin.spaces.nasbench201 import SPACE

STRATEGIES: dict[str, dict[str, Any]] = {
    "random_search": {"distinct": True},
    "aging_evolution": {"population": 10, "sample": 3},
    "area": {"preset": "area", "pool": 50},
    "warm_up": {"pool": 50, "evaluate": 10, "around": "aging_evolution"},
    "move": {"population": 8},
}


def fitness(key: str) -> float | None:
    """A number per key; of some none, of some NaN."""
    place = SPACE.index(key) * 7919 % 15_625
    return None if place % 9 == 0 else float("nan") if place % 11 == 0 else float(place)


def history(loop: RunSearch, name: str, steps: int = 80) -> tuple[list[str], dict[str, Any]]:
    """The keys that a search evaluates, and its strategy's state afterwards."""
    asked: list[str] = []
    strategy = strategies.strategy(name, SPACE, score=fitness, seed="0/1", **STRATEGIES[name])

    def evaluate(key: str) -> float | None:
        asked.append(key)
        return fitness(key)

    loop(strategy, evaluate, lambda: len(asked) < steps, "nasbench201")
    return asked, strategy.state_dict()


class HostConformance:
    """Inherit it and name the host.

    Attributes:
        host: its name; the tests are skipped by the subclass's module where it is not installed.
        refusal: message for a space that it does not have.
        paths: of its source, where it is not installed.
    """

    host: ClassVar[str]
    refusal: ClassVar[str]
    paths: ClassVar[tuple[str, ...]] = ()

    @property
    def loop(self) -> RunSearch:
        """The host's loop."""
        return HOSTS.load(self.host)

    @property
    def plain(self) -> RunSearch:
        """The loop without a host."""
        return HOSTS.load("none")

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_histories_are_equal(self, name: str) -> None:
        assert history(self.loop, name) == history(self.plain, name)

    def test_nothing_is_asked_without_a_budget(self) -> None:
        assert history(self.loop, "random_search", 0) == history(self.plain, "random_search", 0)

    def test_an_exhausted_strategy_ends_the_search(self) -> None:
        class Three:
            size = 3

            def sample(self, rng: Any) -> str:
                return SPACE.key(rng.randrange(3))

        asked: list[str] = []
        space: Any = Three()

        def evaluate(key: str) -> float:
            asked.append(key)
            return 1.0

        self.loop(strategies.strategy("random_search", space, distinct=True), evaluate, lambda: True, "nasbench201")
        assert len(asked) == len(set(asked)) == 3

    @pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
    def test_errors_of_the_caller_come_out(self, error: BaseException) -> None:
        strategy = strategies.strategy("aging_evolution", SPACE, population=2)
        told: list[str] = []

        def evaluate(key: str) -> float:
            if len(told) == 3:
                raise error
            told.append(key)
            return 1.0

        level = logging.getLogger(self.host).level
        with pytest.raises(type(error)) as caught:
            self.loop(strategy, evaluate, lambda: True, "nasbench201")
        assert caught.value is error
        assert logging.getLogger(self.host).level == level

    def test_a_configuration_with_limits(self, tmp_path: Path) -> None:
        """Tables of the package: what is drawn, scored, evaluated and reported is what it is without a host."""
        found = {}
        for host in ("none", self.host):
            path = tmp_path / host / "limits.yaml"
            path.parent.mkdir()
            path.write_text(_LIMITS + f"host: {host}\n", encoding="utf-8")
            done = CliRunner().invoke(app, ["search", str(path), "--output", str(path.parent / "out")])
            assert done.exit_code == 0, done.output
            table = (path.parent / "out" / "results.csv").read_text(encoding="utf-8")
            found[host] = histories(path.parent / "limits.db"), table
        assert found["none"] == found[self.host]
        latency = benchmark("nasbench201").column("cifar10_raspi4_latency_ms")
        evaluated = [entry.key for runs in found[self.host][0].values() for run in runs.values() for entry in run]
        assert len(evaluated) == 4 * 2 * 30 and max(latency[key] for key in evaluated) <= 12

    def test_a_search_within_a_search(self) -> None:
        """What a host keeps in a process, such as one graph for all searches, holds one key at a time."""
        alone = history(self.plain, "aging_evolution", 6)
        asked: list[str] = []
        strategy = strategies.strategy("aging_evolution", SPACE, seed="0/1", **STRATEGIES["aging_evolution"])

        def evaluate(key: str) -> float | None:
            asked.append(key)
            assert history(self.loop, "move", 3) == history(self.plain, "move", 3)
            return fitness(key)

        self.loop(strategy, evaluate, lambda: len(asked) < 6, "nasbench201")
        assert (asked, strategy.state_dict()) == alone

    def test_evaluations_draw_what_they_draw_without_the_host(self) -> None:
        def drawn(loop: RunSearch) -> list[Any]:
            random.seed(1)
            np.random.seed(2)
            torch.manual_seed(3)
            found: list[tuple[float, float, float]] = []

            def evaluate(key: str) -> float:
                found.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
                return found[-1][0]

            loop(strategies.strategy("random_search", SPACE), evaluate, lambda: len(found) < 3, "nasbench201")
            return [*found, random.random(), float(np.random.rand()), float(torch.rand(()))]

        assert drawn(self.loop) == drawn(self.plain)

    def test_a_space_that_the_host_does_not_have(self) -> None:
        with pytest.raises(ValueError) as caught:
            self.loop(strategies.strategy("random_search", SPACE), fitness, lambda: True, "other")
        assert str(caught.value) == self.refusal

    def test_nothing_is_left_behind_nor_printed(self, tmp_path: Path) -> None:
        (tmp_path / "work").mkdir()
        folders = {name: tmp_path / name for name in ("HOME", "TMPDIR", "MPLCONFIGDIR")}
        for folder in folders.values():
            folder.mkdir()
        code = _SEARCHES.format(host=self.host, paths=self.paths)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path / "work",
            env={**os.environ, **{name: str(folder) for name, folder in folders.items()}},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout + done.stderr == ""
        left = [path for name in ("HOME", "TMPDIR", "work") for path in (tmp_path / name).rglob("*")]
        assert [path for path in left if not {"torch", "matplotlib"} & set(str(path.name).split("_"))] == []


_LIMITS = """
space: nasbench201
evaluator: {name: benchmark, metric: cifar10_val_200}
scores: {table: "embedded:nasbench201_cifar10_whole"}
constraints: {latency: {device: raspi4, max: 12}, naswot: ">= 1"}
budget: {evaluations: 30}
repeats: 2
report: {test: cifar10_test_200}
searches:
  RS: {strategy: {name: random_search, distinct: true}}
  AE: {strategy: {name: aging_evolution, population: 8, sample: 3}}
  warm-up: {strategy: {name: warm_up, proxy: synflow, pool: 60, evaluate: 15, around: aging_evolution, trust: auto}}
  move: {strategy: {name: move, proxy: synflow, population: 8, kind: children, trust: auto}}
"""
_SEARCHES = """
import logging, sys
sys.path.extend({paths!r})
from naslib_zc_plugin import spaces, strategies
from naslib_zc_plugin.hosts import HOSTS
space, log = spaces.space("nasbench201"), logging.getLogger({host!r})
for again in range(2):
    left = list(range(20))
    before = log.level, list(log.handlers)
    strategy = strategies.strategy("random_search", space)
    HOSTS.load({host!r})(strategy, lambda key: 1.0, lambda: left and (left.pop(), True), "nasbench201")
    assert not again or before == (log.level, list(log.handlers))
"""
