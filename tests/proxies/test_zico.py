"""ZiCo's parts of the batch, and what it leaves out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing import NETWORKS


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 3)).double()


X, Y = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(0)).double(), torch.arange(6) % 3


def test_two_equal_parts_have_no_value() -> None:
    for name in ("conv_bn_relu", "transformer"):
        case = NETWORKS[name]()
        for module in case.net.modules():
            if isinstance(module, (nn.Dropout, nn.MultiheadAttention)):
                setattr(module, "p" if isinstance(module, nn.Dropout) else "dropout", 0.0)
        x, y = case.batch
        score = case.score(["zico"], batch=(torch.cat([x, x]), torch.cat([y, y])))["zico"]
        assert (score.status, "differ between the parts" in score.reason) == ("undefined", True)


@pytest.mark.parametrize("parts", [3, 5])
def test_equal_parts_of_any_number_have_no_value(parts: int) -> None:
    """Their mean may be off by a rounding, which is no deviation."""
    batch = torch.cat([X[:2]] * parts), torch.cat([Y[:2]] * parts)
    assert zc.score(net(), batch, [zc.proxy("zico", label="z", batches=parts)])["z"].status == "undefined"


def test_the_scale_of_the_loss_does_not_matter() -> None:
    plain, scaled = (
        zc.score(net(), (X, Y), ["zico"], loss=lambda out, y, s=scale: s * F.cross_entropy(out, y))["zico"].value
        for scale in (1.0, 1000.0)
    )
    assert plain is not None
    assert plain == pytest.approx(scaled)


def test_each_part_has_its_own_labels_and_mean_loss() -> None:
    """Five samples in two parts are three and two."""
    seen: list[tuple[int, list[int]]] = []

    def loss(output: Tensor, labels: Tensor) -> Tensor:
        seen.append((len(output), labels.tolist()))
        return F.cross_entropy(output, labels)

    zc.score(net(), (X[:5], Y[:5]), ["zico"], loss=loss)
    assert seen == [(3, [0, 1, 2]), (2, [0, 1])]


def test_ratios_are_at_least_one() -> None:
    """With two parts, so that each layer adds at least the logarithm of the number of its weights that vary."""
    linear = nn.Linear(12, 3).double()
    score = zc.score(nn.Sequential(nn.Flatten(), linear), (X, Y), ["zico"])["zico"]
    assert score.value is not None and score.value >= torch.tensor(36.0).log().item()


def test_a_gradient_that_is_no_number_is_not_left_out() -> None:
    def loss(output: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(output, labels) + (output - output.detach()).abs().sqrt().sum() * 0

    score = zc.score(net(), (X, Y), ["zico"], loss=loss)["zico"]
    assert (score.status, "not finite" in score.reason) == ("undefined", True)


def test_other_proxies_see_the_whole_batch_besides() -> None:
    together = zc.score(net(), (X, Y), ["zico", "grad_norm", "jacov"])
    for name in ("zico", "grad_norm", "jacov"):
        assert zc.score(net(), (X, Y), [name])[name].value == together[name].value
