"""Optuna's own tests of samplers, with a ``build`` that asks for what they suggest and with one that does not."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from torch import nn

from tests.hosts.optuna.needs import needs

needs("optuna")
from optuna.samplers import NSGAIISampler, TPESampler  # noqa: E402
from optuna.testing.pytest_samplers import (  # noqa: E402
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from naslib_zc_plugin.hosts.optuna import ProxySampler  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning", "ignore:Choices for a cat")


def matching(trial: Any) -> nn.Module:
    return nn.Linear(1 + int(trial.suggest_float("x", 0, 10)), 1 + int(trial.suggest_float("y", 0, 10)))


def other(trial: Any) -> nn.Module:
    return nn.Linear(trial.suggest_int("width", 1, 4), 1)


def weights(net: nn.Module) -> float:
    return float(sum(each.numel() for each in net.parameters()))


def made(build: Any, around: Callable[[], Any], **more: Any) -> Callable[[], Any]:
    return lambda: ProxySampler(build, proxy=weights, candidates=2, around=around(), **more)


@pytest.fixture(params=[matching, other])
def build(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestAroundTPE(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self, build: Any) -> Callable[[], Any]:
        return made(build, lambda: TPESampler(n_startup_trials=0, seed=0))


class TestAroundNSGAII(MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], Any]:
        return made(matching, lambda: NSGAIISampler(population_size=2, seed=0), trust="auto")
