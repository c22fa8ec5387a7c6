"""Observations with equal settings share a pass; an error in one disturbs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import FORWARD, Forward, NormalPair, Ones, Reinitialized, observation, weight_gradients
from naslib_zc_plugin.passes import Batch, ForwardPass, Network, Observed, Steps, isolated, observe
from naslib_zc_plugin.passes.capture import EVERY
from naslib_zc_plugin.passes.constant_weights import ConstantWeights
from naslib_zc_plugin.testing import NETWORKS


class Counting(nn.Module):
    """Counts its forward runs outside of itself, where nothing is restored."""

    def __init__(self, count: Any) -> None:
        super().__init__()
        self.net, self.count = NETWORKS["conv_bn_relu"]().net, count

    def forward(self, x: Tensor) -> Tensor:
        self.count()
        return self.net(x)


def forwards(asked: Sequence[Any], **options: Any) -> int:
    """How often the network is run."""
    runs: list[None] = []

    class Count:
        def __call__(self) -> None:
            runs.append(None)

    zc.score(Counting(Count()), NETWORKS["conv_bn_relu"]().batch, asked, **options)
    return len(runs)


SHARED = ["naswot", "grad_norm", "snip", "plain", "fisher", "jacov", "epe_nas"]


@pytest.mark.parametrize(
    ("asked", "runs"),
    [
        (["params", "l2_norm"], 0),
        (["naswot"], 1),
        (SHARED, 1),
        ([*SHARED, "grasp"], 1),
        ([*SHARED, "grasp", "synflow"], 2),
        (["synflow", zc.proxy("synflow", label="bn", keep_norm="*")], 2),
        (["zen"], 2),
        (["epsilon"], 1),
        (["flops"], 1),
        ([*SHARED, "flops"], 2),  # on two samples, which is cheap
    ],
)
def test_passes_are_shared(asked: list[Any], runs: int) -> None:
    assert forwards(asked) == runs
    assert forwards(asked, repeats=2) == 2 * runs


def test_per_sample_proxies_share_their_pass() -> None:
    together = ["gradsign", "gradalign1", "gradalign2", zc.proxy("gradalign1", label="all", by_class=False)]
    assert forwards(together) == forwards(["gradsign"])


def test_per_sample_gradients_take_one_run_per_chunk() -> None:
    # Eight samples of four classes make four chunks of two; before that, one sample tells what its graph takes.
    assert forwards(["gradsign"]) == 4 + 1


def outcomes(*observations: Any, name: str = "conv_bn_relu") -> Mapping[Any, Observed]:
    case = NETWORKS[name]()
    with isolated(case.net) as module:
        return observe(Network(module), Batch(*case.batch), observations)


# Values of settings --------------------


def test_equal_settings_are_one() -> None:
    assert Forward() == Forward(training=True)
    drawn = [Forward(Reinitialized("normal"), NormalPair(0.01)) for _ in range(2)]
    assert len({*drawn, Forward()}) == 2
    assert not Forward().draws
    assert Forward(Reinitialized("normal")).draws
    assert Forward(inputs=NormalPair(0.1)).draws
    assert not Forward(inputs=Ones()).draws


@observation()
def seen(p: ForwardPass) -> Steps[Any]:
    """What the network was shown and the weights in force."""
    yield FORWARD
    return p.all_inputs, {name: value.detach().clone() for name, value in p.weights.items()}


def test_drawn_weights_are_as_the_scheme_says() -> None:
    case = NETWORKS["conv_bn_relu"]()
    wide = nn.Sequential(
        nn.Conv2d(3, 64, 5), nn.BatchNorm2d(64), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 200)
    )
    schemes = "normal", "kaiming_fan_in", "kaiming_fan_out"
    settings = {scheme: seen(setting=Forward(Reinitialized(scheme))) for scheme in schemes}
    with isolated(wide) as module:
        found = observe(Network(module), Batch(*case.batch), settings.values())
    deviations = {"normal": (1, 1), "kaiming_fan_in": (2 / 75, 2 / 64), "kaiming_fan_out": (2 / 1600, 2 / 200)}
    for scheme, (conv, linear) in deviations.items():
        _, weights = found[settings[scheme]].value
        assert float(weights["0.weight"].var()) == pytest.approx(conv, rel=0.1)
        assert float(weights["4.weight"].var()) == pytest.approx(linear, rel=0.1)
        assert not weights["0.bias"].any()
        assert not weights["4.bias"].any()
        assert torch.equal(weights["1.weight"], torch.ones(64))


def test_a_normal_pair_differs_by_gamma() -> None:
    asked = seen(setting=Forward(inputs=NormalPair(0.5)))
    (first, second), _ = outcomes(asked)[asked].value
    assert first.shape == second.shape == (16, 3, 8, 8)
    assert float(first.std()) == pytest.approx(1, rel=0.1)
    assert float((second - first).std()) == pytest.approx(0.5, rel=0.1)


def test_what_is_drawn_does_not_depend_on_other_observations() -> None:
    pair, drawn = (
        seen(setting=Forward(inputs=NormalPair(0.5))),
        seen(setting=Forward(Reinitialized("normal"), NormalPair(0.5))),
    )
    together, alone = outcomes(weight_gradients(), drawn, pair), outcomes(pair)
    assert all(torch.equal(a, b) for a, b in zip(together[pair].value[0], alone[pair].value[0]))


def test_gradients_are_those_of_autograd() -> None:
    case = NETWORKS["residual_in_place"]()
    loss = F.cross_entropy(case.net(case.batch[0]), case.batch[1])
    expected = dict(zip(dict(case.net.named_parameters()), torch.autograd.grad(loss, list(case.net.parameters()))))
    layers = outcomes(weight_gradients(), name="residual_in_place")[weight_gradients()].value
    assert [layer.name for layer in layers] == ["stem.weight", "conv.weight", "head.weight"]
    for layer in layers:
        torch.testing.assert_close(layer.gradient, expected[layer.name])


class Carrying(nn.Module):
    """A recurrent network that goes on from where it was, as language models are trained."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.head = nn.LSTM(5, 6, batch_first=True), nn.Linear(6, 3)
        self.state: Any = None

    def forward(self, x: Tensor) -> Tensor:
        state = None if self.state is None or self.state[0].shape[1] != len(x) else self.state
        states, (hidden, cell) = self.layer(x, state)
        self.state = hidden.detach(), cell.detach()
        return self.head(states[:, -1].relu())


@pytest.mark.parametrize("repeats", [1, 2])
def test_what_a_network_keeps_of_a_pass_is_not_there_in_the_next(repeats: int) -> None:
    x, y = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
    names = ["epsilon", "jacov", "large_noise_jacobian", "ntk", "naswot", "grad_norm"]
    net = Carrying()
    together = zc.score(net, (x, y), names, repeats=repeats)
    assert net.state is None
    for name in names:
        alone = zc.score(net, (x, y), [name], repeats=repeats)[name]
        assert (alone.value, alone.spread) == (together[name].value, together[name].spread)
        assert alone.spread in (None, 0.0) or name in ("epsilon", "ntk", "large_noise_jacobian")


def test_each_constant_weight_begins_with_the_network_as_it_was() -> None:
    x = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(0))
    with isolated(Carrying()) as module, torch.no_grad():
        network, batch = Network(module), Batch(x)
        both, second = (ConstantWeights().uncollapsed(network, batch, values, 0) for values in ((0.1, 0.5), (0.5,)))
    assert torch.equal(both[1], second[0])


def test_gradients_by_the_inputs_add_no_call_of_the_network() -> None:
    """Inputs that a network may write to are copied before it runs."""

    @observation()
    def calls(p: ForwardPass) -> Steps[int]:
        seen: list[torch.Size] = []
        p.on([EVERY], lambda args, kwargs, output: seen.append(output.shape) if isinstance(output, Tensor) else None)
        yield FORWARD
        return len(seen)

    @observation(order=1, input_gradient=True)
    def nothing(p: ForwardPass) -> Steps[None]:
        yield FORWARD

    case = NETWORKS["conv_bn_relu"]()
    counts = []
    for company in ((), (nothing(),)):
        with isolated(case.net) as module:
            counts.append(observe(Network(module), Batch(*case.batch), [calls(), *company])[calls()].value)
    assert counts[0] == counts[1] > 0
