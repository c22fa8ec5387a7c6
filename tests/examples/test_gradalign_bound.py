"""The one-step bound: angles and curvature are those of slower oracles, and bounds hold and fail where they must."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.examples import example

bound = example("gradalign_bound")


def quadratic(inputs: Tensor, targets: Tensor) -> Any:
    """Losses of a linear model: their sum has the same Hessian everywhere, XᵀX."""
    return lambda at: (inputs @ at - targets) ** 2 / 2


def test_a_step_on_a_quadratic_is_what_algebra_says() -> None:
    inputs = torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=torch.float64)
    targets, start = torch.tensor([3.0, 1.0], dtype=torch.float64), torch.tensor([0.2, -0.4], dtype=torch.float64)
    step = bound.one_step(quadratic(inputs, targets), start)
    hessian = inputs.T @ inputs
    first, second = (inputs @ start - targets)[:, None] * inputs
    total = first + second
    assert step.lipschitz == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]))
    assert step.rate == pytest.approx(0.95 / step.lipschitz)
    assert step.reduction == pytest.approx(
        float(step.rate * total @ total - step.rate**2 / 2 * total @ hessian @ total)
    )
    assert step.lengths == pytest.approx((float(first.norm()), float(second.norm())))
    assert step.proven == pytest.approx(float(step.rate / 2 * total @ total))
    assert step.cosine == pytest.approx(float(torch.nn.functional.cosine_similarity(first, second, dim=0)))


def test_gradients_are_those_of_finite_differences() -> None:
    losses, start = bound.toy(5)
    step, small = bound.one_step(losses, start), 1e-6
    rows = []
    for place in range(len(start)):
        moved = torch.zeros_like(start)
        moved[place] = small
        rows.append((losses(start + moved) - losses(start - moved)) / (2 * small))
    first, second = torch.stack(rows).T
    assert step.lengths == pytest.approx((float(first.norm()), float(second.norm())), rel=1e-6)
    assert step.cosine == pytest.approx(float(first @ second / first.norm() / second.norm()), rel=1e-5)


def test_what_is_proven_holds_and_what_is_read_fails_with_gradients_of_different_length() -> None:
    steps = [bound.one_step(*bound.toy(seed), points=9) for seed in range(25)]
    assert all(step.reduction >= step.proven > step.by_length(min(step.lengths)) >= 0 for step in steps)
    failures = [step for step in steps if step.reduction < step.by_length(max(step.lengths))]
    assert failures and all(step.lengths[0] != pytest.approx(step.lengths[1], rel=0.05) for step in failures)
    assert bound.described(steps)[1].endswith(f" {len(steps)}")
    assert bound.described(steps)[3].endswith(f" {len(steps) - len(failures)}")


def test_with_equal_lengths_both_are_one() -> None:
    step = bound.Step((2.0, 2.0), math.cos(1.0), 1.0, 0.5, 3.0)
    assert step.proven == pytest.approx(step.by_length(2.0)) == pytest.approx(2 * (1 + math.cos(1.0)))


def test_angles_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    bound.draw(tmp_path / "bound.png", [bound.one_step(*bound.toy(seed), points=2) for seed in range(3)])
    assert (tmp_path / "bound.png").read_bytes().startswith(b"\x89PNG")
