"""What gives architectures their fitness."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import torch

from naslib_zc_plugin.probes import probe
from naslib_zc_plugin.search.config import Experiment
from naslib_zc_plugin.search.evaluators import Evaluator, evaluators
from naslib_zc_plugin.search.run import prepare
from naslib_zc_plugin.spaces import space

Make = Callable[..., Experiment]
KEY = space("nasbench201").key(11)
TRAINING = {
    "name": "training", "images": {"source": "digits", "size": 8}, "train": 200, "validate": 100, "epochs": 1,
    "network": {"C": 4, "N": 1},
}  # fmt: skip


def _evaluator(experiment: Experiment, data: Path | None = None) -> Evaluator:
    return prepare(experiment, data)[0].evaluator


def test_there_are_three() -> None:
    assert evaluators() == ["benchmark", "proxy", "training"]


def test_training_depends_on_seed_and_key_alone(experiment: Make) -> None:
    first = _evaluator(experiment(evaluator=TRAINING, report=None))
    found = first(KEY)
    assert found.fitness is not None and 0 <= found.fitness <= 100 and found.seconds > 0
    assert 0 <= found.told["test accuracy"] <= 100
    other = _evaluator(experiment(evaluator=TRAINING, report=None))
    torch.manual_seed(99)
    other(space("nasbench201").key(12))
    again = other(KEY)
    assert (again.fitness, again.told) == (found.fitness, found.told)
    reseeded = _evaluator(experiment(evaluator=TRAINING, report=None, seed=1))(KEY)
    assert (reseeded.fitness, reseeded.told) != (found.fitness, found.told)


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
