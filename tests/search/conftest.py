"""A made-up benchmark, the toy space, and experiments on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import yaml

from naslib_zc_plugin.search.config import Experiment, load_experiment
from tests.benchmarks import made
from tests.campaign.conftest import IMAGES, toy

__all__ = ["toy"]

LIVE = {"images": IMAGES, "preset": "lightweight", "batch": {"batch_size": 8}}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with numbers that nothing was trained for; accuracies after 12 epochs run from 10 to 80."""
    folder = tmp_path_factory.mktemp("data")
    columns = made.nasbench201_columns()
    columns["cifar10_val_12"] = np.random.default_rng(1).permutation(np.linspace(10, 80, len(columns["index"])))
    made.written(folder, columns)
    return folder


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration: random search by the made-up benchmark, with what the arguments change."""

    def write(name: str = "small.yaml", **changes: Any) -> Path:
        plain: dict[str, Any] = {
            "space": "nasbench201",
            "strategy": {"name": "random_search"},
            "evaluator": {"name": "benchmark", "metric": "cifar10_val_12"},
            "budget": {"evaluations": 20},
            "report": {"test": "cifar10_test_200"},
            **changes,
        }
        path = tmp_path / name
        path.write_text(yaml.safe_dump({name: value for name, value in plain.items() if value is not None}))
        return path

    return write


@pytest.fixture
def experiment(written: Callable[..., Path]) -> Callable[..., Experiment]:
    """The same, read."""
    return lambda **changes: load_experiment(written(**changes))


@pytest.fixture
def toys(toy: Path, experiment: Callable[..., Experiment]) -> Iterator[Callable[..., Experiment]]:
    """Experiments on the toy space, scored as asked for."""

    def make(**changes: Any) -> Experiment:
        plain = {
            "space": "toy",
            "scores": LIVE,
            "evaluator": {"name": "proxy", "proxy": "naswot"},
            "budget": {"evaluations": 6},
            "report": None,
        }
        return experiment(**{**plain, **changes})

    yield make
