"""NATS-Bench's size space: keys in the benchmark's order, and networks by hand."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from naslib_zc_plugin.spaces import Space, space

SPACE: Any = space("nats_sss")
KEY = "16:40:56:24:40"


def test_keys_are_in_the_order_of_the_benchmarks_loops() -> None:
    assert isinstance(SPACE, Space) and SPACE.size == 8**5 == 32_768
    assert [SPACE.key(index) for index in (0, 1, 8, 32_767)] == [
        "8:8:8:8:8", "8:8:8:8:16", "8:8:8:16:8", "64:64:64:64:64",
    ]  # fmt: skip
    every = [SPACE.key(index) for index in range(SPACE.size)]
    assert [SPACE.index(key) for key in every] == list(range(SPACE.size))
    assert all(SPACE.canonical(key) == key for key in every[::100])
    with pytest.raises(ValueError, match="indices 0 to 32767"):
        SPACE.key(32_768)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "found ''"),
        ("8:8:8:8", "found 4"),
        ("8:8:8:8:8:8", "found 6"),
        ("8:8:8:8:12", "found '12'"),
        ("8:8:8:8:08", "found '08'"),
        ("8:8:8:8: 8", "found ' 8'"),
    ],
)
def test_what_is_no_key(key: str, fault: str) -> None:
    for method in (SPACE.decode, SPACE.canonical, SPACE.index, SPACE.neighbours, SPACE.build):
        with pytest.raises(ValueError, match="expected 5 numbers of 8, 16") as caught:
            method(key)
        assert fault in str(caught.value)


def test_mutations_are_the_neighbours_and_equally_likely() -> None:
    nearby = SPACE.neighbours(KEY)
    assert len(set(nearby)) == 35
    assert all(sum(a != b for a, b in zip(SPACE.decode(KEY), SPACE.decode(each))) == 1 for each in nearby)
    rng = Random(0)
    drawn = Counter(SPACE.mutate(KEY, rng) for _ in range(7_000))
    assert set(drawn) == set(nearby)
    assert sum((count - 200) ** 2 / 200 for count in drawn.values()) < 65.2  # 1 in 1,000 of chi-square with 34
    with pytest.raises(ValueError, match="unknown mutation rule 'edge'"):
        SPACE.mutate(KEY, rng, "edge")


def test_samples_are_uniform() -> None:
    rng = Random(0)
    drawn = Counter(SPACE.index(SPACE.sample(rng)) // 256 for _ in range(12_800))
    assert sum((drawn[part] - 100) ** 2 / 100 for part in range(128)) < 181.9  # 1 in 1,000 of chi-square with 127


def counted(key: str, classes: int) -> int:
    """Parameters by hand, two for each channel of a norm."""
    a, b, c, d, e = SPACE.decode(key)
    total = 27 * a + 2 * a + 2 * e + (e + 1) * classes
    for before, after in ((a, a), (b, c), (d, e)):
        total += 2 * (9 * before * after + 2 * after) + 3 * (9 * after**2 + 2 * after)
        total += 0 if before == after else before * after + 2 * after
    for before, after in ((a, b), (c, d)):
        total += 9 * before * after + 2 * after + 9 * after**2 + 2 * after + before * after
    return total


def test_networks_have_the_parameters_counted_by_hand() -> None:
    torch = pytest.importorskip("torch")
    rng = Random(1)
    for key in ("8:8:8:8:8", "64:64:64:64:64", KEY, *(SPACE.sample(rng) for _ in range(5))):
        network = SPACE.build(key, num_classes=7)
        assert sum(parameter.numel() for parameter in network.parameters()) == counted(key, 7)
        logits = network(torch.randn(2, 3, 16, 16))
        assert logits.shape == (2, 7)
        logits.sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
    with pytest.raises(ValueError, match="num_classes must be at least 1"):
        SPACE.build(KEY, num_classes=0)


def test_a_network_of_equal_channels_is_that_of_the_topology_space() -> None:
    """Where nothing changes but the image, the network is NAS-Bench-201's, with other channels."""
    torch = pytest.importorskip("torch")
    cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    other: Any = space("nasbench201").build(cell, C=8, N=1)
    ours: Any = SPACE.build("8:16:16:32:32")
    values = {name.replace(".nor_conv_3x3.", "."): value for name, value in other.state_dict().items()}
    assert set(values) == set(ours.state_dict())
    ours.load_state_dict(values)
    images = torch.randn(3, 3, 32, 32)
    assert torch.equal(ours(images), other(images))
