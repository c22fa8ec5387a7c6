"""The trace of the tangent kernel, by samples apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing import NETWORKS

EVERY = zc.proxy("ntk_trace", label="every", of="logits")


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 7, bias=False), nn.Tanh(), nn.Linear(7, 3, bias=False)).double()


X, Y = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(0)).double(), torch.tensor([0, 1, 2, 2, 1, 1])


def test_it_is_the_root_of_the_kernels_trace() -> None:
    """Of a network without norms and biases, for which batches do not matter, by the kernel's eigenvalues."""
    made = net()
    weights = list(made.parameters())
    rows = []
    for logit in made(X)[torch.arange(6), Y]:
        found = torch.autograd.grad(logit, weights, retain_graph=True)
        rows.append(torch.cat([gradient.flatten() for gradient in found]).numpy())
    kernel = np.stack(rows) @ np.stack(rows).T
    score = zc.score(made, (X, Y), ["ntk_trace"])["ntk_trace"]
    assert score.value == pytest.approx(np.sqrt(np.linalg.eigvalsh(kernel).sum() / 6))


def test_without_labels_it_is_the_mean_over_logits() -> None:
    squares = [
        zc.score(net(), (X, torch.full((6,), label)), ["ntk_trace"])["ntk_trace"].value or 0 for label in range(3)
    ]
    score = zc.score(net(), (X, None), [EVERY])["every"]
    assert score.value == pytest.approx(np.sqrt(np.mean(np.square(squares))))


def test_the_loss_does_not_matter_and_chunks_neither() -> None:
    def loss(output: Tensor, labels: Tensor) -> Tensor:
        raise AssertionError("the loss is not asked for")

    values = {
        zc.score(net(), (X, Y), [zc.proxy("ntk_trace", memory=memory)], loss=loss)["ntk_trace"].value
        for memory in (1, 4000, 1 << 29)
    }
    assert len(values) == 1 or max(v for v in values if v) == pytest.approx(min(v for v in values if v), rel=1e-12)
    assert None not in values


def test_a_network_that_vmap_cannot_run_goes_through_the_loop() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) if float(x.sum()) < 1e9 else x

    for request in ("ntk_trace", EVERY):
        one, other = (zc.score(made, (X, Y), [request]) for made in (net(), Branching()))
        assert [s.value for s in one.values()] == pytest.approx([s.value for s in other.values()], rel=1e-12)


@pytest.mark.parametrize("request_", ["ntk_trace", EVERY], ids=["target", "logits"])
def test_a_dead_network_has_none(request_: str | zc.ProxyRequest) -> None:
    (score,) = NETWORKS["dead"]().score([request_]).values()
    assert (score.status, "do not depend" in score.reason) == ("undefined", True)


def test_what_is_no_class_index_is_told() -> None:
    soft = torch.softmax(torch.randn(6, 3, dtype=torch.float64), 1)
    score = zc.score(net(), (X, soft), ["ntk_trace"])["ntk_trace"]
    assert (score.status, "one class index per sample" in score.reason) == ("undefined", True)
    for label, text in ((7, "label 7 needs at least 8 outputs, the network has 3"), (-1, "class indices begin with 0")):
        score = zc.score(net(), (X, torch.full((6,), label)), ["ntk_trace"])["ntk_trace"]
        assert (score.status, text in score.reason) == ("failed", True)


def test_it_shares_nothing_with_gradsign_but_the_samples() -> None:
    together = zc.score(net(), (X, Y), ["gradsign", "ntk_trace", EVERY])
    for label, request in (("gradsign", "gradsign"), ("ntk_trace", "ntk_trace"), ("every", EVERY)):
        assert zc.score(net(), (X, Y), [request])[label].value == together[label].value
