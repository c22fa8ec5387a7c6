"""Experiments as they are read: what may be written, how layers lie over each other, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable

import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.search.config import Experiment, load, only
from naslib_zc_plugin.search.run import prepare
from tests.conftest import REPOSITORY

Make = Callable[..., Experiment]
CONFIGS = sorted((REPOSITORY / "configs").glob("search_*.yaml"))


def test_a_file_of_one_search(experiment: Make, tmp_path: Path) -> None:
    found = experiment(seed=3)
    (search,) = found.searches
    assert (search.label, search.seed, search.repeats, search.host) == ("random_search", 3, 1, "none")
    assert found.store == str(tmp_path / "small.db")


def test_searches_are_laid_over_the_file_and_variants_over_both(experiment: Make) -> None:
    found = experiment(
        strategy={"name": "aging_evolution", "population": 5},
        searches={"a": {"strategy": {"sample": 2}}, "b": {"strategy": {"name": "random_search"}, "repeats": 4}},
        variants={"one": {}, "two": {"seed": 9}},
    ).searches
    assert [each.label for each in found] == ["a one", "b one", "a two", "b two"] or [each.label for each in found] == [
        "a one",
        "a two",
        "b one",
        "b two",
    ]
    by_label = {each.label: each for each in found}
    assert by_label["a one"].strategy == {"name": "aging_evolution", "population": 5, "sample": 2}
    assert by_label["b two"].strategy == {"name": "random_search"}
    assert (by_label["b two"].repeats, by_label["b two"].seed, by_label["a two"].seed) == (4, 9, 9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stratgy": {}}, "unknown field 'stratgy'; did you mean 'strategy'?"),
        ({"space": "nasbench2001"}, "Did you mean 'nasbench201'?"),
        ({"space": None}, "there is no space"),
        ({"budget": None}, "there is no budget"),
        ({"budget": {"evaluation": 3}}, "budget must be a mapping with evaluations, seconds"),
        ({"budget": {"evaluations": 0}}, "budget must be"),
        ({"budget": {"evaluations": 2.5}}, "budget must be"),
        ({"repeats": 0}, "repeats must be a whole number above 0"),
        ({"repeats": True}, "repeats must be"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"strategy": "area"}, "strategy must be a mapping"),
        ({"strategy": {"name": "aeging_evolution"}}, "did you mean 'aging_evolution'?"),
        ({"strategy": {"name": "area", "preset": "epsilom"}}, "there are epsilon"),
        ({"host": "nnni"}, "host must be one of"),
        ({"report": ["test"]}, "report must be a mapping"),
        ({"published": {"validation": 3}}, "published must be"),
        ({"published": {"test": [1, 2, 3]}}, "published must be"),
        ({"curve": {"of": "test", "best": "any"}}, "curve: best must be by_fitness or highest"),
        ({"curve": {"off": "test"}}, "off"),
        ({"curve": {"of": "tset"}}, "curve: 'tset' is in no report; there are test"),
        ({"curve": {"of": "test", "panels": {"A": ["RS*"]}}}, "no search is called 'RS*'; there are random_search"),
        ({"searches": ["a"]}, "searches must be a mapping"),
        ({"searches": {"a": {"sed": 1}}}, "unknown field 'sed'; did you mean 'seed'?"),
    ],
)
def test_what_cannot_be_is_refused_by_name(written: Callable[..., Path], changes: Any, message: str) -> None:
    path = written(**changes)
    with pytest.raises(ValueError) as refused:
        load(path)
    assert message in str(refused.value) and str(path) in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.system ['true']", "", "- 1"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(DataError, match="a configuration in YAML"):
        load(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": {"name": "random_search", "distnct": True}}, "random_search: strategy 'random_search'"),
        ({"strategy": {"name": "aging_evolution", "mutation": "edges"}}, "unknown mutation rule 'edges'; use 'edge'"),
        ({"strategy": {"name": "area", "pool": 10}}, "area: Area needs score="),
        (
            {"strategy": {"name": "area", "proxy": "naswot"}},
            "scores of naswot: give either table, or images and preset",
        ),
        ({"evaluator": {"name": "benchmrk"}}, "did you mean 'benchmark'?"),
        ({"evaluator": {"name": "benchmark"}}, "metric"),
        ({"evaluator": {"name": "benchmark", "metric": "cifar10_val_13"}}, "did you mean"),
        ({"evaluator": {"name": "benchmark", "metric": "cifar10_params_M"}}, "neither more nor less of it is better"),
        ({"evaluator": {"name": "proxy"}}, "proxy"),
        ({"evaluator": {"name": "training", "images": "digits", "train": 9999, "validate": 9, "epochs": 1}}, "1797"),
    ],
)
def test_what_no_file_can_give_is_refused_before_anything_runs(
    experiment: Make, data: Path, changes: Any, message: str
) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        prepare(experiment(**changes), data)
    assert message in str(refused.value)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_published_searches_find_what_they_need_but_for_scores_to_come(path: Path, shared: Path) -> None:
    whole, ready = load(path, shared / "data"), 0
    assert all(search.report for search in whole.searches)
    for search in whole.searches:
        try:
            ready += len(prepare(only(whole, [search.label]), shared / "data"))
        except ValueError as error:
            assert re.search("no table has scores called '(naswot|grad_norm|snip)'; there are", str(error)), error
    assert ready
