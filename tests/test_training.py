"""Really training: against a loop written out by hand, and the promises about seeds, modes and random states."""

from __future__ import annotations

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from naslib_zc_plugin.training import accuracy, train


def _blobs(n: int = 64, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two well-separated clouds."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    return torch.randn(n, 3, generator=generator) + 4 * labels[:, None], labels


def _net(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))


def _weights(net: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def test_it_learns_what_can_be_learnt() -> None:
    net, (x, y) = _net(), _blobs()
    train(net, x, y, epochs=20, batch_size=16, learning_rate=0.1)
    assert accuracy(net, *_blobs(200, seed=1)) > 98


def test_whole_batches_follow_the_textbook() -> None:
    """v ← μ v + g + λ w, w ← w - η_t (g + λ w + μ v), written out with autograd alone."""
    x, y = _blobs()
    net = nn.Linear(3, 2)
    weights = [parameter.detach().clone().requires_grad_() for parameter in net.parameters()]
    velocity = [torch.zeros_like(weight) for weight in weights]
    steps, rate, momentum, decay = 5, 0.3, 0.8, 0.01
    for t in range(steps):
        loss = nn.functional.cross_entropy(x @ weights[0].T + weights[1], y)
        gradients = torch.autograd.grad(loss, weights)
        for w, v, g in zip(weights, velocity, gradients):
            with torch.no_grad():
                g = g + decay * w
                v.mul_(momentum).add_(g)
                w -= rate * (1 + math.cos(math.pi * t / steps)) / 2 * (g + momentum * v)
    train(net, x, y, epochs=steps, batch_size=64, learning_rate=rate, momentum=momentum, weight_decay=decay, seed=3)
    expected = torch.cat([weight.detach().flatten() for weight in weights])
    torch.testing.assert_close(_weights(net), expected)


def test_every_image_is_seen_once_an_epoch_in_batches_of_nearly_equal_size() -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach()[:, 0])
            return x * self.scale

    x = torch.arange(17.0)[:, None].repeat(1, 2)
    train(Spy(), x, torch.zeros(17, dtype=torch.long), epochs=2, batch_size=8, learning_rate=0.0)
    assert [len(batch) for batch in seen] == [6, 6, 5] * 2
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(17))
    assert first.tolist() != second.tolist()


def test_the_seed_decides_and_global_states_stay() -> None:
    x, y = _blobs()
    before = torch.get_rng_state()
    nets = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        net = nets[name] = _net(dropout=0.5)
        torch.rand(seed)  # what came before must not matter
        state = torch.get_rng_state()
        train(net, x, y, epochs=2, batch_size=16, learning_rate=0.1, seed=seed)
        assert torch.equal(torch.get_rng_state(), state)
    torch.set_rng_state(before)
    assert torch.equal(_weights(nets["a"]), _weights(nets["b"]))
    assert not torch.equal(_weights(nets["a"]), _weights(nets["c"]))
    assert all(parameter.grad is None for parameter in nets["a"].parameters())


def test_what_a_network_draws_of_any_kind_depends_on_the_seed_alone() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = _net()

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x * (1 + random.random() + float(np.random.rand()) + float(torch.rand(()))))

    x, y = _blobs()
    found = []
    for _ in range(2):
        before = random.getstate(), repr(np.random.get_state()), torch.get_rng_state()
        net = Noisy()
        train(net, x, y, epochs=1, batch_size=16, seed=-3)
        after = random.getstate(), repr(np.random.get_state()), torch.get_rng_state()
        assert after[:2] == before[:2]
        assert torch.equal(after[2], before[2])
        found.append(_weights(net))
        random.random(), np.random.rand(), torch.rand(())
    assert torch.equal(*found)


def test_accuracy_is_the_share_of_right_answers() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0], [0.0, 5.0], [math.nan, 0.0]])
    labels = torch.tensor([0, 1, 1, 1, 0])
    assert accuracy(nn.Identity(), logits, labels, batch_size=2) == pytest.approx(60.0)


def test_accuracy_changes_nothing_and_uses_eval_mode() -> None:
    net, (x, y) = _net(dropout=0.9).train(), _blobs()
    net[1].eval()
    before = copy.deepcopy(net.state_dict())
    assert accuracy(net, x, y) == accuracy(net, x, y)
    assert [module.training for module in net] == [True, False, True, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"), [({"epochs": 0}, "epochs"), ({"epochs": 1, "batch_size": 0}, "batch_size")]
)
def test_bad_numbers_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} must be at least 1"):
        train(_net(), *_blobs(), **options)


def test_labels_must_fit() -> None:
    x, y = _blobs()
    with pytest.raises(ValueError, match="one label per image"):
        train(_net(), x, y[1:], epochs=1)
    with pytest.raises(ValueError, match="at least one"):
        accuracy(_net(), x[:0], y[:0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_network_stays_there_and_so_do_the_states() -> None:
    net, (x, y) = _net(dropout=0.2).cuda(), _blobs()
    state = torch.cuda.get_rng_state()
    train(net, x, y, epochs=20, batch_size=16, learning_rate=0.1)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert next(net.parameters()).is_cuda
    assert accuracy(net, x, y) > 95
