"""Generalised NASWOT: which activations enter, by which measure, and that combinations add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Activation, Distance, Partition, register_activation
from naslib_zc_plugin.observations.activations import ACTIVATIONS
from naslib_zc_plugin.observations.kernels import REGISTERED

Function = Callable[[Tensor], Tensor]
N = 6


def one_by_one(values: Tensor, entry: Callable[[Any, Any], float]) -> np.ndarray:
    rows = values.flatten(1).double().tolist()
    return np.array([[entry(one, other) for other in rows] for one in rows])


def equal(parts: int, low: float) -> Callable[[Any, Any], float]:
    def part(value: float) -> int:
        return min(parts - 1, int((value - low) / (1 - low) * parts))

    return lambda one, other: float(sum(part(a) == part(b) for a, b in zip(one, other)))


def signs(one: Any, other: Any) -> float:
    return float(sum((a > 0) == (b > 0) for a, b in zip(one, other)))


def logdet(kernel: np.ndarray) -> float:
    return float(np.linalg.slogdet(kernel)[1])


class Between(nn.Module):
    """An activation between two linear layers."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.function = nn.Linear(5, 24), nn.Linear(24, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.function(3 * self.one(x)))

    def seen(self) -> Tensor:
        with torch.no_grad():
            return self.function(3 * self.one(batch()[0]))


def batch() -> tuple[Tensor, None]:
    return torch.randn(N, 5, generator=torch.Generator().manual_seed(1)), None


def value(net: nn.Module, **options: Any) -> float:
    (score,) = zc.score(net, batch(), [zc.proxy("generalized_naswot", **options)]).values()
    assert score.value is not None, score.reason
    return score.value


SIGMOIDS: dict[str, Function] = {
    "nn.Sigmoid": nn.Sigmoid(),
    "torch.sigmoid": torch.sigmoid,
    "F.sigmoid": F.sigmoid,
    "method": lambda x: x.sigmoid(),
    "in place": lambda x: x.sigmoid_(),
    "torch in place": lambda x: torch.sigmoid_(x),
    "expit": torch.special.expit,
    "nn.Hardsigmoid": nn.Hardsigmoid(),
}
TANHS: dict[str, Function] = {
    "nn.Tanh": nn.Tanh(),
    "torch.tanh": torch.tanh,
    "F.tanh": F.tanh,
    "method": lambda x: x.tanh(),
    "in place": lambda x: x.tanh_(),
}
FAMILY: dict[str, Function] = {
    "nn.ReLU": nn.ReLU(),
    "nn.LeakyReLU": nn.LeakyReLU(),
    "nn.GELU": nn.GELU(),
    "tanh GELU": nn.GELU("tanh"),
    "F.gelu": F.gelu,
    "nn.SiLU": nn.SiLU(),
    "nn.Mish": nn.Mish(),
    "nn.Hardswish": nn.Hardswish(),
    "nn.ELU": nn.ELU(),
    "nn.SELU": nn.SELU(inplace=True),
    "nn.CELU": nn.CELU(),
}


@pytest.mark.parametrize("form", list(SIGMOIDS))
def test_every_sigmoid_counts_in_four_parts(form: str) -> None:
    net = Between(SIGMOIDS[form])
    assert value(net) == pytest.approx(logdet(one_by_one(net.seen(), equal(4, 0.0))))
    assert value(net, kinds=["sigmoid"], sigmoid=16) == pytest.approx(logdet(one_by_one(net.seen(), equal(16, 0.0))))


@pytest.mark.parametrize("form", list(TANHS))
def test_every_tanh_counts_in_eight_parts(form: str) -> None:
    net = Between(TANHS[form])
    assert value(net) == pytest.approx(logdet(one_by_one(net.seen(), equal(8, -1.0))))
    assert value(net, kinds="tanh", tanh=2) == pytest.approx(logdet(one_by_one(net.seen(), equal(2, -1.0))))


@pytest.mark.parametrize("form", list(FAMILY))
def test_the_relu_family_counts_by_its_sign(form: str) -> None:
    net = Between(FAMILY[form])
    assert value(net) == value(net, kinds=["relu"]) == pytest.approx(logdet(one_by_one(net.seen(), signs)))


def test_raw_values() -> None:
    for function, name, span in ((torch.sigmoid, "sigmoid", 1.0), (torch.tanh, "tanh", 2.0)):
        net = Between(function)
        expected = one_by_one(net.seen(), lambda one, other: span * math.sqrt(24) - math.dist(one, other))  # noqa: B023
        assert value(net, **{name: "raw"}) == pytest.approx(logdet(expected), abs=1e-4)


SOFTMAXES: dict[str, Function] = {
    "nn.Softmax": nn.Softmax(-1),
    "F.softmax": lambda x: F.softmax(x, dim=1),
    "torch.softmax": lambda x: torch.softmax(x, 1),
    "method": lambda x: x.softmax(dim=-1),
    "no dimension named": lambda x: F.softmax(x),
    "F.softmin": lambda x: F.softmin(x, 1),
    "another dimension": lambda x: x.reshape(N, 4, 6).softmax(1).flatten(1),
}


def similarity(one: Tensor, other: Tensor) -> float:
    mix = (one + other) / 2
    return float(
        sum(
            math.log(2) - ((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2
            for p, q, m in zip(one, other, mix)
        )
    )


@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.parametrize("form", list(SOFTMAXES))
def test_every_softmax_counts(form: str) -> None:
    net = Between(SOFTMAXES[form])
    rows = net.seen().double()
    rows = rows.reshape(N, 4, 6).transpose(1, 2) if form == "another dimension" else rows[:, None]
    expected = logdet(np.array([[similarity(one, other) for other in rows] for one in rows]))
    assert value(net) == pytest.approx(expected, rel=1e-4)
    assert value(net, logarithm="2") == pytest.approx(expected - N * math.log(math.log(2)), rel=1e-4)
    assert value(net, rows="mean") == pytest.approx(expected - N * math.log(rows.shape[1]), rel=1e-4)


class Attention(nn.Module):
    """Attention by torch's functions; its weights by hand."""

    def __init__(self, form: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.form, self.inner, self.head = form, nn.MultiheadAttention(6, 2, 0.3, batch_first=True), nn.Linear(6, 2)

    def heads(self, x: Tensor) -> list[Tensor]:
        projected = F.linear(x, self.inner.in_proj_weight, self.inner.in_proj_bias)
        return [part.reshape(len(x), -1, 2, 3).transpose(1, 2) for part in projected.chunk(3, -1)]

    def forward(self, x: Tensor) -> Tensor:
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        query, key, values = self.heads(x)
        if self.form == "module":
            mixed = self.inner(x, x, x, need_weights=False)[0]
        else:
            options: dict[str, Any] = {
                "function": {"dropout_p": 0.2},
                "causal": {"is_causal": True},
                "boolean mask": {"attn_mask": causal},
                "added mask": {"attn_mask": torch.zeros(causal.shape).masked_fill(~causal, -math.inf)},
                "scale": {"scale": 2.0},
            }[self.form]
            mixed = F.scaled_dot_product_attention(query, key, values, **options).transpose(1, 2).flatten(2)
        return self.head(mixed).mean(1)

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self.heads(x)
        scores = query @ key.transpose(-2, -1) * (2.0 if self.form == "scale" else 3**-0.5)
        if self.form in ("causal", "boolean mask", "added mask"):
            scores = scores + torch.full(scores.shape[-2:], -math.inf).triu(1)
        return scores.softmax(-1)


@pytest.mark.parametrize("form", ["module", "function", "causal", "boolean mask", "added mask", "scale"])
def test_the_softmax_inside_attention_counts(form: str) -> None:
    net, x = Attention(form), torch.randn(N, 4, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        rows = net.weights(3 * x).double().flatten(1, 2).clamp(min=1e-300)
    expected = logdet(np.array([[similarity(one, other) for other in rows] for one in rows]))
    (score,) = zc.score(net, (3 * x, None), ["generalized_naswot"]).values()
    assert score.value == pytest.approx(expected, rel=1e-4), score.reason


class Mixed(nn.Module):
    """ReLU, GELU, sigmoid, tanh and softmax, one after another."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(width, 40) for width in (5, 40, 40, 40, 40))

    def forward(self, x: Tensor) -> Tensor:
        for layer, function in zip(self.layers, (F.relu, F.gelu, torch.sigmoid, torch.tanh, lambda y: y.softmax(1))):
            x = function(4 * layer(x))
        return x


def test_kinds_add_up_and_share_passes() -> None:
    seen: list[int] = []
    net = Mixed()
    net.register_forward_hook(lambda *_: seen.append(1))
    singles = ("relu", "sigmoid", "tanh", "softmax")
    asked = [zc.proxy("generalized_naswot", kinds=[kind], label=kind) for kind in singles]
    pair = zc.proxy("generalized_naswot", kinds=["tanh", "sigmoid"], label="pair")
    scores = zc.score(net, batch(), ["naswot", "generalized_naswot", pair, *asked])
    assert len(seen) == 1
    # Distances feel last bits: they are not taken in a run for gradients.
    again = zc.score(net, batch(), ["naswot", "generalized_naswot", pair, "jacov", *asked])
    assert len(seen) == 3
    assert {label: again[label].value for label in scores} == {label: score.value for label, score in scores.items()}
    by_hand = np.zeros((N, N))
    x = batch()[0]
    with torch.no_grad():
        for layer, function, entry in zip(
            net.layers, (F.relu, F.gelu, torch.sigmoid, torch.tanh), (signs, signs, equal(4, 0.0), equal(8, -1.0))
        ):
            x = function(4 * layer(x))
            by_hand += one_by_one(x, entry)
        last = (4 * net.layers[4](x)).softmax(1).double()[:, None]
    by_hand += np.array([[similarity(one, other) for other in last] for one in last])
    assert scores["generalized_naswot"].value == pytest.approx(logdet(by_hand), rel=1e-6)
    values = {scores[label].value for label in (*singles, "pair", "naswot")}
    assert len(values) == 6
    assert None not in values


def test_without_such_an_activation_there_is_no_score() -> None:
    (score,) = zc.score(
        Between(torch.tanh), batch(), [zc.proxy("generalized_naswot", kinds=["relu", "softmax"])]
    ).values()
    assert (score.status, "no activation was seen" in score.reason) == ("undefined", True)


def test_what_cannot_be_seen_is_named() -> None:
    net = nn.RNN(5, 4, batch_first=True)
    (score,) = zc.score(net, (torch.randn(N, 3, 5), None), ["generalized_naswot"], logits=0).values()
    assert (score.status, "cannot be seen" in score.reason) == ("undefined", True)


@pytest.mark.parametrize(
    "options",
    [
        {"kinds": ["relu", "swish"]},
        {"kinds": []},
        {"tanh": 1},
        {"sigmoid": "all"},
        {"rows": "max"},
        {"logarithm": "10"},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        zc.proxy("generalized_naswot", **options)


@pytest.fixture
def sine() -> Iterator[Activation]:
    activation = Activation("sine", (torch.sin,), Partition(3, -1.0, 1.0))
    register_activation(activation)
    yield activation
    del REGISTERED["sine"], ACTIVATIONS["sine"]


def test_a_bounded_activation_of_ones_own(sine: Activation) -> None:
    register_activation(sine)  # once more changes nothing
    net = Between(torch.sin)
    assert value(net, kinds=["sine"]) == pytest.approx(logdet(one_by_one(net.seen(), equal(3, -1.0))))
    with pytest.raises(ValueError, match="another name"):
        register_activation(Activation("sine", (torch.cos,), Partition(3, -1.0, 1.0)))
    with pytest.raises(ValueError, match="already"):
        register_activation(Activation("own", (torch.tanh,), Partition(3, -1.0, 1.0)))


def test_a_distance_of_ones_own(sine: Activation) -> None:
    def largest(codes: Tensor) -> Tensor:
        return (codes[:, None] - codes[None]).abs().amax(2)

    del REGISTERED["sine"], ACTIVATIONS["sine"]
    register_activation(Activation("sine", (torch.sin,), Distance(Tensor.double, largest, lambda codes: 2.0)))
    net = Between(torch.sin)
    expected = one_by_one(net.seen(), lambda one, other: 2 - max(abs(a - b) for a, b in zip(one, other)))
    assert value(net, kinds=["sine"]) == pytest.approx(logdet(expected))


def test_what_others_register_changes_no_score(sine: Activation) -> None:
    both = Between(lambda x: torch.sin(3 * torch.tanh(x)))
    with_sine, alone = value(both), value(both, kinds=["relu", "sigmoid", "tanh", "softmax"])
    assert with_sine == alone != value(both, kinds=["tanh", "sine"])
