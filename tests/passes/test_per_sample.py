"""Per-sample gradients: vectorised they equal the loop, which takes over where vmap refuses; chunks hold classes."""

from __future__ import annotations

import logging

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import (
    Batch,
    Network,
    engine,
    isolated,
    per_sample,
)
from naslib_zc_plugin.passes.per_sample import SampleGradients
from naslib_zc_plugin.report.cost import _peak
from naslib_zc_plugin.testing import NETWORKS, Case

NAMES = ["gradsign", "gradalign1", "gradalign2"]
VECTORISED = [
    "conv_bn_relu", "functional_relu", "inplace_relu", "kinds_of_convolution", "norm_without_affine", "other_norms",
    "residual_in_place", "branches", "shared_module", "tied_weights", "weight_norm", "frozen", "two_outputs", "conv1d",
]  # fmt: skip


def gradients(case: Case, loop: bool) -> tuple[list[Tensor], bool]:
    """Gradients of all samples at once, and whether the loop made them."""
    x, y = case.batch
    with isolated(case.net.double().train()) as module:
        made = SampleGradients(Network(module, case.logits), Batch(x.double(), y))
        made._loop = loop
        return made(torch.arange(len(y))), made._loop


@pytest.mark.parametrize("name", VECTORISED)
def test_vectorised_equals_looped(name: str) -> None:
    vectorised, fell_back = gradients(NETWORKS[name](), loop=False)
    looped, _ = gradients(NETWORKS[name](), loop=True)
    assert not fell_back, "vmap runs this network, with the default loss: the loop is a waste of time"
    assert len(vectorised) == len(looped) > 0
    for one, other in zip(vectorised, looped):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["branching", "stateful", "hooked"])
def test_what_vmap_refuses_gets_the_loop(name: str) -> None:
    scores = NETWORKS[name]().score(NAMES)
    assert {label: score.status for label, score in scores.items()} == dict.fromkeys(NAMES, "ok"), scores


def test_the_loop_takes_over_without_a_trace_of_the_first_attempt() -> None:
    class Branching(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two = torch.nn.Linear(5, 6), torch.nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.one(x).relu()
            return self.two(-h if h.sum().item() < 0 else h)

    net, batch = Branching(), (torch.randn(9, 5), torch.arange(9) % 3)
    same = torch.nn.Sequential(net.one, torch.nn.ReLU(), net.two)
    branching, plain = zc.score(net, batch, NAMES), zc.score(same, batch, NAMES)
    for name in NAMES:
        assert branching[name].value == pytest.approx(plain[name].value, rel=1e-3)


def test_a_network_that_differentiates_in_its_forward_pass_has_gradients() -> None:
    class Energy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(5, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            energy = self.layer(x).tanh().sum()
            (force,) = torch.autograd.grad(energy, x, create_graph=True)
            return force[:, :3]

    net, x, y = Energy(), torch.randn(6, 5), torch.arange(6) % 3
    with isolated(net) as module:
        found = SampleGradients(Network(module), Batch(x, y))(torch.arange(6))
    for index in range(6):
        loss = F.cross_entropy(net(x[index : index + 1]), y[index : index + 1])
        (expected,) = torch.autograd.grad(loss, [net.layer.weight])
        torch.testing.assert_close(found[0][index], expected.flatten())


def test_the_loop_begins_each_sample_with_the_network_as_it_was() -> None:
    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer, self.count = torch.nn.Linear(5, 3), 0

        def forward(self, x: Tensor) -> Tensor:
            self.count += 1
            return self.layer(x) * self.count * (1.0 if float(x.detach().sum()) < 100 else 2.0)  # no vmap

    x, y = torch.randn(6, 5), torch.arange(6) % 3
    net = Counting()
    with isolated(net) as module:
        found = SampleGradients(Network(module), Batch(x, y))(torch.arange(6))
    for index in range(6):
        loss = F.cross_entropy(net.layer(x[index : index + 1]), y[index : index + 1])
        (expected,) = torch.autograd.grad(loss, [net.layer.weight])
        torch.testing.assert_close(found[0][index], expected.flatten())


class Text(nn.Module):
    """Its embedding writes to its weight in each forward pass."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = nn.Embedding(20, 6, max_norm=1.0), nn.Linear(6, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.table(tokens).mean(1))


class Prototypes(nn.Module):
    """Writes to a parameter of its own, and to a layer's weight."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.prototypes = nn.Linear(4, 6), nn.Parameter(torch.randn(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.prototypes.copy_(F.normalize(self.prototypes, dim=1))
            self.layer.weight.mul_(0.5)
        return F.relu(self.layer(x)) @ self.prototypes.T


class Moving(nn.Module):
    """Adds the sample to a parameter, which a later sample must not see."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.mean = nn.Linear(4, 5), nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.mean.add_(x.mean(0))
        return self.layer(x * self.mean)


@pytest.mark.parametrize("kind", [Text, Prototypes, Moving])
@pytest.mark.parametrize("loop", [False, True])
def test_what_a_forward_pass_writes_to_its_weights_stays_in_one_sample(kind: type[nn.Module], loop: bool) -> None:
    net, y = kind(), torch.arange(8) % 5
    x = torch.randint(20, (8, 4)) if kind is Text else torch.randn(8, 4)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with isolated(net) as module:
        made = SampleGradients(Network(module), Batch(x, y))
        made._loop = loop
        found = made(torch.arange(8))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    layer = net.head if kind is Text else net.layer
    for index in range(8):
        loss = F.cross_entropy(net(x[index : index + 1]), y[index : index + 1])
        (expected,) = torch.autograd.grad(loss, [layer.weight])
        torch.testing.assert_close(found[0][index], expected.flatten())
        net.load_state_dict(before)


def test_a_loss_may_write_to_its_labels() -> None:
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels.sub_(1))

    net, x, y = nn.Linear(5, 3), torch.randn(6, 5), 1 + torch.arange(6) % 3
    with isolated(net) as module:
        batch = Batch(x, y, loss)
        first = SampleGradients(Network(module), batch)(torch.arange(6))
    assert torch.equal(y, 1 + torch.arange(6) % 3)
    expected = torch.autograd.grad(F.cross_entropy(net(x[:1]), y[:1] - 1), [net.weight])[0]
    torch.testing.assert_close(first[0][0], expected.flatten())


class Norms(nn.Module):
    """Convolutions with batch norm, which a checkpoint computes again."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.head, self.again = nn.Conv2d(3, 8, 3), nn.Linear(8, 5), again
        self.body = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.0), nn.Conv2d(8, 8, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = checkpoint(self.body, x, use_reentrant=False) if self.again else self.body(x)
        return self.head(x.mean((2, 3)))


def test_a_checkpoint_computes_again_under_the_same_norm_and_weights() -> None:
    x, y = torch.randn(6, 3, 6, 6), torch.arange(6) % 5
    rows = []
    for again in (False, True):
        net = Norms(again)
        with isolated(net.double()) as module:
            network = Network(module)
            for name in network.layers:  # others than the module holds, as passes substitute them
                network.parameters[name] = network.parameters[name] * 1.5
            rows.append(SampleGradients(network, Batch(x.double(), y))(torch.arange(6)))
    for plain, checkpointed in zip(*rows):
        torch.testing.assert_close(plain, checkpointed)


def test_what_vmap_refuses_is_logged_and_stands_in_the_score(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger=engine.__name__):
        scores = zc.score(Norms(again=True), (torch.randn(6, 3, 6, 6), torch.arange(6) % 5), ["gradsign", "params"])
    (record,) = [each for each in caplog.records if each.name == engine.__name__]
    assert "one by one" in record.message and record.exc_info is not None
    (detour,) = scores["gradsign"].detours
    assert detour.startswith("samples run one by one: ")
    assert scores["params"].detours == ()


def test_an_error_of_a_later_sample_is_the_networks() -> None:
    class Picky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            if bool((x > 99).any()):
                raise LookupError("there is no such word")
            return self.layer(x)

    x = torch.randn(6, 5)
    x[4, 0] = 100.0
    score = zc.score(Picky(), (x, torch.arange(6) % 3), ["gradsign"])["gradsign"]
    assert score.status == "failed" and "LookupError: there is no such word" in score.reason


def test_a_gradient_that_is_no_number_has_no_sign() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two = nn.Linear(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.two((self.one(x) * 0).sqrt())  # an infinite slope times zero

    for score in zc.score(Root(), (torch.randn(6, 5), torch.arange(6) % 3), NAMES).values():
        assert score.status == "undefined" and "not finite" in score.reason


def test_a_sample_that_reaches_no_weight_has_gradients_of_zero() -> None:
    class Deaf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).detach() if float(x[0, 0]) > 99 else self.layer(x)

    x = torch.randn(4, 5)
    x[2, 0] = 100.0
    with isolated(Deaf()) as module:
        (found,) = SampleGradients(Network(module), Batch(x, torch.arange(4) % 3))(torch.arange(4))
    assert found.abs().sum(1).gt(0).tolist() == [True, True, False, True]


@pytest.mark.parametrize("loop", [False, True])
def test_a_complex_weight_is_two_real_ones(loop: bool) -> None:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.mix, self.head = nn.Linear(3, 4, dtype=torch.complex64), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.fft.irfft(self.mix(torch.fft.rfft(x)), n=6))

    net, x, y = Spectral(), torch.randn(6, 5), torch.arange(6) % 3
    with isolated(net) as module:
        made = SampleGradients(Network(module), Batch(x, y))
        made._loop = loop
        found = made(torch.arange(6))
    for index in range(6):
        loss = F.cross_entropy(net(x[index : index + 1]), y[index : index + 1])
        (mix,) = torch.autograd.grad(loss, [net.mix.weight])
        torch.testing.assert_close(found[0][index], torch.view_as_real(mix).flatten(), rtol=1e-4, atol=1e-6)
    signs = torch.cat([rows.sign() for rows in found], 1).sum(0)
    assert zc.score(net, (x, y), ["gradsign"])["gradsign"].value == float(signs.abs().sum())


def test_a_sparse_gradient_is_a_dense_one() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.table, self.head = nn.Embedding(7, 3, sparse=True), nn.Linear(3, 7, bias=False)
            self.head.weight = self.table.weight

        def forward(self, tokens: Tensor) -> Tensor:
            return self.table(tokens).mean(1)

    net, x, y = Tied(), torch.randint(7, (6, 2)), torch.arange(6) % 3
    with isolated(net) as module:
        found = SampleGradients(Network(module), Batch(x, y))(torch.arange(6))
    for index in range(6):
        loss = F.cross_entropy(net(x[index : index + 1]), y[index : index + 1])
        (expected,) = torch.autograd.grad(loss, [net.table.weight])
        torch.testing.assert_close(found[0][index], expected.to_dense().flatten())


# Chunks --------------------


def test_samples_whose_graphs_are_large_come_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 7, bias=False), torch.nn.Tanh(), torch.nn.Linear(7, 3, bias=False))
    x, y = torch.randn(10, 5), torch.arange(10) % 3
    # What a sample keeps: the inputs of both layers, the second's weight, tanh's output, and a few numbers of the loss.
    graph, runs = 4 * (5 + 7 + 3 * 7 + 7), []
    net.register_forward_hook(lambda *_: runs.append(1))
    with isolated(net) as module:
        whole = SampleGradients(Network(module), Batch(x, y))(torch.arange(10))
        assert len(runs) == 2, "one to see what a graph takes, and one for all samples"
        monkeypatch.setattr(per_sample, "GRAPHS", 4 * graph)
        parts = SampleGradients(Network(module), Batch(x, y))(torch.arange(10))
        assert len(runs) == 2 + 1 + 4, "ten samples by three"
    for one, other in zip(whole, parts):
        torch.testing.assert_close(one, other)


LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@given(LABELS, st.integers(1, 45))
@example([0] * 9, 4)
def test_chunks_cover_the_batch_once_class_by_class(labels: list[int], most: int) -> None:
    found = list(Batch(torch.zeros(len(labels), 1), torch.tensor(labels)).chunks(most))
    assert sorted(torch.cat(found).tolist()) == list(range(len(labels)))
    assert [labels[index] for index in torch.cat(found).tolist()] == sorted(labels)
    limit = max(1, min(len(labels) // 4, most))
    for chunk in found:
        classes = {labels[index] for index in chunk.tolist()}
        assert len(chunk) <= (limit if len(classes) > 1 else most)
    for label in set(labels):
        several = sum(any(labels[index] == label for index in chunk.tolist()) for chunk in found)
        assert several == 1 or labels.count(label) > most, "a class that fits is in two chunks"


@given(st.integers(1, 40), st.integers(0, 45))
def test_chunks_without_classes_are_quarters(size: int, most: int) -> None:
    found = list(Batch(torch.zeros(size, 1), torch.zeros(size, 3)).chunks(most))
    assert torch.cat(found).tolist() == list(range(size))
    assert max(map(len, found)) == max(1, min(size // 4, most))


def test_the_order_of_samples_does_not_matter() -> None:
    case = NETWORKS["inplace_relu"]()
    x, y = case.batch
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(3))
    shuffled = case.score(NAMES, batch=(x[order], y[order]))
    for name, score in case.score(NAMES).items():
        assert shuffled[name].value == pytest.approx(score.value, rel=1e-6)


def test_signs_are_counted_exactly_in_any_precision() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(40, 60), torch.nn.Tanh(), torch.nn.Linear(60, 2)).bfloat16()
    case = Case(net, (torch.randn(8, 40), torch.zeros(8, dtype=torch.int64)))
    with isolated(case.net) as module:
        found = SampleGradients(Network(module), Batch(case.batch[0].bfloat16(), case.batch[1]))(torch.arange(8))
    signs = torch.cat(found, 1).sign().double()
    scores = case.score(["gradsign", "gradalign1"])
    assert scores["gradsign"].value == float(signs.sum(0).abs().sum())
    assert scores["gradalign1"].value == float((signs @ signs.T).mean())


def test_the_vectorised_run_begins_each_chunk_with_the_network_as_it_was() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer, self.count = nn.Linear(5, 3), 0

        def forward(self, x: Tensor) -> Tensor:
            self.count += 1
            return self.layer(x) ** self.count

    net, x, y = Counting(), torch.randn(6, 5), torch.arange(6) % 3
    with isolated(net) as module:
        made = SampleGradients(Network(module), Batch(x, y))
        parts = [made(indices)[0] for indices in torch.arange(6).split(2)]
        assert not made._loop
        torch.testing.assert_close(torch.cat(parts), made(torch.arange(6))[0])


def test_no_graph_of_the_gradients_is_kept() -> None:
    blocks = [part for _ in range(8) for part in (nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())]
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    x, y = torch.randn(32, 3, 24, 24), torch.arange(32) % 4

    def step() -> dict[str, zc.Score]:
        F.cross_entropy(net(x), y).backward()
        return {}

    step()
    (training, _), (samples, _) = (_peak(task, x.device) for task in (step, lambda: zc.score(net, (x, y), NAMES)))
    assert samples < 0.4 * training
