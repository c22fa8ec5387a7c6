"""The network under constant weights: one thin run for all of them equals full runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import Batch, Network, isolated
from naslib_zc_plugin.passes.constant_weights import ConstantWeights, UnknownOperation
from naslib_zc_plugin.testing import NETWORKS

VALUES = (1e-3, 0.3, 1.0)
THIN = [
    "conv_bn_relu",
    "inplace_relu",
    "smooth",
    "norm_without_affine",
    "norm_without_statistics",
    "shared_module",
    "dead",
]


def both(net: nn.Module, x: Tensor, logits: Any = None) -> tuple[Tensor, Tensor]:
    """Outputs of the thin run and of the full runs, in double precision."""
    with isolated(net.double().eval()) as module, torch.no_grad():
        network, batch = Network(module, logits), Batch(x.double() if x.is_floating_point() else x)
        return ConstantWeights().collapsed(network, batch, VALUES), ConstantWeights().uncollapsed(
            network, batch, VALUES, 0
        )


@pytest.mark.parametrize("name", THIN)
def test_thin_equals_full(name: str) -> None:
    case = NETWORKS[name]()
    thin, full = both(case.net, case.batch[0], case.logits)
    assert full.shape == (3, 32)
    torch.testing.assert_close(thin, full, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_fast_path_is_right_or_refuses(name: str) -> None:
    case = NETWORKS[name]()
    if name in ("noisy", "branching"):
        pytest.skip("two runs of this network differ")
    try:
        thin, full = both(case.net, case.batch[0], case.logits)
    except Exception:  # whatever it refuses with, the full run takes over
        return
    torch.testing.assert_close(thin, full, rtol=1e-9, atol=1e-12)


def pieces(channels: int) -> st.SearchStrategy[nn.Module]:
    """Layers that keep the number of channels."""
    c = channels
    return st.sampled_from(
        [
            nn.Conv2d(c, c, 3, padding=1),
            nn.Conv2d(c, c, 1, groups=c),
            nn.Conv2d(c, c, 3, padding=2, dilation=2, groups=2),
            nn.Conv2d(c, c, 3, padding="same", padding_mode="reflect"),
            nn.BatchNorm2d(c),
            nn.BatchNorm2d(c, affine=False),
            nn.ReLU(),
            nn.ReLU(inplace=True),
            nn.Hardswish(),
            nn.Sigmoid(),
            nn.GELU(),
            nn.AvgPool2d(3, 1, 1, count_include_pad=False),
            nn.MaxPool2d(3, 1, 1),
            nn.Dropout(),
            nn.GroupNorm(1, c),
            nn.Softmax(1),
            nn.ChannelShuffle(2),
        ]
    )


class Graph(nn.Module):
    """Two paths, joined by a sum, a product or concatenation, perhaps with the input, and a head."""

    def __init__(self, left: list[nn.Module], right: list[nn.Module], join: str, pool: str) -> None:
        super().__init__()
        self.left, self.right, self.join, self.pool = nn.Sequential(*left), nn.Sequential(*right), join, pool
        self.stem, self.head = nn.Conv2d(4, 4, 1), nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x) if "input" not in self.join else x
        left, right = self.left(h), self.right(h)
        if "cat" in self.join:
            joined = torch.cat([left, right, h], 1)
        elif "in place" in self.join:
            joined = left
            joined += right
        elif "gate" in self.join:
            joined = left * right.mean((2, 3), keepdim=True).sigmoid()
        else:
            joined = left + right - 0.5 * h
        if self.pool == "mean":
            return self.head(joined.mean((2, 3)))
        return self.head(
            F.adaptive_avg_pool2d(joined, 1).view(len(x), -1) if self.pool == "view" else joined.flatten(1)
        )


@settings(max_examples=150)
@given(st.data())
def test_random_graphs_are_right_or_refused(data: st.DataObject) -> None:
    paths = [data.draw(st.lists(pieces(4), max_size=3)) for _ in range(2)]
    join = data.draw(st.sampled_from(["sum", "cat", "in place", "gate", "sum input", "cat input", "gate input"]))
    net = Graph(*paths, join, data.draw(st.sampled_from(["mean", "view", "flatten"])))
    x = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 9))))
    if "in place" in join and not paths[0]:
        return
    with torch.no_grad():
        net.eval()(x)
    try:
        thin, full = both(net, x)
    except Exception:
        return
    torch.testing.assert_close(thin, full, rtol=1e-8, atol=1e-10)


class Sliced(nn.Module):
    """Channels of a concatenation are cut off and joined with others, as in NAS-Bench-101's cells."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.left, self.right, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 5, 3, padding=1), nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([F.pad(self.left(x), [1, 1, 1, 1]), self.right(x)], 1)
        part = joined[:, 1:8]
        if self.way == "slice written to":
            part.mul_(2)
            part = joined[:, 1:8]
        elif self.way == "source written to":
            joined.mul_(2)
        elif self.way == "source's view written to":
            joined.flatten(2).mul_(2)
        elif self.way == "steps":
            part = torch.cat([joined[:, ::2], joined[:, :2]], 1)
        return self.head((part * part).mean((2, 3)))


@pytest.mark.parametrize(
    ("way", "refused"),
    [
        ("read", False),
        ("steps", False),
        ("slice written to", True),
        ("source written to", True),
        ("source's view written to", True),
    ],
)
def test_slices_of_channels(way: str, refused: bool) -> None:
    x = torch.randn(3, 3, 6, 6)
    if refused:
        with pytest.raises(UnknownOperation):
            both(Sliced(way), x)
    else:
        thin, full = both(Sliced(way), x)
        torch.testing.assert_close(thin, full, rtol=1e-9, atol=1e-12)
    assert zc.score(Sliced(way), (x, None), ["epsilon"])["epsilon"].status == "ok"


def test_an_unknown_operation_is_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(256, 3))
    with isolated(net) as module, pytest.raises(UnknownOperation):
        ConstantWeights().collapsed(Network(module), Batch(torch.randn(2, 3, 8, 8)), VALUES)


def test_tokens_get_random_embeddings_the_same_for_all_weights() -> None:
    scores = [NETWORKS["tokens"]().score(["epsilon"], seed=seed)["epsilon"] for seed in (0, 0, 1)]
    assert scores[0].status == "ok"
    assert scores[0].value == scores[1].value != scores[2].value


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(5, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 3)),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(6, 4, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Sequential(nn.Flatten(), nn.Linear(7, 3)),
    ],
    ids=["convolution", "linear", "norm", "groups", "input"],
)
def test_a_network_that_cannot_run_has_no_score(net: nn.Module) -> None:
    x = torch.randn(4, 3, 8, 8)
    with pytest.raises((RuntimeError, ValueError)):
        net(x)
    assert zc.score(net, (x, None), ["epsilon"])["epsilon"].status == "failed"


@pytest.mark.parametrize("name", ["conv_bn_relu", "tokens"])
def test_pairs_of_weights_share_a_pass_and_score_what_they_score_alone(name: str) -> None:
    case = NETWORKS[name]()
    pairs = [(1e-3, 1.0), (1.0, 1e-3), (1e-3, 0.3), (0.3, 1.0)]
    asked = [zc.proxy("epsilon", label=str(pair), weights=pair) for pair in pairs]
    together = case.score(asked)
    assert [together[each.label].value for each in asked] == [case.score([each])[each.label].value for each in asked]
    swapped, narrower = together[str(pairs[1])].value, together[str(pairs[2])].value
    assert together[str(pairs[0])].value == pytest.approx(swapped) != pytest.approx(narrower)
    runs: list[int] = []
    case.net.register_forward_hook(lambda *_: runs.append(1))
    case.score(asked)
    assert len(runs) == (1 if name == "conv_bn_relu" else 3)
