"""TransNAS-Bench-101's cells: names, order, changes, and networks against those of the benchmark's makers."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.transnasbench101_micro import EDGES, SPACE
from tests.hosts.naslib.needs import needs

KEY = "64-41414-3_12_013"
KERNEL = {2: 1, 3: 9}


def counted(key: str, C: int, classes: int) -> int:
    """Parameters by hand: convolutions without bias, two numbers per norm channel."""
    total, channels = 27 * C // 2 + C + 9 * C // 2 * C + 2 * C, C
    for factor in (2, 1, 1, 1) * 2 + (2, 1):
        inner = factor * channels
        for (source, _), digit in zip(EDGES, SPACE.decode(key)):
            inputs = channels if source == 0 else inner
            if digit in KERNEL:
                total += KERNEL[digit] * inputs * inner + 2 * inner
            elif digit == 1 and inputs != inner:
                total += inputs * inner + 2 * inner
        channels = inner
    return total + (channels + 1) * classes


def sized(net: nn.Module) -> int:
    return sum(each.numel() for each in net.parameters())


def test_order_neighbours_and_mutations() -> None:
    assert space("transnasbench101_micro") is SPACE
    assert SPACE.size == 4_096 == len({SPACE.key(index) for index in range(4_096)})
    assert SPACE.key(0) == "64-41414-0_00_000" and SPACE.key(4_095) == "64-41414-3_33_333"
    assert SPACE.index(KEY) == int("312013", 4)
    found = SPACE.neighbours(KEY)
    assert len(set(found)) == len(found) == 18
    assert all(sum(a != b for a, b in zip(KEY, other)) == 1 for other in found)
    rng = Random(0)
    assert {SPACE.mutate(KEY, rng) for _ in range(400)} == set(found)
    assert SPACE.sample(rng) != SPACE.sample(rng)
    with pytest.raises(ValueError, match="use 'edge'"):
        SPACE.mutate(KEY, rng, "node")


@pytest.mark.parametrize("key", ["", "64-41414-3_12_014", "64-41414-3_12_01", "64-1234-3_12_013", f"{KEY}\n"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="no cell of TransNAS-Bench-101"):
        SPACE.index(key)


def test_nodes_without_an_operation_between_them_are_interchangeable() -> None:
    assert SPACE.canonical("64-41414-3_10_123") == SPACE.canonical("64-41414-1_30_132") == "64-41414-1_30_132"
    assert SPACE.canonical("64-41414-3_11_123") == "64-41414-3_11_123"
    classes = {SPACE.canonical(SPACE.key(index)) for index in range(SPACE.size)}
    # 4^5 keys have no operation there, of which 4^3 are their own image.
    assert len(classes) == 4_096 - (4**5 - 4**3) // 2
    assert all(SPACE.canonical(key) == key for key in classes)
    torch.manual_seed(0)
    one, other = SPACE.build("64-41414-3_20_123", C=4), SPACE.build("64-41414-2_30_132", C=4)
    weights = {}
    for name, weight in one.state_dict().items():
        for old, new in (("edge01", "edge02"), ("edge02", "edge01"), ("edge13", "edge23"), ("edge23", "edge13")):
            if old in name:
                name = name.replace(old, new)
                break
        weights[name] = weight
    other.load_state_dict(weights)
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(one.eval()(images), other.eval()(images), rtol=1e-4, atol=1e-5)


def test_parameters_are_those_counted_by_hand() -> None:
    rng = Random(1)
    for _ in range(10):
        key, C, classes = SPACE.sample(rng), rng.choice((2, 6)), rng.randint(1, 20)
        torch.manual_seed(1)
        net = SPACE.build(key, C=C, num_classes=classes)
        assert sized(net) == counted(key, C, classes)
        logits = net(torch.randn(3, 3, 32, 32))
        assert logits.shape == (3, classes)
        assert all(each is not None for each in torch.autograd.grad(logits.sum(), list(net.parameters())))
    for wrong in ({"C": 3}, {"C": 0}, {"num_classes": 0}):
        with pytest.raises(ValueError, match="C must be even"):
            SPACE.build(KEY, **wrong)


def test_convolutions_start_as_in_the_benchmark() -> None:
    torch.manual_seed(0)
    for module in SPACE.build("64-41414-3_33_333", C=16).modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5_000:
            outputs, kernel = module.out_channels, module.kernel_size[0] * module.kernel_size[1]
            assert module.weight.std().item() == pytest.approx((2 / (outputs * kernel)) ** 0.5, rel=0.05)


def weighty(net: Any) -> list[Any]:
    """Modules with weights, in the order of the forward pass."""
    found: list[Any] = []
    hooks = [
        module.register_forward_hook(lambda module, *_: found.append(module))
        for module in net.modules()
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.Linear))
    ]
    net.eval()(torch.zeros(1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("key", [KEY, "64-41414-1_02_333", "64-41414-1_11_111", "64-41414-0_20_003"])
def test_networks_are_those_of_the_benchmarks_makers(key: str) -> None:
    needs("naslib_zc_plugin.hosts.naslib")
    theirs = needs("naslib.search_spaces.transbench101.tnb101.model_builder").create_model(key, "class_object")
    ours = SPACE.build(key, num_classes=100)
    assert sized(ours) == sized(theirs) == counted(key, 64, 100)
    for mine, other in zip(weighty(ours), weighty(theirs)):
        mine.load_state_dict(other.state_dict())
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(ours.train()(images), theirs.train()(images), rtol=1e-4, atol=1e-5)
