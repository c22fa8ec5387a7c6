"""Per-sample gradients: vectorised they equal the loop, which takes over where vmap refuses; chunks hold classes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import Batch, Network, isolated, per_sample
from naslib_zc_plugin.passes.per_sample import SampleGradients
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


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_chunks_cover_the_batch_once_with_whole_classes(labels: list[int]) -> None:
    batch = Batch(torch.zeros(len(labels), 1), torch.tensor(labels))
    found = list(batch.chunks())
    assert sorted(torch.cat(found).tolist()) == list(range(len(labels)))
    classes = [{labels[index] for index in chunk.tolist()} for chunk in found]
    assert sum(map(len, classes)) == len(set(labels)), "a class is in two chunks"
    limit = max(1, len(labels) // 4)
    assert all(len(chunk) <= limit or len(labels_) == 1 for chunk, labels_ in zip(found, classes))


@given(st.integers(1, 40))
def test_chunks_without_classes_are_quarters(size: int) -> None:
    found = list(Batch(torch.zeros(size, 1), torch.zeros(size, 3)).chunks())
    assert torch.cat(found).tolist() == list(range(size))
    assert max(map(len, found)) <= max(1, size // 4)


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


# Options of the Gram matrices --------------------


@pytest.mark.parametrize("gram", ["sign", "cosine", "raw"])
@pytest.mark.parametrize("by_class", [True, False])
def test_gram_matrices_are_products_of_looped_gradients(gram: str, by_class: bool) -> None:
    case = NETWORKS["inplace_relu"]()
    looped, _ = gradients(NETWORKS["inplace_relu"](), loop=True)
    rows, labels = torch.cat(looped, 1), case.batch[1]
    rows = {"sign": rows.sign(), "raw": rows, "cosine": F.normalize(rows)}[gram]
    groups = [rows[labels == label] for label in labels.unique()] if by_class else [rows]
    expected = sum(float((group @ group.T).mean()) for group in groups) / len(groups)
    request = zc.proxy("gradalign1", gram=gram, by_class=by_class)
    assert case.score([request])["gradalign1"].value == pytest.approx(expected, rel=1e-4)


def test_soft_labels_have_no_classes() -> None:
    case = NETWORKS["inplace_relu"]()
    x, y = case.batch
    soft = (x, F.one_hot(y, 4).float())
    scores = case.score([*NAMES, zc.proxy("gradalign1", label="all", by_class=False)], batch=soft)
    assert scores["gradalign1"].status == scores["gradalign2"].status == "undefined"
    assert "one class index per sample" in scores["gradalign1"].reason
    hard = case.score(["gradsign", zc.proxy("gradalign1", label="all", by_class=False)])
    assert scores["gradsign"].value == pytest.approx(hard["gradsign"].value, rel=1e-3)
    assert scores["all"].value == pytest.approx(hard["all"].value, rel=1e-3)
