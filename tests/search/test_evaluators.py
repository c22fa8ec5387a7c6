"""What gives architectures their fitness."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch

from naslib_zc_plugin.benchmarks import BENCHMARKS, ColumnInfo, Table
from naslib_zc_plugin.probes import probe
from naslib_zc_plugin.search import load_data
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.evaluators import list_evaluators
from naslib_zc_plugin.search.loop import Evaluation, Evaluator
from naslib_zc_plugin.spaces import space

Make = Callable[..., Experiment]
KEY = space("nasbench201").key(11)
TRAINING = {
    "name": "training", "images": {"source": "digits", "size": 8}, "train": 200, "validate": 100, "epochs": 1,
    "network": {"C": 4, "N": 1},
}  # fmt: skip


def _evaluator(experiment: Experiment, data: Path | None = None) -> Evaluator:
    return load_data(experiment, data)[0].evaluator


def test_there_are_three() -> None:
    assert list_evaluators() == ["benchmark", "proxy", "training"]


class Longest:
    """An evaluator of another distribution: a key's length, times a factor."""

    costly, metric_names = False, ()

    def __init__(self, config: Any, data: Any, scores: Any, *, factor: float = 1.0) -> None:
        self._factor = factor

    def __call__(self, key: str) -> Evaluation:
        return Evaluation(self._factor * len(key), 1.0)

    def provenance(self) -> dict[str, Any]:
        return {"factor": self._factor}

    def notes(self) -> list[str]:
        return ["fitness: the length"]


def test_an_evaluator_of_another_distribution_is_found_and_its_options_are_checked(
    experiment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    information = tmp_path / "site" / "some_evaluators-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: some-evaluators\nVersion: 1\n")
    text = "[naslib_zc_plugin.evaluators]\nlongest = tests.search.test_evaluators:Longest\n"
    (information / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(information.parent))
    assert "longest" in list_evaluators()
    found = _evaluator(experiment(evaluator={"name": "longest", "factor": 2}, report=None))
    assert found("abc") == Evaluation(6.0, 1.0)
    with pytest.raises(ValueError, match="evaluator longest has no option 'faktor'; did you mean factor?"):
        _evaluator(experiment(evaluator={"name": "longest", "faktor": 2}, report=None))


def test_training_depends_on_seed_and_key_alone(experiment: Make) -> None:
    first = _evaluator(experiment(evaluator=TRAINING, report=None))
    found = first(KEY)
    assert found.fitness is not None and 0 <= found.fitness <= 100 and found.seconds > 0
    assert 0 <= found.metrics["test accuracy"] <= 100
    other = _evaluator(experiment(evaluator=TRAINING, report=None))
    torch.manual_seed(99)
    other(space("nasbench201").key(12))
    again = other(KEY)
    assert (again.fitness, again.metrics) == (found.fitness, found.metrics)
    reseeded = _evaluator(experiment(evaluator=TRAINING, report=None, seed=1))(KEY)
    assert (reseeded.fitness, reseeded.metrics) != (found.fitness, found.metrics)


def test_images_are_divided_alike_and_none_is_used_twice() -> None:
    digits = probe("digits", size=8)
    parts = digits.split(1000, 400, seed=3)
    assert [len(part) for part in parts] == [1000, 400, 397]
    joined = np.concatenate([part.images for part in parts])
    assert np.array_equal(np.sort(joined, axis=0), np.sort(digits.images, axis=0))
    counts = [np.bincount(part.labels, minlength=10) for part in parts[:2]]
    assert max(np.ptp(count) for count in counts) <= 5
    for wrong in ((0, 3), (1797,), (1000, 797)):
        with pytest.raises(ValueError, match="leave none, or are none"):
            digits.split(*wrong, seed=0)


def test_what_training_took_is_told_only_where_it_was_timed(experiment: Make, data: Path) -> None:
    timed = _evaluator(experiment(), data)
    untimed = _evaluator(experiment(evaluator={"name": "benchmark", "metric": "cifar10_test_200"}), data)
    keys = [space("nasbench201").key(index) for index in range(1, 4)]
    assert all(timed(key).seconds > 0 for key in keys) and not any(untimed(key).seconds for key in keys)
    assert any("0.06 of cifar10_traintime_200_s" in note for note in timed.notes())
    assert any("not charged" in note for note in untimed.notes())


def test_a_key_that_the_table_lacks_has_no_fitness(experiment: Make, data: Path) -> None:
    found = _evaluator(experiment(), data)("elsewhere")
    assert found.fitness is None and found.reason == "nasbench201 has no cifar10_val_12 of it"


def test_a_benchmark_of_another_space_is_refused(experiment: Make, data: Path) -> None:
    BENCHMARKS.add(
        "cells", Table("cells", {"accuracy": ColumnInfo("", "%", True)}, values={"7-conv": {"accuracy": 1.0}})
    )
    evaluator = {"name": "benchmark", "metric": "accuracy", "benchmark": "cells"}
    with pytest.raises(ValueError, match="benchmark 'cells' has the architectures of another space than nasbench201"):
        _evaluator(experiment(evaluator=evaluator), data)
