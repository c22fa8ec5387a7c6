"""WRCor: correlations of responses by hooks, and how stages weigh them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.testing import NETWORKS, Case
from tests.proxies import oracles
from tests.proxies.test_oracles import HOOKED, quiet

ALIKE = zc.proxy("wrcor", label="alike", weighted=False)


def correlations(responses: Tensor) -> np.ndarray[Any, Any] | None:
    with np.errstate(all="ignore"):
        found = np.corrcoef(responses.detach().flatten(1).double().numpy())
    return None if np.isnan(found).any() else np.abs(found)


def kernel(case: Case, weights: dict[str, float] | None = None) -> np.ndarray[Any, Any]:
    """By hooks on modules; ``weights`` of those whose name begins so, else 1."""
    net, outputs = oracles.plain_copy(case), list[tuple[float, Tensor]]()
    for name, module in net.named_modules():
        if isinstance(module, oracles.RELUS):
            known = [weight for start, weight in (weights or {}).items() if name.startswith(start)]
            weight = known[0] if known else 1.0

            def keep(module: nn.Module, inputs: Any, output: Tensor, weight: float = weight) -> Tensor:
                outputs.append((weight, output))
                return output.clone()

            module.register_forward_hook(keep)
    loss = F.cross_entropy(oracles.logits(case, net, case.batch[0]), case.batch[1])
    found = oracles.gradients(loss, [output for _, output in outputs])
    total = np.zeros((len(case.batch[1]),) * 2)
    for (weight, output), gradient in zip(outputs, found):
        for matrix in (correlations(output), correlations(gradient)):
            total += 0 if matrix is None else weight * matrix
    return total


@pytest.mark.parametrize("net", sorted({*HOOKED} - {"tied_weights"}))
def test_equals_its_oracle_where_all_count_alike(net: str) -> None:
    expected = np.linalg.slogdet(kernel(quiet(net)))[1]
    assert quiet(net).score(ALIKE)["alike"].value == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_cells_weigh_as_in_the_code() -> None:
    """Cell i of a network of NAS-Bench-201 counts 2^i times, and the ReLU after all cells as one more would."""
    torch.manual_seed(0)
    net = space("nasbench201").build(
        "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|skip_connect~1|nor_conv_3x3~2|", C=4, N=1
    )
    case = Case(net, (torch.randn(6, 3, 16, 16), torch.arange(6) % 3))
    cells = [name for name in net.stage_names if name != "stem"]
    weights = {f"{name}.": 2.0**index for index, name in enumerate(cells)}
    expected = np.linalg.slogdet(kernel(case, {**weights, "": 2.0 ** len(cells)}))[1]
    score = case.score("wrcor")["wrcor"]
    assert len(cells) == 5
    assert score.value == pytest.approx(expected, rel=1e-4), score.reason


def test_stages_by_name_overrule() -> None:
    """Each of two ReLUs after a named stage counts twice as often as before it."""
    case = quiet("conv_bn_relu")
    plain = case.score(zc.proxy("wrcor", stages=["0"]))[
        "wrcor"
    ].value  # both come after the first convolution, and once
    assert plain == pytest.approx(case.score(ALIKE)["alike"].value)
    expected = np.linalg.slogdet(kernel(quiet("conv_bn_relu"), {"2": 0.5, "5": 1.0}))[1]
    assert case.score(zc.proxy("wrcor", stages="3"))["wrcor"].value == pytest.approx(expected, rel=1e-4)
    (unknown,) = case.score(zc.proxy("wrcor", stages="no_such")).values()
    assert (unknown.status, "no_such" in unknown.reason) == ("failed", True)


def test_forms_of_a_relu_are_alike() -> None:
    class Net(nn.Module):
        def __init__(self, form: str) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.form, self.one, self.two = form, nn.Linear(12, 9), nn.Linear(9, 9)
            self.head, self.relu = nn.Linear(9, 3), nn.ReLU(inplace=form == "in place")

        def active(self, x: Tensor) -> Tensor:
            return {
                "module": self.relu,
                "in place": self.relu,
                "clamp": lambda x: x.clamp(min=0),
                "method": Tensor.relu,
            }[self.form](x)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.active(self.two(self.active(self.one(x.flatten(1))))))

    batch = torch.randn(5, 3, 2, 2, generator=torch.Generator().manual_seed(0)), torch.arange(5) % 3
    forms = ("module", "in place", "clamp", "method")
    values = [zc.score(Net(form), batch, "wrcor")["wrcor"].value for form in forms]
    assert values[0] is not None
    assert values == pytest.approx([values[0]] * 4)


def test_the_order_of_the_samples_does_not_matter() -> None:
    case = quiet("conv_bn_relu")
    x, y = case.batch
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    first, other = (case.score("wrcor", batch=(x[o], y[o]))["wrcor"].value for o in (torch.arange(8), order))
    assert first == pytest.approx(other, rel=1e-4)


def test_what_has_no_value_is_told() -> None:
    for name, part in {"smooth": "no ReLU was seen", "dead": "singular", "nan_weights": "loss is not finite"}.items():
        score = NETWORKS[name]().score("wrcor")["wrcor"]
        assert (score.status, part in score.reason) == ("undefined", True)

    class Off(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.layer(x) * 0 - 1) * 0 + self.layer(x)

    score = zc.score(Off(), (torch.randn(5, 4), torch.arange(5) % 3), ALIKE)["alike"]
    assert (score.status, "vary for every sample" in score.reason) == ("undefined", True)
    assert math.isfinite(NETWORKS["transformer"]().score("wrcor")["wrcor"].value or math.nan)
