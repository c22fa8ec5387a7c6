"""Gradients by the input of networks of tokens: by the tokens' embedding, whatever else is embedded or given."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes.capture import QUICK, TWICE

N = 5
NAMES = ["jacov", "jacob_cosine", "large_noise_jacobian", "more_noised_jacobian"]


class Positions(nn.Module):
    """Tokens and positions, which are embedded first or last; positions are squashed, so that gradients differ."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens, self.positions, self.head, self.first = (
            nn.Embedding(20, 6),
            nn.Embedding(9, 6),
            nn.Linear(6, 3),
            first,
        )

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1])
        if self.first:
            positions = self.positions(places)
            embedded = self.tokens(tokens)
        else:
            embedded = self.tokens(tokens)
            positions = self.positions(places)
        return self.head(torch.tanh(3 * embedded + positions.sin()).mean(1)).tanh()


@pytest.mark.parametrize("length", [N, N + 1])
def test_positions_are_no_tokens_though_they_be_as_many_as_samples(length: int) -> None:
    tokens = torch.randint(0, 20, (N, length), generator=torch.Generator().manual_seed(0))
    first, last = (zc.score(Positions(order), (tokens, None), NAMES) for order in (True, False))
    assert {name: score.value for name, score in first.items()} == {name: score.value for name, score in last.items()}
    assert None not in {score.value for score in first.values()}


def test_tokens_that_count_are_tokens() -> None:
    net = nn.Sequential(nn.Embedding(N, 6), nn.Linear(6, 3), nn.Tanh())
    score = zc.score(net, (torch.arange(N), None), ["jacov"])["jacov"]
    assert score.value is not None, score.reason


class Pooled(nn.Module):
    """A mean over tokens that a mask leaves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.head = nn.Embedding(20, 6), nn.Linear(6, 3)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        mixed = (self.embedding(tokens) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(mixed.tanh())


@pytest.mark.parametrize("name", [*NAMES, "epe_nas"])
def test_the_gradient_is_not_by_a_mask(name: str) -> None:
    tokens = torch.randint(0, 20, (N, 4), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(N, 4, dtype=torch.long).index_fill(1, torch.tensor([3]), 0)

    def scored(given: Tensor) -> Any:
        return zc.score(Pooled(), ({"tokens": tokens, "mask": given}, torch.arange(N) % 2), [name])[name]

    assert scored(mask).value is not None
    assert (scored(mask.float()).status, "masks as integers" in scored(mask.float()).reason) == ("undefined", True)


# Outputs and weights of every kind --------------------


@pytest.mark.parametrize(
    "name", ["naswot", "grad_norm", "synaptic_saliency", "ntk", "epe_nas", *NAMES, "hidden_synaptic_saliency"]
)
def test_outputs_that_are_not_finite_have_no_gradient(name: str) -> None:
    torch.manual_seed(0)  # of 6 samples two have the same code of 8 units in one draw of sixteen, and no naswot
    net: nn.Module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(6, 6), torch.arange(6) % 3
    if name == "hidden_synaptic_saliency":
        net = Recurrent()
        x = x[:, :, None]
    assert zc.score(net, (x, y), [name])[name].status == "ok"
    x.flatten()[7] = math.nan
    score = zc.score(net, (x, y), [name])[name]
    assert (score.status, "finite" in score.reason) == ("undefined", True)


class Recurrent(nn.Module):
    """All steps of a recurrent layer, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.RNN(1, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0].sum(1))


def test_infinite_outputs_that_the_loss_leaves_out_are_no_hindrance() -> None:
    class Masked(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).index_fill(1, torch.tensor([3]), -math.inf)

    torch.manual_seed(0)
    layers = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)
    x, y = torch.randn(6, 6), torch.arange(6) % 3
    masked = zc.score(Masked(*layers), (x, y), ["grad_norm", "jacov"])
    right = zc.score(nn.Sequential(*layers), (x, y), ["grad_norm"], loss=lambda o, t: F.cross_entropy(o[:, :3], t))
    assert masked["grad_norm"].value == pytest.approx(right["grad_norm"].value)
    assert masked["jacov"].status == "undefined"


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, 1, 1)])
def test_the_tangent_kernel_takes_one_output_per_sample(shape: tuple[int, ...]) -> None:
    class Shaped(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).reshape(shape)

    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    scores = [
        zc.score(kind(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 1)), (x, None), ["ntk"])["ntk"]
        for kind in (Shaped, nn.Sequential)
    ]
    assert scores[0].value == scores[1].value is not None, scores[0].reason


def test_the_tangent_kernel_needs_a_row_per_sample() -> None:
    class Together(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).flatten(0, 1)

    score = zc.score(Together(nn.Linear(6, 9)), (torch.randn(4, 5, 6), None), ["ntk"])["ntk"]
    assert (score.status, "(20, 9) are not one row for each of 4 samples" in score.reason) == ("undefined", True)


@pytest.mark.parametrize("tied", [False, True])
def test_gradients_of_sparse_embeddings_are_those_of_dense_ones(tied: bool) -> None:
    class Words(nn.Module):
        def __init__(self, sparse: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.table, self.head = nn.Embedding(20, 6, sparse=sparse), nn.Linear(6, 20)
            if tied:
                self.head.weight = self.table.weight

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.table(tokens).mean(1).tanh())

    tokens = torch.randint(0, 20, (5, 4), generator=torch.Generator().manual_seed(0))
    names = ["ntk", "snip", "grasp", "synflow", "gradsign", "jacov", "synaptic_saliency"]
    sparse, dense = (zc.score(Words(way), (tokens, tokens[:, 0]), names) for way in (True, False))
    assert {name: score.reason for name, score in sparse.items()} == dict.fromkeys(names, "")
    for name in names:
        assert sparse[name].value == pytest.approx(dense[name].value, rel=1e-6)


class Complex(nn.Module):
    """A network of complex weights, or the same of twice as many real ones."""

    def __init__(self, pairs: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        parts = [torch.randn(size) for size in ((7, 6), (7, 6), (4, 7), (4, 7))]
        self.pairs = pairs
        if pairs:
            self.layers = nn.ModuleList(nn.Linear(part.shape[1], part.shape[0], bias=False) for part in parts)
            made = parts
        else:
            kind = torch.complex64
            self.layers = nn.ModuleList([nn.Linear(6, 7, False, dtype=kind), nn.Linear(7, 4, False, dtype=kind)])
            made = [torch.complex(*parts[:2]), torch.complex(*parts[2:])]
        for layer, weight in zip(self.layers, made):
            layer.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        if self.pairs:
            a, b, c, d = self.layers
            real, imaginary = a(x).relu(), b(x).relu()
            real, imaginary = c(real) - d(imaginary), c(imaginary) + d(real)
        else:
            hidden = self.layers[0](x.cfloat())
            output = self.layers[1](torch.complex(hidden.real.relu(), hidden.imag.relu()))
            real, imaginary = output.real, output.imag
        return (real.square() + imaginary.square() + 0.1).sqrt()


@pytest.mark.parametrize("name", ["snip", "grasp", "synflow", "plain", "synaptic_saliency", "jacov", "naswot"])
def test_a_complex_weight_is_two_real_ones(name: str) -> None:
    batch = torch.randn(8, 6), torch.arange(8) % 4
    found, right = (zc.score(Complex(pairs), batch, [name])[name] for pairs in (False, True))
    assert found.reason == ""
    assert found.value == pytest.approx(right.value, rel=1e-4)


def test_complex_maps_have_no_fisher_information() -> None:
    score = zc.score(Complex(pairs=False), (torch.randn(8, 6), torch.arange(8) % 4), ["fisher"])["fisher"]
    assert (score.status, "is complex" in score.reason) == ("undefined", True)


def test_complex_outputs_are_two_real_ones() -> None:
    class Plain(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.cfloat())

    net = Plain(nn.Linear(6, 3, dtype=torch.complex64))
    weight, x = net[0].weight.detach(), torch.randn(4, 6)
    found = zc.score(net, (x, None), ["synaptic_saliency"])["synaptic_saliency"]
    by = x.sum(0)  # of the sum of real and imaginary parts, by the real and by the imaginary part alike
    assert found.value == pytest.approx(((weight.real.abs() + weight.imag.abs()) * by.abs()).sum().item(), rel=1e-5)


# Second derivatives --------------------


def real(*shape: int) -> Tensor:
    drawn = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))
    return drawn.requires_grad_()


WORDS, LONG, COUNTS = torch.tensor([[1, 2, 0], [2, 2, 1], [1, 0, 0]]), torch.tensor([6, 7, 5]), torch.tensor([2, 3, 1])
TWICE_CALLS: list[Any] = [
    (F.hardsigmoid, lambda f, x: f(3 * x), [(5, 3)]),
    (F.hardsigmoid, lambda f, x: f(3 * x, inplace=True), [(5, 3)]),
    *((torch.cdist, lambda f, x, y, p=p: f(x, y, p), [(2, 5, 3), (2, 4, 3)]) for p in (1.0, 1.5, 2.0, math.inf)),
    (torch.cdist, lambda f, x: f(x, x.sin(), p=2.0), [(5, 3)]),
    (torch.cdist, lambda f, x: f(x, x), [(5, 3)]),
    *((F.pdist, lambda f, x, p=p: f(x, p), [(5, 3)]) for p in (1.0, 2.0, 3.0)),
    *(
        (torch._weight_norm, lambda f, x, g, d=d: f(x, g, d), [(5, 3, 2), s])
        for d, s in ((0, (5, 1, 1)), (2, (1, 1, 2)))
    ),
    *(
        (F.ctc_loss, lambda f, x, r=r: f(x.log_softmax(-1), WORDS, LONG, COUNTS, reduction=r), [(7, 3, 4)])
        for r in ("mean", "sum", "none")
    ),
    (
        F.ctc_loss,
        lambda f, x: f(x.log_softmax(-1), torch.tensor([1, 2, 2, 2, 2, 1]), (6, 4, 5), (2, 3, 1), 0, "sum", True),
        [(7, 3, 4)],
    ),
    (F.ctc_loss, lambda f, x: f(x.log_softmax(-1), WORDS[0, :2], torch.tensor(7), torch.tensor(2)), [(7, 4)]),
]


@pytest.mark.parametrize(("function", "call", "shapes"), TWICE_CALLS)
def test_a_definition_adds_the_second_derivative_alone(function: Any, call: Any, shapes: Any) -> None:
    given = [real(*shape) for shape in shapes]
    right, found = call(function, *given), call(TWICE[function], *given)
    assert torch.equal(right, found)
    weights = torch.randn_like(right)
    pairs = zip(torch.autograd.grad(right, given, weights), torch.autograd.grad(found, given, weights))
    assert all(torch.equal(one, other) for one, other in pairs)
    assert torch.autograd.gradgradcheck(lambda *x: call(TWICE[function], *x), given, atol=1e-6)


def norm(f: Any, x: Tensor, *affine: Tensor) -> Any:
    return f(x, torch.zeros_like(x[0].flatten(1)[:, 0]), torch.ones_like(x[0].flatten(1)[:, 0]), *affine, training=True)


QUICK_CALLS: list[Any] = [
    (F.conv2d, lambda f, x, w, b: f(x, w, b, 2, 1), [(2, 4, 5, 5), (6, 4, 3, 3), (6,)]),
    (F.conv2d, lambda f, x, w: f(x.sin(), w, None, (1, 2), (0, 2), (1, 2), 2), [(2, 4, 5, 7), (6, 2, 3, 3)]),
    (F.conv2d, lambda f, x, w: f(x, w, padding="same"), [(2, 4, 5, 5), (6, 4, 3, 3)]),
    (F.conv2d, lambda f, x, w: f(x, w), [(4, 5, 5), (6, 4, 3, 3)]),
    (F.conv1d, lambda f, x, w, b: f(x, w, b, padding=1), [(2, 4, 5), (6, 4, 3), (6,)]),
    (F.conv3d, lambda f, x, w: f(x, w), [(2, 2, 4, 4, 4), (3, 2, 3, 3, 3)]),
    (F.batch_norm, norm, [(3, 4, 2, 5), (4,), (4,)]),
    (F.batch_norm, norm, [(3, 4, 2, 5)]),
    (F.batch_norm, lambda f, x, w, b: f(x.exp(), None, None, w, b, True), [(7, 3), (3,), (3,)]),
    (F.relu, lambda f, x: f(x), [(5, 3)]),
    (torch.relu, lambda f, x: f(x.sin()), [(5, 3)]),
]


@pytest.mark.parametrize(("function", "call", "shapes"), QUICK_CALLS)
def test_what_is_quick_differs_in_the_second_derivative_alone(function: Any, call: Any, shapes: Any) -> None:
    given = [real(*shape) for shape in shapes]
    assert torch.autograd.gradgradcheck(lambda *x: call(QUICK[function], *x), given, atol=1e-6)
    for layout in (torch.contiguous_format, torch.channels_last):
        single = [
            x.detach().float().to(memory_format=layout if x.ndim == 4 else torch.contiguous_format).requires_grad_()
            for x in given
        ]
        right, found = call(function, *single), call(QUICK[function], *single)
        assert torch.equal(right, found)
        weights = torch.randn_like(right)
        pairs = zip(*(torch.autograd.grad(one, single, weights, create_graph=True) for one in (right, found)))
        assert all(torch.equal(one, other) for one, other in pairs)


def test_a_quick_second_derivative_along_the_weights_is_torchs() -> None:
    x, w, v, scale = real(2, 4, 6, 6), real(5, 4, 3, 3), real(5, 5, 3, 3), real(5)

    def product(conv: Any, norm: Any, relu: Any) -> Any:
        shown = relu(norm(conv(x, w, None, padding=1), None, None, scale, None, True))
        loss = conv(shown, v).square().sum()
        gradients = torch.autograd.grad(loss, (w, v), create_graph=True)
        return torch.autograd.grad(gradients, (x, w, v, scale), (w.detach(), v.detach()))

    functions = (F.conv2d, F.batch_norm, F.relu)
    for one, other in zip(product(*functions), product(*(QUICK[function] for function in functions))):
        torch.testing.assert_close(one, other)


class Squashed(nn.Module):
    """A network with a function of one's own between its layers."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.head, self.function = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.function(self.second(self.first(x).tanh())))


@pytest.mark.parametrize(
    ("function", "written"),
    [
        (nn.Hardsigmoid(), lambda x: torch.clamp(x / 6 + 0.5, 0, 1)),
        (nn.Hardsigmoid(inplace=True), lambda x: torch.clamp(x / 6 + 0.5, 0, 1)),
        (nn.Hardswish(), lambda x: x * torch.clamp(x / 6 + 0.5, 0, 1)),
        (lambda x: torch.cdist(x, x.detach() + 1), lambda x: (x[:, None] - x.detach()[None] - 1).norm(dim=-1)),
    ],
    ids=["hardsigmoid", "in place", "hardswish", "cdist"],
)
def test_grasp_takes_functions_that_torch_differentiates_once(function: Any, written: Any) -> None:
    batch, names = (torch.randn(8, 6), torch.arange(8) % 3), ["grad_norm", "snip", "grasp", "plain"]
    found, right = zc.score(Squashed(function), batch, names), zc.score(Squashed(written), batch, ["grasp"])
    assert found["grasp"].value == pytest.approx(right["grasp"].value, rel=1e-4), found["grasp"].reason
    assert {name: found[name].value for name in names} == {
        name: zc.score(Squashed(function), batch, [name])[name].value for name in names
    }


def test_a_function_that_no_definition_differentiates_twice_is_named() -> None:
    def segments(x: Tensor) -> Tensor:
        return torch.segment_reduce(x, "max", lengths=torch.ones(8, dtype=torch.long))

    batch = torch.randn(8, 6), torch.arange(8) % 3
    scores = zc.score(Squashed(segments), batch, ["grad_norm", "grasp"])
    assert scores["grad_norm"].status == "ok"
    assert (scores["grasp"].status, "_segment_reduce_backward" in scores["grasp"].reason) == ("undefined", True)
