"""Searches in variants: each with each, under a label that names both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.search.config import Curve, Experiment, made, only

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


def of(**given: Any) -> Experiment:
    return made({**COMMON, **given}, Path(), "file")


def test_each_with_each() -> None:
    found = {each.label: each for each in of(searches=SEARCHES, variants=VARIANTS).searches}
    assert list(found) == ["trained 20/10", "trained 100/2", "scored 20/10", "scored 100/2"]
    assert found["scored 100/2"].strategy == {**COMMON["strategy"], "population": 100, "sample": 2}  # type: ignore[dict-item]
    assert found["scored 100/2"].budget == {"evaluations": 1099}
    assert found["scored 20/10"].budget == {"evaluations": 1019}
    assert found["scored 20/10"].evaluator == {"name": "proxy", "proxy": "naswot"}, "no metric of the other evaluator"


def test_without_searches() -> None:
    assert [each.label for each in of(variants=VARIANTS).searches] == ["aging_evolution 20/10", "aging_evolution 100/2"]


def test_without_either() -> None:
    assert [each.label for each in of().searches] == ["aging_evolution"]


@pytest.mark.parametrize("wrong", [["20/10"], {"20/10": 5}])
def test_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="variants must be a mapping from labels"):
        of(variants=wrong)


def test_an_unknown_field() -> None:
    with pytest.raises(ValueError, match="unknown field 'strategi'; did you mean 'strategy'"):
        of(variants={"one": {"strategi": {}}})


def test_only_some() -> None:
    curve = {"panels": {"both": ["trained*", "scored 20/10"], "one": ["scored 20/10"]}}
    found = only(of(searches=SEARCHES, variants=VARIANTS, curve=curve), ["trained 1*", "scored 100/2"])
    assert [each.label for each in found.searches] == ["trained 100/2", "scored 100/2"]
    assert found.curve == Curve(panels={"both": ["trained*"]})
    with pytest.raises(ValueError, match="no search is called 'trained'; there are trained 20/10, "):
        only(of(searches=SEARCHES, variants=VARIANTS), ["trained"])
