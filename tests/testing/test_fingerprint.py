"""The fingerprint sees every change that a forward pass or a proxy could leave, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from naslib_zc_plugin.testing import NETWORKS, Case, fingerprint, global_state


def _run(net: nn.Module) -> None:
    case = NETWORKS["eval_mode"]()
    F.cross_entropy(net(case.batch[0]), case.batch[1]).backward()


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a weight in place": lambda net: net[0].weight.data.add_(1),
    "a weight there and back": lambda net: net[0].weight.data.neg_() is net[0].weight.detach().neg_(),
    "the sign of a zero": lambda net: net[1].running_mean.neg_(),
    "a weight replaced by its equal": lambda net: setattr(
        net[0], "weight", nn.Parameter(net[0].weight.detach().clone())
    ),
    "a gradient dropped": lambda net: setattr(net[0].weight, "grad", None),
    "a gradient replaced by its equal": lambda net: setattr(net[0].weight, "grad", net[0].weight.grad.clone()),
    "a gradient in place": lambda net: net[0].weight.grad.mul_(2),
    "requires_grad": lambda net: net[0].weight.requires_grad_(False),
    "the mode of one module": lambda net: net[0].eval(),
    "a running mean": lambda net: net[1].running_mean.add_(1),
    "a counter": lambda net: net[1].num_batches_tracked.add_(1),
    "a hook": lambda net: net[0].register_forward_hook(lambda *_: None),
    "a backward hook": lambda net: net[0].register_full_backward_hook(lambda *_: None),
    "an attribute": lambda net: setattr(net[0], "extra", 1),
    "an attribute's value": lambda net: setattr(net[0], "stride", (2, 2)),
    "a module more": lambda net: net.append(nn.Identity()),
    "the order of modules": lambda net: net._modules.update({"0": net._modules.pop("0")}),
    "the dtype": lambda net: net.double(),
    "a forward method": lambda net: setattr(net[1], "forward", lambda x: x),
    "the class": lambda net: setattr(net[2], "__class__", nn.Identity),
    "a training step": _run,
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_is_seen(change: str) -> None:
    net = NETWORKS["eval_mode"]().net.train()
    before = fingerprint(net)
    assert before.changes(fingerprint(net)) == []
    CHANGES[change](net)
    assert before.changes(fingerprint(net)) != []
    assert before != fingerprint(net)


def test_a_run_of_a_stateful_network_is_seen_and_named() -> None:
    case: Case = NETWORKS["stateful"]()
    before = fingerprint(case.net)
    case.net(case.batch[0])
    lines = before.changes(fingerprint(case.net))
    for path in (
        "net.calls",
        "net.cached",
        "net.history.len",
        "net.statistics['seen']",
        "net.average.bytes",
        "average_too",
    ):
        assert any(path in line for line in lines), path
    assert "net.calls: '0' became '1'" in lines


@pytest.mark.parametrize(
    ("draw", "name"),
    [(lambda: torch.rand(1), "torch's"), (lambda: np.random.rand(), "numpy's"), (lambda: random.random(), "Python's")],
)
def test_a_draw_is_seen(draw: Callable[[], Any], name: str) -> None:
    before, python, numpy = global_state(), random.getstate(), np.random.get_state()
    assert before == global_state()
    with torch.random.fork_rng(devices=[]):
        draw()
        assert [key for key, value in global_state().items() if value != before[key]] == [f"{name} random state"]
    random.setstate(python)
    np.random.set_state(numpy)
    assert global_state() == before


def test_a_mode_is_seen() -> None:
    before = global_state()
    with torch.no_grad():
        assert global_state() != before
    with torch.autocast("cpu"):
        assert global_state() != before
    assert global_state() == before
