"""Configurations of NePS as networks."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn

from tests.hosts.neps.needs import needs

neps = needs("neps")
pipelines = needs("naslib_zc_plugin.hosts.neps.pipelines")
made = needs("tests.hosts.neps.made")


def spaced(**attributes: Any) -> Any:
    """A space of these arguments."""
    return type("Space", (neps.PipelineSpace,), attributes)()


def test_a_network_is_what_the_pipeline_gets() -> None:
    found = pipelines.Pipelines(made.Cells())
    seen: list[Any] = []
    inner = needs("neps.space.neps_spaces.neps_space")
    called = inner.adjust_evaluation_pipeline_for_neps_space(lambda model, lr: seen.append(model), made.Cells())
    for config in found.draw(3, 0):
        called(**config)
        assert repr(found.network(config, 0)) == repr(seen[-1])


def test_a_key_is_that_of_the_network_alone() -> None:
    found = pipelines.Pipelines(made.Cells())
    (config,) = found.draw(1, 0)
    (lr,) = [name for name in config if ".lr:" in name]
    (other,) = [name for name in config if ".sequence[1].resampled_operation" in name and "integer" in name]
    assert found.key({**config, lr: 0.05}) == found.key(config)
    assert found.key({**config, other: config[other] % 12 + 1}) != found.key(config)
    assert "at 0x" not in found.key(config)


def test_what_has_no_name_is_not_taken_for_another() -> None:
    """Two lambdas have the same name and make different networks."""
    operations = tuple(neps.Operation(each) for each in (lambda: nn.ReLU(), lambda: nn.Tanh()))
    found = pipelines.Pipelines(spaced(model=neps.Categorical(operations)))
    configs = list(found.draw(10, 0))
    kinds = {found.key(config): type(found.network(config, 0)) for config in configs}
    assert set(kinds.values()) == {nn.ReLU, nn.Tanh} and len(kinds) == 2


def test_weights_depend_on_the_seed_and_random_states_stay() -> None:
    found = pipelines.Pipelines(made.Widths(), made.perceptron)
    (config,) = found.draw(1, 0)
    torch.manual_seed(1)
    random.seed(1)
    before = torch.random.get_rng_state(), random.getstate()
    first, again, other = (found.network(config, seed)[1].weight for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before[0], torch.random.get_rng_state()) and before[1] == random.getstate()


def test_draws_are_those_of_the_seed_at_the_highest_fidelity() -> None:
    found = pipelines.Pipelines(made.Trained(), made.perceptron)
    configs = list(found.draw(20, 1, "pool"))
    assert configs == list(found.draw(20, 1, "pool")) != list(found.draw(20, 2, "pool"))
    assert {config["ENVIRONMENT__epochs"] for config in configs} == {9}


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"lr": neps.Float(0, 1)}, r"no argument of the pipeline is a network.*\(lr is a float\): give build="),
        ({"model": neps.Operation("Sequential")}, "model is a str"),
        ({"model": neps.Operation(nn.Linear)}, "model cannot be built, TypeError"),
        ({"a": neps.Operation(nn.ReLU), "b": neps.Operation(nn.Tanh)}, "choose with argument=, one of a, b"),
    ],
)
def test_what_cannot_be_scored_is_said(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pipelines.Pipelines(spaced(**attributes))


def test_the_network_is_chosen_among_several() -> None:
    found = pipelines.Pipelines(spaced(a=neps.Operation(nn.ReLU), b=neps.Operation(nn.Tanh)), argument="b")
    (config,) = found.draw(1, 0)
    assert isinstance(found.network(config, 0), nn.Tanh)


def test_wrong_names_are_said() -> None:
    with pytest.raises(ValueError, match="argument asks for net; the space has model, lr"):
        pipelines.Pipelines(made.Cells(), argument="net")
    with pytest.raises(ValueError, match="perceptron, build= asks for first, second; the space has model, lr"):
        pipelines.Pipelines(made.Cells(), made.perceptron)
    with pytest.raises(ValueError, match="give one of build= .* and argument="):
        pipelines.Pipelines(made.Cells(), made.perceptron, "model")
