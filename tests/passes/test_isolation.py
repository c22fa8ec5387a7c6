"""A borrowed network comes back bitwise as it was, whatever was done to it."""

from __future__ import annotations

from collections import deque

import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import Network, isolated
from naslib_zc_plugin.testing import NETWORKS, fingerprint, global_state


class Rich(nn.Module):
    """State of every kind, nested, shared and cyclic."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.register_buffer("buffer", torch.zeros(3))
        self.register_buffer("nothing", None)
        self.plain = torch.arange(3.0)
        self.view = self.plain[1:]
        self.inside = [{"deep": (deque([torch.zeros(2)]), {1, 2})}, {3}]
        self.hidden = {"module": [nn.BatchNorm1d(3)]}
        self.cycle: list[object] = [self]
        self.cycle.append(self.cycle)
        self.frozen = frozenset({1})
        self.alias = self.inside[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def wreck(net: Rich) -> None:
    """Everything that a forward run might do."""
    net.buffer.add_(1)
    net.buffer = torch.ones(3)
    net.nothing = torch.ones(1)
    net.plain.mul_(2)
    net.inside[0]["deep"][0].append(1)
    net.inside[0]["deep"][0][0].add_(1)
    net.inside[0]["deep"][1].clear()
    net.inside.append(4)
    net.inside[0]["new"] = 1
    hidden = net.hidden["module"][0]
    hidden.running_mean.add_(1)
    hidden.eval()
    hidden.extra = 1
    net.hidden.clear()
    net.cycle.clear()
    net.added = nn.Linear(1, 1)
    net.layer.register_forward_hook(lambda *_: None)
    net.layer.bias = None
    net.layer = nn.Identity()
    del net.frozen
    net.eval()
    net.__class__ = nn.Identity  # type: ignore[assignment]


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_a_wrecked_network_is_restored(error: type[BaseException] | None) -> None:
    net = Rich()
    before, state = fingerprint(net), global_state()
    try:
        with isolated(net) as module:
            assert module is net
            torch.rand(2)
            wreck(net)
            assert before.changes(fingerprint(net)) != []
            if error:
                raise error("in the middle")
    except (RuntimeError, KeyboardInterrupt, GeneratorExit) as raised:
        assert type(raised) is error
    assert before.changes(fingerprint(net)) == []
    assert global_state() == state


def test_modes_inside_are_those_that_passes_need() -> None:
    with (
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", dtype=torch.bfloat16),
        isolated(nn.Linear(1, 1)),
    ):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == torch.float32, "autocast is on"


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize("name", ["weight_norm", "weight_norm_by_hook", "spectral_norm"])
def test_computed_weights_are_plain_inside(name: str, runs: bool) -> None:
    case = NETWORKS[name]()
    before = fingerprint(case.net)
    conv = next(case.net.children())
    with isolated(case.net, runs) as module:
        Network(module)
        assert type(conv) is nn.Conv2d
        assert isinstance(conv.weight, nn.Parameter)
        assert sorted(name for name, _ in conv.named_parameters()) == ["bias", "weight"]
    assert before.changes(fingerprint(case.net)) == []


def test_the_value_is_that_of_the_network_with_plain_weights() -> None:
    computed = NETWORKS["weight_norm"]()
    conv = next(computed.net.children())
    plain = nn.Conv2d(3, 6, 3)
    with torch.no_grad():
        plain.weight.copy_(conv.weight)
        plain.bias.copy_(conv.bias)  # type: ignore[union-attr]
    same = nn.Sequential(plain, *list(computed.net.children())[1:])
    names = ["naswot", "grad_norm", "snip", "fisher", "synflow", "gradsign", "l2_norm", "flops"]
    one, other = computed.score(names), zc.score(same, computed.batch, names)
    for name in names:
        assert one[name].value == pytest.approx(other[name].value, rel=1e-6)


def test_scoring_thrice_gives_the_same() -> None:
    for name in ("stateful", "spectral_norm", "weight_norm_by_hook", "eval_mode"):
        case = NETWORKS[name]()
        first, *others = ({n: s.value for n, s in case.score(zc.list_proxies()).items()} for _ in range(3))
        assert others == [first, first]
