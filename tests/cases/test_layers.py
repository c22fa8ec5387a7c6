"""Published ways of holding, cutting and calling layers, each with the value that it ought to have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune
from torch.utils.checkpoint import checkpoint

import naslib_zc_plugin as zc

IMAGES, LABELS = (8, 3, 8, 8), torch.arange(8) % 5


def images(seed: int = 0) -> Tensor:
    return torch.randn(IMAGES, generator=torch.Generator().manual_seed(seed))


def value(net: nn.Module, batch: Any, name: str) -> float:
    score = zc.score(net, batch, [name])[name]
    assert score.status == "ok", score
    assert score.value is not None
    return score.value


# Recomputed activations (torch.utils.checkpoint) --------------------


class Recomputing(nn.Module):
    def __init__(self, norm: nn.Module, recomputes: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.block = nn.Sequential(nn.Conv2d(8, 8, 1), norm, nn.ReLU(), nn.Conv2d(8, 8, 1))
        self.head = nn.Linear(8, 5)
        self.recomputes = recomputes

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = checkpoint(self.block, x, use_reentrant=False) if self.recomputes else self.block(x)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("name", ["grad_norm", "snip", "synflow", "ntk", "gradsign", "jacov", "grasp"])
@pytest.mark.parametrize(("dtype", "norm"), [(torch.float64, nn.Identity), (torch.float32, lambda: nn.BatchNorm2d(8))])
def test_recomputing_changes_no_score(name: str, dtype: torch.dtype, norm: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    plain = Recomputing(norm(), recomputes=False).to(dtype)
    recomputing = Recomputing(norm(), recomputes=True).to(dtype)
    recomputing.load_state_dict(plain.state_dict())
    batch = images()[:6].to(dtype), LABELS[:6]
    assert value(recomputing, batch, name) == pytest.approx(value(plain, batch, name), rel=1e-4)


# Weights that forward makes something of --------------------


def masked(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(x, conv.weight * torch.ones_like(conv.weight), conv.bias)


def sliced(conv: nn.Conv2d, x: Tensor) -> Tensor:
    assert conv.bias is not None
    return F.conv2d(x, conv.weight[:6], conv.bias[:6])


def standardised(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(x, conv.weight - conv.weight.mean((1, 2, 3), keepdim=True), conv.bias)


def plainly(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(x, conv.weight, conv.bias)


@pytest.mark.parametrize("forward", [plainly, masked, sliced, standardised])
def test_fisher_sees_the_output_of_a_layer_whatever_its_forward_does(
    forward: Callable[[nn.Conv2d, Tensor], Tensor],
) -> None:
    torch.manual_seed(1)
    conv = type("Own", (nn.Conv2d,), {"forward": forward})(3, 12 if forward is sliced else 6, 3)
    head = nn.Linear(6, 5)
    x = images()
    maps = conv(x).detach().requires_grad_()
    logits = head(F.relu(maps).mean((2, 3)))
    by_maps, by_logits = torch.autograd.grad(F.cross_entropy(logits, LABELS), [maps, logits])
    first = 27 * ((maps * by_maps).sum((2, 3)) ** 2).sum().item() / 16
    last = 6 * ((logits * by_logits) ** 2).sum().item() / 16
    net = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    assert value(net, (x, LABELS), "fisher") == pytest.approx(first + last, rel=1e-4)


@pytest.mark.parametrize("name", ["naswot", "snip", "synflow", "gradsign", "l2_norm"])
def test_a_pruned_network_scores_as_with_the_weights_that_are_left(name: str) -> None:
    torch.manual_seed(0)
    conv, head = nn.Conv2d(3, 6, 3), nn.Linear(216, 5)
    net = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), head)
    prune.l1_unstructured(conv, "weight", amount=0.5)
    got = value(net, (images(), LABELS), name)
    prune.remove(conv, "weight")
    assert got == value(net, (images(), LABELS), name)


class LowRank(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Parameter(torch.randn(1, 4)), nn.Parameter(torch.randn(3, 1))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


@pytest.mark.parametrize(
    ("net", "count"),
    [
        (parametrizations.weight_norm(nn.Linear(192, 5)), 970),  # 5 lengths, 960 directions, 5 biases
        (parametrize.register_parametrization(nn.Linear(4, 3), "weight", LowRank()), 22),
    ],
)
def test_params_counts_what_is_stored(net: nn.Linear, count: int) -> None:
    assert sum(parameter.numel() for parameter in net.parameters()) == count
    assert value(net, (torch.randn(2, net.in_features), None), "params") == count


# Calls that hooks or modes do not see --------------------


class Cells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru, self.rnn = nn.LSTMCell(4, 7), nn.GRUCell(7, 3), nn.RNNCell(3, 5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = memory = x.new_zeros(len(x), 7)
        gated, last = x.new_zeros(len(x), 3), x.new_zeros(len(x), 5)
        for step in x.unbind(1):
            hidden, memory = self.lstm(step, (hidden, memory))
            gated = self.gru(hidden, gated)
            last = self.rnn(gated, last)
        return self.head(last)


def test_flops_of_recurrent_cells() -> None:
    steps, lstm, gru, rnn, head = 6, 4 * 7 * (4 + 7), 3 * 3 * (7 + 3), 5 * (3 + 5), 5 * 3
    assert value(Cells(), (torch.randn(4, steps, 4), None), "flops") == steps * (lstm + gru + rnn) + head


def biased_relu(x: Tensor, bias: Tensor) -> Tensor:
    return torch.relu(x + bias)


class Fused(nn.Module):
    def __init__(self, activation: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 5)
        self.bias, self.activation = nn.Parameter(torch.zeros(1)), activation

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.activation(self.two(F.relu(self.one(x))), self.bias).mean((2, 3)))


def test_a_relu_in_a_scripted_function_counts_or_is_a_reason() -> None:
    scores = []
    for activation in (biased_relu, torch.jit.script(biased_relu)):
        torch.manual_seed(1)
        scores.append(zc.score(Fused(activation), (images(), None), ["naswot"])["naswot"])
    plain, scripted = scores
    assert plain.status == "ok"
    assert scripted.value == plain.value or (scripted.status == "undefined" and "script" in scripted.reason.lower())


class VisionTransformer(nn.Module):
    def __init__(self, depth: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.blocks, self.head = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


@pytest.mark.parametrize("flat", [False, True])
def test_zen_takes_the_map_before_pooling_where_the_head_turns_what_was_pooled(flat: bool) -> None:
    """As heads of ConvNeXt and TinyViT do, which norm the pooled channels in the last dimension."""

    class Head(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            turned = F.layer_norm(F.adaptive_avg_pool2d(x, 1).permute(0, 2, 3, 1), (6,))
            return turned.flatten(1) if flat else turned.permute(0, 3, 1, 2).flatten(1)

    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
    plain = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    turning = nn.Sequential(body, Head(), nn.Identity(), nn.Linear(6, 4))
    x = torch.randn(4, 3, 8, 8)
    assert zc.score(turning, x, "zen")["zen"].value == zc.score(plain, x, "zen")["zen"].value


def test_zen_of_a_network_without_a_map_before_pooling_is_undefined() -> None:
    scores = [zc.score(VisionTransformer(depth), (images(), None), ["zen"])["zen"] for depth in (1, 2, 12)]
    assert {score.status for score in scores} == {"undefined"}, [score.value for score in scores]
