"""Networks that write to themselves, draw for themselves or count, losses that write to labels, and memory."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc

LABELS = torch.arange(8) % 5


# Parameters that a forward run writes to --------------------


class Texts(nn.Module):
    """Rows of the table that are too long are shortened in place, in every forward run."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(20, 6, max_norm=1.0), nn.Linear(6, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.table(tokens).mean(1))


class Prototypes(nn.Module):
    """Prototypes are brought to unit length in every forward run."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.prototypes = nn.Conv2d(3, 6, 3), nn.Parameter(torch.randn(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.prototypes.copy_(F.normalize(self.prototypes, dim=1))
        return F.relu(self.conv(x)).mean((2, 3)) @ self.prototypes.T


class Clamped(nn.Module):
    """The weight of a layer is clamped by ``.data``, as critics of adversarial networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        self.conv.weight.data.clamp_(-0.05, 0.05)
        return self.head(F.relu(self.conv(x)).mean((2, 3)))


@pytest.mark.parametrize("name", zc.list_proxies())
@pytest.mark.parametrize("kind", [Texts, Prototypes, Clamped])
def test_a_network_that_writes_to_its_parameters_keeps_them(kind: Callable[[], nn.Module], name: str) -> None:
    torch.manual_seed(0)
    net = kind()
    x = torch.randint(20, (8, 4)) if kind is Texts else torch.randn(8, 3, 8, 8)
    before = {key: held.clone() for key, held in net.state_dict().items()}
    zc.score(net, (x, LABELS), [name])
    assert [key for key, held in net.state_dict().items() if not torch.equal(held, before[key])] == []


# Generators and counters of the network's own --------------------


class Meter:
    calls = 0


class Supernet(nn.Module):
    """Takes one of its paths at random."""

    def __init__(self, generator: Any, draw: Callable[[], int]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(nn.Conv2d(3, 6, 3) for _ in range(6))
        self.head = nn.Linear(6, 5)
        self.generator, self.draw, self.meter = generator, draw, Meter()

    def forward(self, x: Tensor) -> Tensor:
        self.meter.calls += 1
        return self.head(torch.relu(self.paths[self.draw()](x)).mean((2, 3)))


def supernets() -> dict[str, Supernet]:
    torch.manual_seed(0)
    python, numpy, older = random.Random(0), np.random.default_rng(0), np.random.RandomState(0)
    torchs = torch.Generator().manual_seed(0)
    return {
        "random.Random": Supernet(python, lambda: python.randrange(6)),
        "numpy's Generator": Supernet(numpy, lambda: int(numpy.integers(6))),
        "numpy's RandomState": Supernet(older, lambda: int(older.randint(6))),
        "torch.Generator": Supernet(torchs, lambda: int(torch.randint(6, (), generator=torchs))),
    }


@pytest.mark.parametrize("kind", list(supernets()))
def test_equal_calls_give_equal_scores_though_the_network_draws(kind: str) -> None:
    net = supernets()[kind]
    batch = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(1)), LABELS
    names = ["naswot", "grad_norm", "gradsign", "flops"]
    first, *others = ({n: s.value for n, s in zc.score(net, batch, names).items()} for _ in range(4))
    assert None not in first.values()
    assert others == [first] * 3
    assert {name: zc.score(net, batch, [name])[name].value for name in names} == first
    assert net.meter.calls == 0


# Losses that write to the labels --------------------


def mse(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.mse_loss(outputs, labels / 255)


def mse_in_place(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.mse_loss(outputs, labels.div_(255))


def from_one(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs, labels - 1)


def from_one_in_place(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs, labels.sub_(1))


@pytest.mark.parametrize(("clean", "writing"), [(mse, mse_in_place), (from_one, from_one_in_place)])
def test_a_loss_that_writes_to_its_targets_reaches_no_other_proxy(clean: Any, writing: Any) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1 if clean is mse else 5))
    with torch.no_grad():
        net[2].bias += 0.5  # outputs between targets of one division and of two
    x, y = torch.randn(8, 12), torch.rand(8, 1) * 255 if clean is mse else LABELS + 1
    names, held = ["grad_norm", "grasp", "gradsign", "fisher", "gradalign1"], y.clone()
    if clean is mse:
        names.remove("gradalign1")  # which groups by class
    expected = {name: score.value for name, score in zc.score(net, (x, y), names, loss=clean).items()}
    assert None not in expected.values()
    together = zc.score(net, (x, y), names, loss=writing)
    assert {name: score.value for name, score in together.items()} == expected
    assert {name: zc.score(net, (x, y), [name], loss=writing)[name].value for name in names} == expected
    assert torch.equal(y, held)


# Memory of the samples' gradients --------------------

MEASURE = """
import re, sys
from pathlib import Path
import torch
import naslib_zc_plugin as zc
from torch import nn

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

torch.set_num_threads(1)
net = nn.Sequential(nn.Linear(256, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU(), nn.Linear(2048, 10))
x, samples = torch.randn(64, 256), torch.arange(64)
y = torch.zeros(64, dtype=torch.long) if sys.argv[1] == "one class" else samples % 10
zc.score(net, (x, y), ["grad_norm"])
before = peak()
zc.score(net, (x, y), [sys.argv[2]])
print((peak() - before) / sum(parameter.numel() * 4 for parameter in net.parameters()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read from /proc")
@pytest.mark.parametrize("labels", ["one class", "ten classes"])
def test_gradsign_takes_the_memory_of_a_few_times_the_weights(labels: str) -> None:
    command = [sys.executable, "-c", MEASURE, labels, "gradsign"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert float(done.stdout) < 20, "times the weights"
