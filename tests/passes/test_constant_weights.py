"""The network under constant weights: one thin run for all of them equals full runs."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Undefined
from naslib_zc_plugin.passes import Batch, Network, isolated
from naslib_zc_plugin.passes.constant_weights import ConstantWeights, UnknownOperation
from naslib_zc_plugin.proxies.epsilon import epsilon
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
    except (UnknownOperation, Undefined):  # the full run takes over
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
    except UnknownOperation:
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


# Every network that runs --------------------


class Steps(nn.Module):
    """A recurrent layer, and a head on its last state, or on all."""

    def __init__(self, kind: str, last: bool, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = getattr(nn, kind)(6, 8, batch_first=True, **options)
        self.head, self.last = nn.Linear(16 if options.get("bidirectional") else 8, 3), last

    def forward(self, x: Tensor) -> Tensor:
        states = self.layer(x)[0]
        return self.head(states[:, -1] if self.last else states)


WINDOW = (0.1, 1.0)


def scored(net: nn.Module, x: Tensor, weights: tuple[float, float] = WINDOW) -> zc.Score:
    return zc.score(net, (x, None), [zc.proxy("epsilon", weights=weights)])["epsilon"]


def written_out(net: nn.Module, x: Tensor, weights: tuple[float, float] = WINDOW) -> float:
    """Epsilon of copies whose weights are the constants."""
    rows = []
    for value in weights:
        copied = copy.deepcopy(net).eval()
        with torch.no_grad():
            for name, parameter in copied.named_parameters():
                parameter.fill_(0.0 if "bias" in name else value)
            rows.append(copied(x).flatten())
    return epsilon(torch.stack(rows))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"bidirectional": True}], ids=str)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_have_an_epsilon_on_sequences(kind: str, options: dict[str, Any], last: bool) -> None:
    net, x = Steps(kind, last, **options), torch.randn(8, 5, 6)
    score = scored(net, x)
    assert score.value == pytest.approx(written_out(net, x), rel=1e-4), score.reason
    company = [zc.proxy("epsilon", weights=WINDOW), "naswot", "jacov"]
    assert score.value == zc.score(net, (x, None), company)["epsilon"].value


def test_linear_layers_have_an_epsilon_on_positions() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 3))
    x = torch.randn(8, 5, 6)
    assert scored(net, x).value == pytest.approx(written_out(net, x), rel=1e-4)


class Blind(nn.Module):
    """Asks for something that no tensor without memory has."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head, self.calls = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        hidden = self.conv(x).relu().mean((2, 3)).sigmoid()
        hidden = torch.from_numpy(hidden.numpy())
        return self.head(hidden) * self.calls + self.calls


def test_the_full_run_begins_as_the_thin_one_did_and_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    net, x = Blind(), torch.randn(6, 3, 8, 8)
    with caplog.at_level(logging.DEBUG, logger="naslib_zc_plugin"):
        score = scored(net, x)
    assert score.value == pytest.approx(written_out(net, x), rel=1e-4)
    assert "the network is run in full, once for each constant weight" in caplog.text


class Kept(nn.Module):
    """A convolution or linear layer by a weight that was computed before the run."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.conv, self.head, self.first = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), first
        self.kept = {"conv": self.conv.weight * 2, "head": self.head.weight * 2}

    def forward(self, x: Tensor) -> Tensor:
        if self.first:
            return self.head(F.conv2d(x, self.kept["conv"]).relu().mean((2, 3)))
        return F.linear(self.conv(x).relu().mean((2, 3)), self.kept["head"])


@pytest.mark.parametrize("first", [False, True])
def test_weights_of_other_origin_are_no_constants(first: bool) -> None:
    net, x = Kept(first), torch.randn(6, 3, 8, 8)
    with isolated(net.eval()) as module, torch.no_grad(), pytest.raises(UnknownOperation):
        ConstantWeights().collapsed(Network(module), Batch(x), VALUES)
    assert zc.score(net, (x, None), ["epsilon"])["epsilon"].status == "undefined"


def test_types_may_be_mixed() -> None:
    class Mixed(nn.Module):
        def __init__(self, half: bool) -> None:
            super().__init__()
            self.head, self.conv = nn.Linear(4, 3), nn.Conv2d(3, 4, 3)
            self.head.to(torch.float64 if half else torch.float32)

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.conv(x.to(self.conv.weight.dtype)).relu().mean((2, 3)).sigmoid()
            return self.head(hidden.to(self.head.weight.dtype))

    x = torch.randn(6, 3, 8, 8)
    mixed, single = (scored(Mixed(half), x) for half in (True, False))
    assert mixed.value == pytest.approx(single.value, rel=1e-5)


def test_a_network_of_complex_weights_is_run_in_full() -> None:
    class Complex(nn.Module):
        def __init__(self, pairs: bool) -> None:
            super().__init__()
            kind = torch.float32 if pairs else torch.complex64
            self.real, self.imaginary = (nn.Linear(6, 5, bias=False, dtype=kind) for _ in range(2))
            self.pairs = pairs

        def forward(self, x: Tensor) -> Tensor:
            if self.pairs:
                return torch.stack([self.real(x).sigmoid(), self.imaginary(x).sigmoid()], -1)
            output = self.real(x.cfloat())
            return torch.complex(output.real.sigmoid(), output.imag.sigmoid())

    x = torch.randn(8, 6)
    complex_, real = (scored(Complex(pairs), x) for pairs in (False, True))
    assert complex_.value == pytest.approx(real.value, rel=1e-5), complex_.reason
