"""Operations counted as the benchmark's published values count them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.spaces import space

ELEMENTWISE = zc.proxy("flops", elementwise=True)


def count(net: nn.Module, size: int) -> float | None:
    return zc.score(net, (torch.randn(2, 3, size, size), None), ELEMENTWISE)["flops"].value


def test_every_kind_of_operation_by_hand() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),  # 8·8·4 outputs of 27 products and a bias
        nn.BatchNorm2d(4),  # two per value
        nn.ReLU(),
        nn.MaxPool2d(2),  # 4·4·4 outputs of 4
        nn.BatchNorm2d(4, affine=False),  # one per value
        nn.AvgPool2d((1, 2)),  # 4·2·4 outputs of 2
        nn.AdaptiveAvgPool2d(1),  # 4 windows of (4 + 1) × (2 + 1)
        nn.Flatten(),
        nn.Linear(4, 5),  # its bias does not count
    )
    assert count(net, 8) == 256 * 28 + 512 + 256 + 64 * 4 + 64 + 32 * 2 + 4 * 15 + 20
    plain = zc.score(net, (torch.randn(2, 3, 8, 8), None), "flops")["flops"].value
    assert plain == 256 * 27 + 20


def test_published_values_to_the_last_digit(shared: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(shared / "data" / "nasbench201" / "accuracies.parquet").set_index("arch_str")
    nb201 = space("nasbench201")
    for key in random.Random(0).sample(list(table.index), 10):
        assert count(nb201.build(key), 32) == pytest.approx(table.cifar10_flops_M[key] * 1e6, abs=0.5)
