"""ReLU is seen in whatever form a network uses it, and counted as Hamming distances count it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import naslib_zc_plugin as zc

Function = Callable[[Tensor], Tensor]


def _clamp_(x: Tensor) -> Tensor:
    return x.clamp_(min=0)


FORMS: dict[str, Function] = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "clamp": lambda x: x.clamp(0),
    "clamp by name": lambda x: x.clamp(min=0),
    "clamp in place": _clamp_,
    "torch.clamp": lambda x: torch.clamp(x, min=0.0),
    "clip": lambda x: x.clip(0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "clamp_min in place": lambda x: x.clamp_min_(0),
    "clamp to a tensor": lambda x: x.clamp(min=torch.zeros(())),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "maximum, zero first": lambda x: torch.maximum(torch.zeros_like(x), x),
    "torch.max of two": lambda x: torch.max(x, torch.zeros_like(x)),
    "method max of two": lambda x: x.max(torch.zeros_like(x)),
    "method maximum": lambda x: x.maximum(torch.zeros(())),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "nn.Threshold": nn.Threshold(0, 0),
    "nn.ReLU6": nn.ReLU6(),
    "F.relu6": F.relu6,
    "nn.Hardtanh from 0": nn.Hardtanh(0, 5),
    "nn.LeakyReLU": nn.LeakyReLU(0.1),
    "leaky in place": nn.LeakyReLU(0.1, inplace=True),
    "F.leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "nn.PReLU": nn.PReLU(),
    "nn.RReLU": nn.RReLU(),
    "F.rrelu": lambda x: F.rrelu(x, training=True),
    "inside a checkpoint": lambda x: checkpoint(torch.relu, x, use_reentrant=False),
}
OTHERS: dict[str, Function] = {
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "silu": F.silu,
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
    "clamp at −1": lambda x: x.clamp(-1, 1),
    "clamp from above": lambda x: x.clamp(max=0),
    "nn.Hardtanh": nn.Hardtanh(),
    "threshold elsewhere": lambda x: F.threshold(x, 0.5, 0),
    "maximum of values": lambda x: x - x.max(1, keepdim=True).values,
    "maximum with 1": lambda x: torch.maximum(x, torch.ones_like(x)),
}


class Net(nn.Module):
    """One activation between two linear layers."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.function = nn.Linear(6, 20), nn.Linear(20, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.function(self.one(x)))


def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(6, 6, generator=torch.Generator().manual_seed(1)), torch.arange(6) % 3


def by_hand(net: Net) -> float:
    """Log-determinant of the numbers of units on whose sign two samples agree, by loops."""
    codes = (net.one(batch()[0]) > 0).tolist()
    kernel = [[float(sum(a == b for a, b in zip(one, other))) for other in codes] for one in codes]
    return float(np.linalg.slogdet(np.array(kernel))[1])


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_counts(form: str) -> None:
    net = Net(FORMS[form])
    score = zc.score(net, batch(), ["naswot"])["naswot"]
    assert score.value == pytest.approx(by_hand(net), rel=1e-12), score.reason


@pytest.mark.parametrize("name", list(OTHERS))
def test_nothing_else_counts(name: str) -> None:
    score = zc.score(Net(OTHERS[name]), batch(), ["naswot"])["naswot"]
    assert score.status == "undefined"
    assert "no ReLU" in score.reason


@pytest.mark.parametrize("form", ["nn.ReLU in place", "method in place", "F.relu"])
def test_gradients_do_not_feel_the_watching(form: str) -> None:
    net = Net(FORMS[form])
    names = ["grad_norm", "snip", "fisher", "jacov"]
    together = zc.score(net, batch(), ["naswot", *names])
    assert {n: zc.score(net, batch(), [n])[n].value for n in names} == {n: together[n].value for n in names}


def test_every_call_counts() -> None:
    relu = nn.ReLU()
    twice = Net(lambda x: relu(-relu(x)))
    once = zc.score(Net(relu), batch(), ["naswot"])["naswot"].value
    # The second call sees nothing positive: all samples agree on its 20 units.
    kernel = np.array([[20.0] * 6] * 6)
    codes = (twice.one(batch()[0]) > 0).double().numpy()
    kernel += codes @ codes.T + (1 - codes) @ (1 - codes).T
    value = zc.score(twice, batch(), ["naswot"])["naswot"].value
    assert value == pytest.approx(np.linalg.slogdet(kernel)[1])
    assert value != once


def test_an_output_without_the_batch_has_a_reason() -> None:
    score = zc.score(Net(lambda x: x * torch.relu(x.mean())), batch(), ["naswot", "grad_norm"])
    assert score["naswot"].status == "undefined"
    assert "first dimension" in score["naswot"].reason
    assert score["grad_norm"].status == "ok"


def test_a_relu_inside_fused_attention_is_named_not_missed() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    net = nn.Sequential(layer, nn.Flatten(), nn.Linear(40, 3)).eval()
    x = torch.randn(4, 5, 8)
    codes: list[Tensor] = []
    hook = layer.linear1.register_forward_hook(lambda m, i, output: codes.append((output > 0).flatten(1).double()))
    net.train()(x)
    hook.remove()
    (code,) = codes
    expected = torch.linalg.slogdet(code @ code.T + (1 - code) @ (1 - code).T).logabsdet
    assert zc.score(net.eval(), (x, None), ["naswot"])["naswot"].value == pytest.approx(float(expected))
