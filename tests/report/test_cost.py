"""What proxies cost: memory against sizes counted by hand, time only as ratios that hold on any machine."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.report.cost import TOGETHER, Cost, _peak, measure_cost, requests_for

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _quiet_profiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETO_LOG_LEVEL", "6")


def _net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


def _batch() -> tuple[Tensor, Tensor]:
    return torch.randn(32, 3, 16, 16), torch.arange(32) % 10


def _costs(names: list[str], rounds: int = 3) -> dict[str, Cost]:
    return {cost.name: cost for cost in measure_cost(_net, _batch(), requests_for(names), rounds=rounds)}


def test_memory_is_the_sum_of_what_lives_together() -> None:
    def task() -> dict[str, zc.Score]:
        a = torch.empty(1_000_000, dtype=torch.uint8)
        b = torch.empty(2_000_000, dtype=torch.uint8)
        del a
        c = torch.empty(500_000, dtype=torch.uint8)
        del b, c
        d = torch.empty(2_800_000, dtype=torch.uint8)
        del d
        return {}

    peak, _ = _peak(task, CPU)
    assert 3_000_000 <= peak < 3_010_000


def test_memory_from_before_counts_neither_way() -> None:
    held = [torch.empty(5_000_000, dtype=torch.uint8)]

    def task() -> dict[str, zc.Score]:
        held.clear()
        held.append(torch.empty(1_000_000, dtype=torch.uint8))
        return {}

    peak, _ = _peak(task, CPU)
    assert 1_000_000 <= peak < 1_010_000


def test_temporaries_within_an_operation_count() -> None:
    x = torch.randn(1000, 1000).t()

    def task() -> dict[str, zc.Score]:
        with torch.no_grad():
            torch.logsumexp(x, 0)  # which needs a copy of x to exponentiate
        return {}

    peak, _ = _peak(task, CPU)
    assert peak >= x.nbytes


def test_backward_keeps_the_activations() -> None:
    """Sigmoids keep their outputs: k of them in a row hold k + a few tensors at the end of the forward pass."""
    x, size = torch.randn(250_000, requires_grad=True), 1_000_000

    def task() -> dict[str, zc.Score]:
        y = x
        for _ in range(10):
            y = y.sigmoid()
        y.sum().backward()
        x.grad = None
        return {}

    peak, _ = _peak(task, CPU)
    assert 10 * size <= peak <= 13 * size


def test_ratios_that_hold_on_any_machine() -> None:
    costs = _costs(["params", "grad_norm", "gradsign"], rounds=5)
    assert list(costs) == ["unit", "forward", "params", "grad_norm", "gradsign", "all of these"]
    assert costs["unit"].units == costs["unit"].peak_units == 1
    units = {name: cost.units or 0.0 for name, cost in costs.items()}
    assert 0 < units["forward"] < 1
    assert 0.5 < units["grad_norm"] < units["gradsign"]  # per-sample gradients take more than their mean
    assert units["gradsign"] < units["all of these"] * 1.5
    assert all(cost.spread is not None and cost.spread >= 0 for cost in costs.values())
    memory = {name: cost.peak_units or 0.0 for name, cost in costs.items()}
    assert memory["params"] < 0.05 < memory["forward"] < 1
    assert 0.5 < memory["grad_norm"] < 3
    assert all(cost.peak is not None and cost.status == "ok" for cost in costs.values())


def test_what_fails_has_no_cost_and_says_why() -> None:
    class WholeBatches(nn.Module):
        """Refuses single samples, so that per-sample gradients fail and others do not."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = _net()

        def forward(self, x: Tensor) -> Tensor:
            if len(x) < 32:
                raise RuntimeError("whole batches only")
            return self.inner(x)

    requests = {"one": ["gradsign"], "two": ["naswot"], "both": ["naswot", "gradsign"]}
    found = {cost.name: cost for cost in measure_cost(WholeBatches, _batch(), requests, rounds=1)}
    for name in ("one", "both"):
        assert found[name].status == "failed" and "whole batches only" in found[name].reason
        assert found[name].units is found[name].peak is None
    assert found["two"].status == "ok" and found["two"].units is not None
    assert found["two"].spread is None  # one round


def test_what_is_undefined_says_so_and_has_a_cost() -> None:
    def net() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))

    (*_, naswot) = measure_cost(net, _batch(), {"naswot": ["naswot"]}, rounds=2)
    assert naswot.status == "undefined" and "ReLU" in naswot.reason and naswot.units is not None


def test_requests_hold_the_sets_whose_members_are_asked_for() -> None:
    assert requests_for(["naswot"]) == {"naswot": ("naswot",)}
    four = list(TOGETHER["weight gradients"])
    assert list(requests_for(four)) == [*four, "weight gradients"]
    assert requests_for([*four, "zen"])["all of these"] == (*four, "zen")
    every = requests_for(zc.list_proxies())
    assert set(TOGETHER) < set(every) and len(every) == len(zc.list_proxies()) + len(TOGETHER) + 1
    assert len(TOGETHER["NASLib's thirteen"]) == 13
    assert {name for members in TOGETHER.values() for name in members} <= set(zc.list_proxies())


def test_rounds_must_be_positive() -> None:
    with pytest.raises(ValueError, match="rounds must be at least 1"):
        list(measure_cost(_net, _batch(), {}, rounds=0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_memory_on_a_gpu() -> None:
    device = torch.device("cuda")

    def task() -> dict[str, zc.Score]:
        a = torch.empty(4 * 2**20, dtype=torch.uint8, device=device)
        b = torch.empty(8 * 2**20, dtype=torch.uint8, device=device)
        del a, b
        return {}

    assert _peak(task, device)[0] == 12 * 2**20
    costs = list(measure_cost(lambda: _net().to(device), _batch(), {"g": ["grad_norm"]}, rounds=2))
    assert all(cost.peak for cost in costs)
