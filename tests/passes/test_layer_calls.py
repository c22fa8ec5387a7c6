"""Layers are seen as they are used, and weights that are not in force are found."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import (
    FORWARD,
    Batch,
    ForwardPass,
    LayerCall,
    Network,
    Steps,
    isolated,
    observation,
    observe,
)

BATCH = (torch.randn(8, 12, generator=torch.Generator().manual_seed(3)), torch.arange(8) % 5)
GRADIENTS = ["grad_norm", "snip", "plain", "grasp", "synflow", "ntk", "gradsign", "gradalign1", "synaptic_saliency"]


@observation(order=1)
def calls(p: ForwardPass) -> Steps[list[tuple[str, tuple[int, ...], int, int, int]]]:
    """Return what is seen of each layer's call: name, output's shape, channel, fan-in, batch."""
    seen: list[tuple[str, tuple[int, ...], int, int, int]] = []

    def see(call: LayerCall) -> None:
        seen.append((call.name, tuple(call.output.shape), call.channel, call.fan_in, call.batch))

    p.on_layers(see)
    yield FORWARD
    return seen


def seen_of(net: nn.Module, inputs: Tensor) -> Any:
    with isolated(net) as module:
        outcome = observe(Network(module), Batch(inputs), [calls()])[calls()]
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


class Sliced(nn.Linear):
    """The first outputs and inputs of a larger layer, cut in the forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight[:6, : x.shape[-1]], self.bias[:6])


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(len(x), 3, 4)
        return self.head(self.attention(x, x, x)[0].mean(1))  # type: ignore[no-any-return]


class Caught(nn.Module):
    """A layer that ends by an error which the network catches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(7, 2), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        with contextlib.suppress(RuntimeError):
            self.first(x)
        return self.head(x)  # type: ignore[no-any-return]


def test_what_a_slice_multiplies_by_is_the_fan_in() -> None:
    found = seen_of(nn.Sequential(Sliced(20, 9), nn.Linear(6, 5)), BATCH[0])
    assert found == [("0.weight", (8, 6), -1, 12, 0), ("1.weight", (8, 5), -1, 6, 0)]


def test_the_output_projection_of_attention_is_a_layer_with_positions_first() -> None:
    # Inside torch's attention, positions come first: as many rows, with the samples next to one another.
    found = seen_of(Attention(), BATCH[0])
    names = [name for name, *_ in found]
    assert names == ["attention.out_proj.weight", "head.weight"]
    assert found[0][3:] in {(4, 0), (4, 1)}


def test_a_layer_that_ended_by_an_error_is_not_taken_for_the_next() -> None:
    assert seen_of(Caught(), BATCH[0]) == [("head.weight", (8, 5), -1, 12, 0)]


class Cached(nn.Linear):
    """A layer that computes with a part of its weight that was cut before the run."""

    part: Tensor

    def cut(self, detached: bool, copied: bool) -> Cached:
        part = self.weight[:6].detach() if detached else self.weight[:6]
        self.part = part.clone() if copied else part
        return self

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.part)


class ByParent(nn.Module):
    """Likewise, the parent of which calls the function."""

    def __init__(self, detached: bool, copied: bool) -> None:
        super().__init__()
        self.first, self.head = Cached(12, 9), nn.Linear(6, 5)
        self.part = self.first.cut(detached, copied).part

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(F.linear(x, self.part)))  # type: ignore[no-any-return]


CUTS = [(False, False), (False, True), (True, False), (True, True)]


@pytest.mark.parametrize(("detached", "copied"), CUTS)
def test_weights_that_were_cut_before_the_run_have_no_gradient(detached: bool, copied: bool) -> None:
    net = nn.Sequential(Cached(12, 9).cut(detached, copied), nn.ReLU(), nn.Linear(6, 5))
    scores = zc.score(net, BATCH, [*GRADIENTS, "epsilon", "fisher", "naswot"])
    for name in [*GRADIENTS, "epsilon"]:
        assert (name, scores[name].status) == (name, "undefined")
        assert "0.weight" in scores[name].reason
    plain = copy.deepcopy(nn.Sequential(nn.Linear(12, 6, bias=False), nn.ReLU(), net[2]))
    with torch.no_grad():
        plain[0].weight.copy_(net[0].part)
    assert scores["fisher"].value == pytest.approx(zc.score(plain, BATCH, ["fisher"])["fisher"].value)


@pytest.mark.parametrize(("detached", "copied"), CUTS[:3])
def test_so_have_those_that_a_parent_multiplies_by(detached: bool, copied: bool) -> None:
    scores = zc.score(ByParent(detached, copied), BATCH, [*GRADIENTS, "epsilon", "fisher"])
    assert {name for name, score in scores.items() if score.status != "undefined"} == set()


def test_layers_that_are_not_registered_have_no_gradient_and_are_not_left_out() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts, self.head = [nn.Linear(12, 6)], nn.Linear(6, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.relu(self.parts[0](x)))  # type: ignore[no-any-return]

    scores = zc.score(Hidden(), BATCH, [*GRADIENTS, "epsilon", "fisher"])
    assert {name for name, score in scores.items() if score.status != "undefined"} == set()
    assert "not registered" in scores["grad_norm"].reason


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_network_without_gradients_has_no_score_of_them(name: str) -> None:
    class Frozen(nn.Sequential):
        @torch.no_grad()
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)  # type: ignore[no-any-return]

    score = zc.score(Frozen(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 5)), BATCH, [name])[name]
    assert (score.status, "without gradients" in score.reason) == ("undefined", True)


def test_frozen_parameters_and_layers_that_are_not_called_are_no_fault() -> None:
    net = nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 5))
    right = zc.score(net, BATCH, GRADIENTS)
    net[0].weight.requires_grad_(False)
    net[2].spare = nn.Linear(3, 3)
    found = zc.score(net, BATCH, ["grad_norm", "snip", "grasp"])
    assert {name: score.value for name, score in found.items()} == {name: right[name].value for name in found}


def test_synflow_takes_out_the_norm_inside_a_layer_but_not_that_of_its_weight() -> None:
    class WithNorm(nn.Conv2d):
        def __init__(self, *sizes: int) -> None:
            super().__init__(*sizes)
            self.norm = nn.BatchNorm2d(6)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(super().forward(x))  # type: ignore[no-any-return]

    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            flat = F.batch_norm(self.weight.reshape(1, 6, -1), None, None, training=True)
            return F.conv2d(x, flat.reshape_as(self.weight), self.bias)

    class ByHand(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            variance, mean = torch.var_mean(self.weight, (1, 2, 3), unbiased=False, keepdim=True)
            return F.conv2d(x, (self.weight - mean) / (variance + 1e-5).sqrt(), self.bias)

    values = []
    for kind in (nn.Conv2d, WithNorm, Standardised, ByHand):
        torch.manual_seed(0)
        net = nn.Sequential(kind(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 5))
        values.append(zc.score(net, (torch.zeros(2, 3, 6, 6), None), ["synflow"])["synflow"].value)
    assert values[0] == values[1]
    assert values[2] == pytest.approx(values[3])
    assert values[0] != pytest.approx(values[2])


def test_an_activation_may_write_over_a_norm_that_is_taken_out() -> None:
    class Before(nn.Module):
        """A block that normalises first, beside a shortcut from its input."""

        def __init__(self, norm: nn.Module, inplace: bool) -> None:
            super().__init__()
            self.stem, self.norm, self.act = nn.Conv2d(3, 6, 3), norm, nn.LeakyReLU(0.5, inplace)
            self.conv, self.head = nn.Conv2d(6, 6, 1), nn.Linear(6, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x) - 30.0
            return self.head((self.conv(self.act(self.norm(x))) + x).mean((2, 3)))  # type: ignore[no-any-return]

    values = []
    for norm, inplace in ((nn.Identity(), False), (nn.BatchNorm2d(6), False), (nn.BatchNorm2d(6), True)):
        torch.manual_seed(0)
        score = zc.score(Before(norm, inplace), (torch.zeros(2, 3, 6, 6), None), ["synflow"])["synflow"]
        values.append(score.value)
    assert values[0] == values[1] == values[2] is not None


def test_two_samples_are_run_again_only_where_a_layer_computes_with_something_else() -> None:
    class Masked(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.weight * 1.0, self.bias)

    runs = {}
    for kind in (nn.Linear, Masked):
        net, counted = nn.Sequential(kind(12, 6), nn.ReLU(), nn.Linear(6, 5)), list[int]()
        net.register_forward_hook(lambda *_, counted=counted: counted.append(1))
        zc.score(net, BATCH, ["linear_regions"])
        runs[kind] = len(counted)
    assert runs == {nn.Linear: 1, Masked: 2}


def test_a_network_may_ask_for_gradients_by_a_view_of_its_input() -> None:
    class Asking(nn.Module):
        def __init__(self, asks: bool) -> None:
            super().__init__()
            self.conv, self.head, self.asks = nn.Conv1d(1, 4, 3), nn.Linear(4, 5), asks

        def forward(self, x: Tensor) -> Tensor:
            x = x[:, None]
            if self.asks:
                x.requires_grad = True
            return self.head(torch.relu(self.conv(x)).mean(2))  # type: ignore[no-any-return]

    names, found = ["jacov", "snip", "naswot", "grasp"], []
    for asks in (True, False):
        torch.manual_seed(0)
        found.append({name: score.value for name, score in zc.score(Asking(asks), BATCH, names).items()})
    assert found[0] == found[1]
    assert None not in found[0].values()


@pytest.mark.filterwarnings("ignore")
def test_packed_weights_of_a_quantised_network_are_no_zeros() -> None:
    net = nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 5))
    try:
        quantised = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
    except RuntimeError as error:  # a build without such kernels
        pytest.skip(str(error))
    names = ["params", "l2_norm", "flops", "epsilon", "grad_norm", "fisher", "ntk"]
    scores = zc.score(quantised, BATCH, names)
    assert {name: score.status for name, score in scores.items()} == dict.fromkeys(names, "undefined")
    assert {name for name, score in scores.items() if "0._packed_params" not in score.reason} == set()
