"""The network under constant weights: one thin run for all of them equals full runs."""

from __future__ import annotations

import copy
import logging
import random
from typing import Any, Optional

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Undefined
from naslib_zc_plugin.passes import Batch, Network, isolated, observe
from naslib_zc_plugin.passes.constant_weights import COLLAPSED_LAYERS, ConstantWeights, UnknownOperation
from naslib_zc_plugin.passes.inputs import tree_map
from naslib_zc_plugin.proxies.epsilon import constant_outputs, epsilon
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.testing import NETWORKS
from tests.golden.nets import SPECS, load
from tests.passes.wrapped import wrapped

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


def both(net: nn.Module, x: Tensor, logits: Any = None, biases: str = "zero") -> tuple[Tensor, Tensor]:
    """Outputs of the thin run and of the full runs, in double precision."""
    setting = ConstantWeights(biases)
    with isolated(net.double().eval()) as module, torch.no_grad():
        network, batch = Network(module, logits), Batch(x.double() if x.is_floating_point() else x)
        return setting.collapsed(network, batch, VALUES), setting.uncollapsed(network, batch, VALUES, 0)


@pytest.mark.parametrize("biases", ["zero", "weight"])
@pytest.mark.parametrize("name", THIN)
def test_thin_equals_full(name: str, biases: str) -> None:
    case = NETWORKS[name]()
    thin, full = both(case.net, case.batch[0], case.logits, biases)
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


class Branches(nn.Module):
    """Branches that begin alike, of which some write to what they have got, before or after the others look at it."""

    def __init__(self, writes: str) -> None:
        super().__init__()
        self.first, self.writes = nn.Conv2d(3, 4, 3, padding=1), writes
        self.convolutions = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(3))
        self.last = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x, total = self.first(x), 0
        for place, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            shown = F.relu(x)
            if self.writes == "relu" and place == 1:
                shown.mul_(3)
            made = convolution(shown)
            if self.writes == "convolution" and place == 0:
                made[:, :, :2].add_(1)
            made = norm(made)
            if self.writes == "norm" and place < 2:
                made.mul_(place + 2.0)
            total = total + made
            if self.writes == "input" and place == 0:
                x += 2
        return self.last(total.mean((2, 3)))


@pytest.mark.parametrize("writes", ["", "relu", "convolution", "norm", "input"])
def test_branches_that_begin_alike_may_write_to_what_they_got(writes: str) -> None:
    thin, full = both(Branches(writes), torch.randn(4, 3, 6, 6))
    torch.testing.assert_close(thin, full, rtol=1e-9, atol=1e-12)


def test_what_branches_begin_with_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    convolve = COLLAPSED_LAYERS[F.conv2d]
    monkeypatch.setitem(
        COLLAPSED_LAYERS, F.conv2d, lambda *args, **given: made.append(args) or convolve(*args, **given)
    )
    both(Branches(""), torch.randn(4, 3, 6, 6))
    assert len(made) == 2


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


@st.composite
def graphs(draw: st.DrawFn, samples: int) -> tuple[nn.Module, Tensor]:
    """A graph that has run once, and images."""
    paths = [draw(st.lists(pieces(4), max_size=3)) for _ in range(2)]
    join = draw(st.sampled_from(["sum", "cat", "in place", "gate", "sum input", "cat input", "gate input"]))
    assume("in place" not in join or paths[0])
    net = Graph(*copy.deepcopy(paths), join, draw(st.sampled_from(["mean", "view", "flatten"])))
    x = torch.randn(samples, 4, 5, 5, generator=torch.Generator().manual_seed(draw(st.integers(0, 9))))
    with torch.no_grad():
        net.eval()(x)
    return net, x


@settings(max_examples=150)
@given(graphs(3), st.sampled_from(["zero", "weight"]))
def test_random_graphs_are_right_or_refused(made: tuple[nn.Module, Tensor], biases: str) -> None:
    try:
        thin, full = both(*made, biases=biases)
    except UnknownOperation:
        return
    torch.testing.assert_close(thin, full, rtol=1e-8, atol=1e-10)


# One value by either way --------------------


class InFull(nn.Module):
    """A network that no thin run is known for: the same one."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Any) -> Any:
        return tree_map(lambda output: torch.from_numpy(output.numpy()), self.net(*inputs))


def epsilons(
    net: nn.Module, x: Tensor, weights: tuple[float, float], biases: str = "zero", logits: Any = None
) -> list[float | None]:
    """Epsilon, None if undefined, of a network as it can be run, and in full."""
    asked, found = constant_outputs(weights, setting=ConstantWeights(biases)), list[Optional[float]]()
    for each in (net, InFull(net)):
        with isolated(each) as module:
            network = Network(module, logits)
            outcome = observe(network, Batch(x), [asked])[asked]
            assert each is net or outcome.error or outcome.detours or asked.setting.keeps(network)
        if outcome.error is not None:
            assert isinstance(outcome.error, Undefined)
            found.append(None)
            continue
        try:
            found.append(epsilon(outcome.value))
        except Undefined:
            found.append(None)
    return found


def one_value(found: list[float | None]) -> bool:
    """Whether both have the same status, and the same value; 0 but for rounding in networks of one path."""
    thin, full = found
    return full == (None if thin is None else pytest.approx(thin, rel=1e-6, abs=1e-7))


WINDOWS = [(1e-7, 1.0), (1e-4, 10.0), (1e-3, 1.0)]


@settings(max_examples=100)
@given(graphs(16), st.sampled_from(WINDOWS), st.sampled_from(["zero", "weight"]))
def test_random_graphs_have_one_epsilon(
    made: tuple[nn.Module, Tensor], window: tuple[float, float], biases: str
) -> None:
    assert one_value(epsilons(*made, window, biases))


@pytest.mark.parametrize("biases", ["zero", "weight"])
@pytest.mark.parametrize("name", SPECS)
def test_golden_networks_have_one_epsilon(name: str, biases: str) -> None:
    golden = load(name)
    assert all(one_value(epsilons(golden.net, golden.batch[0], window, biases)) for window in WINDOWS)


@pytest.mark.parametrize("biases", ["zero", "weight"])
@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"noisy", "branching"}))
def test_odd_networks_have_one_epsilon(name: str, biases: str) -> None:
    case = NETWORKS[name]()
    inputs = case.batch[0]
    if not isinstance(inputs, Tensor):
        pytest.skip("inputs that are no tensor")
    assert one_value(epsilons(case.net, inputs, (1e-2, 1.0), biases, case.logits))


@pytest.mark.parametrize(
    ("name", "pair", "options"),
    [
        ("nasbench201", (1e-7, 1.0), {"C": 4, "N": 1, "num_classes": 10}),
        ("nasbench101", (1e-4, 10.0), {"num_classes": 1, "variant": "epsilon"}),
    ],
)
def test_networks_of_benchmarks_have_one_epsilon(name: str, pair: tuple[float, float], options: Any) -> None:
    """It differed by up to 6 % in NAS-Bench-201, with ten classes and 16 samples."""
    x = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    searched, rng = space(name), random.Random(1)
    for biases, number in (("zero", 8), ("weight", 4)) if name == "nasbench201" else (("zero", 3),):
        window = pair if biases == "zero" else (1e-2, 1.0)  # 1e-7 leaves all equal where biases have it, too
        found = [epsilons(searched.build(searched.sample(rng), **options), x, window, biases) for _ in range(number)]
        assert any(thin is not None for thin, _ in found)
        assert all(map(one_value, found))


@pytest.mark.parametrize(
    "wrapper", ["functional", "functional transposed", "transposed", "einsum", "addmm", "compiled layer"]
)
@pytest.mark.parametrize("network", ["conv", "conv_bn"])
def test_wrapped_networks_have_the_epsilon_of_plain_ones(wrapper: str, network: str) -> None:
    """In single precision, where the last bits of a sum in another order would differ by far more."""
    cases = [wrapped([wrapper], network, form) for form in ("wrapped", "own")]
    values = [scored(case.net.float(), case.batch[0].float(), (1e-7, 1.0)).value for case in cases]
    assert values[0] == pytest.approx(values[1], rel=1e-6, abs=1e-7)


def test_biases_equal_to_the_weight_count_on_the_fast_path() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Sigmoid(),
                        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))  # fmt: skip
    x = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    asked = [zc.proxy("epsilon", label=biases, weights=WINDOW, biases=biases) for biases in ("zero", "weight")]
    scores = zc.score(net, (x, None), asked)
    assert [score.detours for score in scores.values()] == [(), ()]
    for biases, score in scores.items():
        assert score.value == pytest.approx(written_out(net, x, biases=biases), rel=1e-4)
    assert abs(scores["zero"].value - scores["weight"].value) > 1e-3


def test_outputs_in_double_precision_that_are_equal_but_for_rounding_are_equal() -> None:
    exact = torch.tensor([[1.0, 1.0, 2.0, 3.0], [1.0, 1.0, 3.0, 9.0]], dtype=torch.float64)
    rounded = exact.clone()
    rounded[:, 1] += 2.0**-52
    assert epsilon(rounded) == pytest.approx(epsilon(exact), rel=1e-12)
    rounded[1, 2:] = 1.0
    with pytest.raises(Undefined, match="all outputs are equal"):
        epsilon(rounded)


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


def written_out(net: nn.Module, x: Tensor, weights: tuple[float, float] = WINDOW, biases: str = "zero") -> float:
    """Epsilon of copies whose weights are the constants."""
    rows = []
    for value in weights:
        copied = copy.deepcopy(net).eval()
        with torch.no_grad():
            for module in copied.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.train()  # by the batch's statistics
            for name, parameter in copied.named_parameters():
                parameter.fill_(0.0 if "bias" in name and biases == "zero" else value)
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
    (detour,) = score.detours
    assert detour.startswith("the network is run in full, once for each constant weight: UnknownOperation: ")
    assert scored(nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.Sigmoid()), x).detours == ()
    assert NETWORKS["tokens"]().score(["epsilon"])["epsilon"].detours == ()  # run in full whatever happens


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
