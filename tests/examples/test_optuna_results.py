"""Optuna's studies on NAS-Bench-201: what is trained and counted, and the page that the committed studies make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.examples import EXAMPLES, example

optuna = pytest.importorskip("optuna", reason="needs Optuna, the extra [optuna]")
results = example("optuna_results")
RESULTS = EXAMPLES.parent / "docs" / "results"


def test_a_study_trains_fifty_networks_of_the_space_and_the_proxy_chooses_the_first() -> None:
    keys = [SPACE.key(place) for place in range(SPACE.size)]
    accuracies = {key: key.count("nor_conv_3x3") + key.count("nor_conv_1x1") / 10 for key in keys}
    scores = {name: dict(accuracies) for name in (results.PROXY, results.WEAK)}
    found = results.trained("warm", 0, accuracies, scores)
    assert len(found["trained"]) == results.TRAININGS and 400 < found["scored"] <= results.POOL
    first = found["trained"][: results.EVALUATE]
    assert first == sorted(first, reverse=True) and first[0] >= 4 and "lost" not in found
    found = results.trained("random", 0, accuracies, scores)
    assert len(found["trained"]) == results.TRAININGS and found["scored"] == 0
    found = results.trained("warm auto", 0, accuracies, scores)
    ends = [max(found["trained"][:4]), found["trained"][4]]
    assert found["lost"] is None and ends[0] > ends[1]  # the fifth is a control
    assert results.proxy_of("noise all", 1, scores)(results.Cell(keys[3])) == results.proxy_of("noise all", 1, scores)(
        results.Cell(keys[3])
    )


def test_the_page_says_what_was_really_trained() -> None:
    rows = list(map(json.loads, (RESULTS / "optuna_scenes.jsonl").read_text(encoding="utf-8").splitlines()))
    known = {(row["study"], row["seed"]): row for row in rows}
    assert all(len(row["trained"]) == len(row["test"]) == results.SMALL["trainings"] for row in rows)
    assert "\n".join(results.scenes_lines(known)) in (RESULTS / "optuna.md").read_text(encoding="utf-8")
    assert results.t_interval(np.array([1.0, 3.0])) == "+2.00 [-10.71, +14.71]"


def test_a_study_of_scenes_trains_what_the_proxy_prefers() -> None:
    class Trained(NamedTuple):
        fitness: float
        metrics: dict[str, float]

    metric = results.TrainingEvaluator.metric_names[0]
    small = dict(results.SMALL, pool=3, evaluate=1, trainings=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "SMALL", small)
        found = results.trained_on_scenes("scenes warm", 0, lambda key: Trained(float(len(key)), {metric: 1.0}))
    assert len(found["trained"]) == 2 and found["test"] == [1.0, 1.0]


def test_the_page_says_what_the_studies_found(shared: Path) -> None:
    pytest.importorskip("pyarrow")
    known = {}
    for line in (RESULTS / "optuna.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        known[row["study"], row["seed"]] = row
        assert len(row["trained"]) == results.TRAININGS
    best = max(map(float, benchmark("nasbench201", shared / "data").column(results.ACCURACY).values()))
    page = (RESULTS / "optuna.md").read_text(encoding="utf-8")
    assert "\n".join(results.lines(known, best)) in page
