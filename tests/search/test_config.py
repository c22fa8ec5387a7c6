"""Experiments as they are read: what may be written, how layers lie over each other, and what is refused."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

from naslib_zc_plugin.configuration import ConfigurationError
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.search import load_data
from naslib_zc_plugin.search.config import (
    Budget,
    CurveConfig,
    Experiment,
    ScoreSource,
    SearchFile,
    SearchPart,
    load_experiment,
    select_searches,
)
from naslib_zc_plugin.search.evaluators import EVALUATORS, list_evaluators
from naslib_zc_plugin.strategies import STRATEGIES, list_strategies, option_names
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
        ({"stratgy": {}}, "line 11: stratgy: unknown field; did you mean strategy?"),
        ({"space": "nasbench2001"}, "did you mean nasbench201 or nasbench301 or nasbench101?"),
        ({"space": None}, "space is missing"),
        ({"budget": None}, "budget is missing: give evaluations, seconds, or both"),
        ({"budget": {"evaluation": 3}}, "budget.evaluation: unknown field; did you mean evaluations?"),
        ({"budget": {"evaluations": 0}}, "budget.evaluations must be above 0, not 0"),
        ({"budget": {"evaluations": 2.5}}, "budget.evaluations must be a whole number, not 2.5"),
        ({"repeats": 0}, "repeats must be above 0, not 0"),
        ({"repeats": True}, "repeats must be a whole number, not true"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"strategy": "area"}, "strategy must be a mapping"),
        ({"strategy": {"name": "aeging_evolution"}}, "did you mean aging_evolution?"),
        ({"strategy": {"name": "area", "preset": "epsilom"}}, "did you mean epsilon?"),
        ({"host": "nnni"}, "host: unknown host 'nnni'; did you mean nni?"),
        ({"report": ["test"]}, "report must be a mapping"),
        ({"published": {"validation": 3}}, "published: 'validation' is in no report; there are test"),
        ({"published": {"test": [1, 2, 3]}}, "published.test"),
        ({"curve": {"of": "test", "best": "any"}}, "curve.best must be 'by_fitness' or 'highest'"),
        ({"curve": {"off": "test"}}, "curve.off: unknown field; did you mean of?"),
        ({"curve": {"at": 3}}, "curve.at must be a list"),
        ({"curve": {"at": [0]}}, "curve.at[0] must be above 0"),
        ({"curve": {"at": [1.5]}}, "curve: at must be a list of whole numbers"),
        ({"curve": {"panels": ["one"]}}, "curve.panels must be a mapping"),
        ({"curve": {"panels": {"a": "b"}}}, "curve.panels.a must be a list"),
        ({"scores": {"table": "a.db", "seconds": -1}}, "scores.seconds must be at least 0"),
        ({"scores": {"table": "a.db", "seconds": "much"}}, "scores.seconds must be"),
        ({"curve": {"of": "tset"}}, "curve.of: 'tset' is in no report; there are test"),
        ({"curve": {"of": "test", "panels": {"A": ["RS*"]}}}, "no search is called 'RS*'; there are random_search"),
        ({"searches": ["a"]}, "searches must be a mapping"),
        ({"searches": {"a": {"sed": 1}}}, "searches.a.sed: unknown field; did you mean seed?"),
    ],
)
def test_what_cannot_be_is_refused_by_name(written: Callable[..., Path], changes: Any, message: str) -> None:
    path = written(**changes)
    with pytest.raises(ValueError) as refused:
        load_experiment(path)
    assert message in str(refused.value) and str(path) in str(refused.value)


FIELDS = [
    *SearchFile.model_fields,
    *(f"{outer}.one.{name}" for outer in ("searches", "variants") for name in SearchPart.model_fields),
    *(f"budget.{name}" for name in Budget.model_fields),
    *(f"scores.{name}" for name in ScoreSource.model_fields),
    *(f"curve.{name}" for name in CurveConfig.model_fields),
]


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_misspelt_is_named(written: Callable[..., Path], field: str) -> None:
    *outer, name = field.split(".")
    wrong = name + name[-1]
    changes: dict[str, Any] = {wrong: {}}
    for each in reversed(outer):
        changes = {each: changes}
    with pytest.raises(ConfigurationError) as refused:
        load_experiment(written(**changes))
    (problem,) = [each for each in refused.value.problems if "unknown field" in each.message]
    assert problem.field == ".".join([*outer, wrong]) and problem.line > 1
    assert name in problem.message.partition("did you mean")[2]


OPTIONS = [
    *(("strategy", name, option) for name in list_strategies() for option in option_names(STRATEGIES.load(name))),
    *(
        ("evaluator", name, option)
        for name in list_evaluators()
        for option in list(inspect.signature(EVALUATORS.load(name)).parameters)[3:]
    ),
]


@pytest.mark.parametrize(("part", "name", "option"), OPTIONS)
def test_each_option_misspelt_is_named(experiment: Make, data: Path, part: str, name: str, option: str) -> None:
    wrong = option + option[-1]
    table = {"scores": {"table": "none.parquet"}}
    with pytest.raises(ValueError, match=rf"{part} {name} has no option '{wrong}'; did you mean .*\b{option}\b"):
        load_data(experiment(**{part: {"name": name, wrong: 1}}, **table), data)


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.system ['true']", "", "- 1"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(DataError, match="a configuration in YAML"):
        load_experiment(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"strategy": {"name": "random_search", "distnct": True}},
            "random_search: strategy random_search has no option 'distnct'; did you mean distinct?",
        ),
        ({"strategy": {"name": "aging_evolution", "mutation": "edges"}}, "unknown mutation rule 'edges'; use 'edge'"),
        ({"strategy": {"name": "area", "pool": 10}}, "area: Area needs score="),
        (
            {"strategy": {"name": "area", "proxy": "naswot"}},
            "scores of naswot: give either table, or images and preset",
        ),
        ({"evaluator": {"name": "benchmrk"}}, "did you mean benchmark?"),
        ({"evaluator": {"name": "benchmark"}}, "evaluator benchmark needs the option 'metric'"),
        ({"evaluator": {"name": "benchmark", "metric": "cifar10_val_13"}}, "did you mean"),
        (
            {"evaluator": {"name": "benchmark", "metric": "cifar10_params_M"}},
            "is no quality: neither more nor less of it is better",
        ),
        ({"evaluator": {"name": "benchmark", "metric": "cifar10_traintime_200_s"}}, "is no quality: it is a cost"),
        ({"evaluator": {"name": "proxy"}}, "evaluator proxy needs the option 'proxy'"),
        ({"evaluator": {"name": "training", "images": "digits", "train": 9999, "validate": 9, "epochs": 1}}, "1797"),
    ],
)
def test_what_no_file_can_give_is_refused_before_anything_runs(
    experiment: Make, data: Path, changes: Any, message: str
) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        load_data(experiment(**changes), data)
    assert message in str(refused.value)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_published_searches_find_what_they_need_but_for_scores_to_come(path: Path, shared: Path) -> None:
    whole, ready = load_experiment(path, shared / "data"), 0
    assert all(search.report for search in whole.searches)
    for search in whole.searches:
        try:
            ready += len(load_data(select_searches(whole, [search.label]), shared / "data"))
        except ValueError as error:
            assert re.search("no table has scores called '(naswot|grad_norm|snip)'; there are", str(error)), error
    assert ready


# Variants --------------------

COMMON = {
    "space": "nasbench201",
    "strategy": {"name": "aging_evolution", "preset": "lightweight_nas"},
    "evaluator": {"name": "benchmark", "metric": "cifar10_val_12"},
    "budget": {"evaluations": 1019},
    "scores": {"table": "one.parquet"},
}
SEARCHES = {"trained": {}, "scored": {"evaluator": {"name": "proxy", "proxy": "naswot"}}}
VARIANTS = {
    "20/10": {},
    "100/2": {"strategy": {"population": 100, "sample": 2}, "budget": {"evaluations": 1099}},
}


@pytest.fixture
def of(tmp_path: Path) -> Make:
    """Read an experiment of what is common and what is given."""

    def read(**given: Any) -> Experiment:
        (tmp_path / "file.yaml").write_text(yaml.safe_dump({**COMMON, **given}, sort_keys=False))
        return load_experiment(tmp_path / "file.yaml")

    return read


def test_each_with_each(of: Make) -> None:
    found = {each.label: each for each in of(searches=SEARCHES, variants=VARIANTS).searches}
    assert list(found) == ["trained 20/10", "trained 100/2", "scored 20/10", "scored 100/2"]
    assert found["scored 100/2"].strategy == {**COMMON["strategy"], "population": 100, "sample": 2}  # type: ignore[dict-item]
    assert found["scored 100/2"].budget == Budget(evaluations=1099)
    assert found["scored 20/10"].budget == Budget(evaluations=1019)
    assert found["scored 20/10"].evaluator == {"name": "proxy", "proxy": "naswot"}, "no metric of the other evaluator"


def test_without_searches(of: Make) -> None:
    assert [each.label for each in of(variants=VARIANTS).searches] == ["aging_evolution 20/10", "aging_evolution 100/2"]


def test_without_either(of: Make) -> None:
    assert [each.label for each in of().searches] == ["aging_evolution"]


@pytest.mark.parametrize("wrong", [["20/10"], {"20/10": 5}])
def test_what_are_no_variants_is_refused(of: Make, wrong: object) -> None:
    with pytest.raises(ValueError, match=r"variants(\.20/10)? must be a mapping"):
        of(variants=wrong)


def test_an_unknown_field(of: Make) -> None:
    with pytest.raises(ValueError, match="variants.one.strategi: unknown field; did you mean strategy"):
        of(variants={"one": {"strategi": {}}})


def test_only_some(of: Make) -> None:
    curve = {"panels": {"both": ["trained*", "scored 20/10"], "one": ["scored 20/10"]}}
    found = select_searches(of(searches=SEARCHES, variants=VARIANTS, curve=curve), ["trained 1*", "scored 100/2"])
    assert [each.label for each in found.searches] == ["trained 100/2", "scored 100/2"]
    assert found.curve == CurveConfig(panels={"both": ["trained*"]})
    with pytest.raises(ValueError, match="no search is called 'trained'; there are trained 20/10, "):
        select_searches(of(searches=SEARCHES, variants=VARIANTS), ["trained"])
