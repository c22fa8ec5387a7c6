"""Fronts that a configuration declares: what is evaluated, reported and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from typer.testing import CliRunner

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.configuration import ConfigurationError
from naslib_zc_plugin.search import load_data
from naslib_zc_plugin.search.config import Experiment, load_experiment
from naslib_zc_plugin.search.fronts import FrontSearch
from naslib_zc_plugin.search.journal import histories
from naslib_zc_plugin.spaces.nasbench201 import SPACE

Make = Callable[..., Experiment]
CONFIG = """
space: nasbench201
measure: {name: latency, device: raspi4}
evaluator: {name: benchmark, metric: cifar10_val_200}
scores: {table: "embedded:nasbench201_cifar10_whole"}
budget: {evaluations: 8}
repeats: 2
report: {test: cifar10_test_200}
searches:
  front: {strategy: {name: front, proxy: synflow, candidates: 120, population: 20, along: 6}}
  random: {strategy: {name: random_search}}
"""


def test_what_lies_along_the_front_is_evaluated_and_its_hypervolume_reported(tmp_path: Path) -> None:
    path = tmp_path / "front.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    done = CliRunner().invoke(app, ["search", str(path), "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    recorded = histories(tmp_path / "front.db")
    latency = benchmark("nasbench201").column("cifar10_raspi4_latency_ms")
    (search, _) = load_data(load_experiment(path))
    for repeat, entries in recorded["front"].items():
        made = search.strategy(lambda key: search.score(key).fitness, repeat)
        assert isinstance(made, FrontSearch) and made.measure is not None
        assert [entry.key for entry in entries] == [made.ask() for _ in entries] and 2 <= len(entries) <= 6
        assert made.measure(entries[0].key) == latency[entries[0].key]
        by_latency = sorted(entries, key=lambda entry: latency[entry.key])
        scores = [search.score(entry.key).fitness for entry in by_latency]
        assert scores == sorted(scores)  # along a front the slower one is the better one
    page = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "Fitness and measure" in page and "Hypervolume of fitness" in page
    assert (tmp_path / "out" / "hypervolume.png").stat().st_size > 5000


def test_a_state_goes_on_where_it_stood() -> None:
    def made() -> FrontSearch:
        return FrontSearch(SPACE, score=SPACE.index, measure=len, seed=3, candidates=60, population=10, along=5)

    first, again = made(), made()
    assert first.ask() == again.ask()
    again.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert again.state_dict() == first.state_dict()
    with pytest.raises(ValueError, match="damaged state"):
        again.load_state_dict({**first.state_dict(), "asked": 99})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measure": "params"}, "strategy.proxy is missing"),
        ({"strategy": {"name": "front", "proxy": "synflow"}}, "measure is missing"),
        ({"measure": "parms"}, "no limit is called 'parms'; did you mean params"),
        ({"measure": {"name": "params", "max": 3}}, "without bounds"),
    ],
)
def test_mistakes_are_listed(experiment: Make, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        experiment(**{"strategy": {"name": "front"}, **changes})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"along": 0}, "along must be"),
        ({"candidates": 5}, "at least the population"),
        ({"alone": 3}, "no option 'alone'|alone"),
    ],
)
def test_options_out_of_range(experiment: Make, options: dict[str, Any], message: str) -> None:
    asked = experiment(
        strategy={"name": "front", "proxy": "synflow", **options}, measure={"name": "latency", "device": "raspi4"},
        scores={"table": "embedded:nasbench201_cifar10_whole"},
    )  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=message):
        load_data(asked)
