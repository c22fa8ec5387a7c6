"""ViT-Bench-101's transformers: keys, and networks against formulas and timm's PiT."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from naslib_zc_plugin import score
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.spaces import Space, space
from naslib_zc_plugin.spaces.vit_bench import SPACE
from naslib_zc_plugin.spaces.vit_bench.network import Attention

SMALL = "autoformer|192|" + ",".join(["3.5-3", "4.0-4"] * 6)
PIT_TINY = "pit|32|4|2-2,6-4,4-8"


def test_keys_have_positions() -> None:
    assert space("vit_bench") is SPACE and isinstance(SPACE, Space)
    assert SPACE.size == 3 * (4**12 + 4**13 + 4**14) + 4 * 4 * 27 * 10
    places = [0, 3 * 4**12 - 1, 3 * 4**12, 3 * (4**12 + 4**13), SPACE.size - 4_320, SPACE.size - 1]
    assert [SPACE.index(SPACE.key(place)) for place in places] == places
    assert [SPACE.key(place).count(",") + 1 for place in places] == [12, 12, 13, 14, 3, 3]
    for place in (-1, SPACE.size):
        with pytest.raises(ValueError, match="has the indices 0 to"):
            SPACE.key(place)


def test_samples_and_neighbours() -> None:
    rng = Random(0)
    keys = [SPACE.sample(rng) for _ in range(60)]
    assert {key.split("|")[0] for key in keys} == {"autoformer", "pit"}
    for key in keys[:8]:
        near = SPACE.neighbours(key)
        assert key not in near and len(set(near)) == len(near)
        assert all(key in SPACE.neighbours(other) for other in near[:: max(1, len(near) // 5)])
        assert SPACE.mutate(key, rng) in near
    assert len(SPACE.neighbours(SMALL)) == 2 + 24 + 4


@pytest.mark.parametrize(
    "key",
    ["", "pit", "pit|32|4|2-2,6-8,4-4", "pit|33|4|2-2,6-4,4-8", "pit|32|4|2-2,6-4", "autoformer|192|3.5-3", SMALL + ",",
     SMALL.replace("4.0", "4"), SMALL.replace("192", "0192"), "pit|32|4|2-2,6-4,4-x", "deit|32|4|2-2,6-4,4-8"],
)  # fmt: skip
def test_other_keys_are_refused(key: str) -> None:
    for method in (SPACE.canonical, SPACE.index, SPACE.build, SPACE.neighbours):
        with pytest.raises(ValueError, match="no key of vit_bench, such as pit"):
            method(key)


@pytest.mark.parametrize("text", ["{", "[]", '{"hidden_dim": 192}', '{"base_dim": 16}', "[" * 100_000])
def test_what_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an architecture of vit_bench in JSON"):
        SPACE.from_json(text)


def test_the_benchmark_is_of_the_space(shared: Path) -> None:
    found = benchmark("vit_bench", shared / "data")
    assert len(found) == 300 and sum(key.startswith("pit|") for key in found.keys) == 100
    assert all(SPACE.canonical(key) == key for key in found.keys)
    assert len(found.column("c100_base_acc")) == 200 and len(found.column("c100_kd_acc")) == 300


def parameters(hidden: int, blocks: list[tuple[float, int]], classes: int) -> int:
    """AutoFormer's, written out: heads of 64, tables of 30 relative rows and columns for keys and for values."""
    total = 3 * 16 * 16 * hidden + hidden + hidden + (14 * 14 + 1) * hidden + 2 * hidden + (hidden + 1) * classes
    for ratio, heads in blocks:
        wide = int(ratio * hidden)
        total += 3 * (hidden + 1) * 64 * heads + (64 * heads + 1) * hidden + 4 * 30 * 64
        total += 4 * hidden + (hidden + 1) * wide + (wide + 1) * hidden
    return total


def test_autoformers_parameters() -> None:
    network = SPACE.build(SMALL, num_classes=7)
    assert sum(each.numel() for each in network.parameters()) == parameters(192, [(3.5, 3), (4.0, 4)] * 6, 7)
    assert network(torch.randn(2, 3, 224, 224)).shape == (2, 7)
    assert SPACE.build(SMALL, img_size=64)(torch.randn(2, 3, 64, 64)).shape == (2, 100)
    with pytest.raises(ValueError, match="at least 32 × 32 pixels"):
        SPACE.build(SMALL, img_size=16)


def test_attention_with_relative_positions_is_that_of_loops() -> None:
    torch.manual_seed(0)
    attention = Attention(6, heads=2, head=4, grid=2)
    x = torch.randn(1, 5, 6)
    q, k, v = attention.qkv(x).reshape(5, 3, 2, 4).unbind(1)
    keys, values = attention.positions or ()

    def vector(table: Any, a: int, b: int) -> torch.Tensor:
        if a == 0 or b == 0:  # of the class token
            return table.rows[0] + table.columns[0]
        (row_a, column_a), (row_b, column_b) = divmod(a - 1, 2), divmod(b - 1, 2)
        return table.rows[row_b - row_a + 15] + table.columns[column_b - column_a + 15]

    mixed = torch.zeros(5, 2, 4)
    for head in range(2):
        for a in range(5):
            dots = torch.stack([q[a, head] @ (k[b, head] + vector(keys, a, b)) for b in range(5)]) / 2
            weights = dots.softmax(0)
            mixed[a, head] = sum(weights[b] * (v[b, head] + vector(values, a, b)) for b in range(5))
    torch.testing.assert_close(attention(x)[0], attention.projection(mixed.reshape(5, 8)))


def test_pit_is_timms() -> None:
    """Published: 4.85 million parameters; the logits are the same with its weights."""
    network = SPACE.build(PIT_TINY, num_classes=1000).eval()
    assert sum(each.numel() for each in network.parameters()) == 4_847_272
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    try:
        timm = importlib.import_module("timm")
    except (ImportError, RuntimeError):
        pytest.skip("timm is installed, but its torchvision lacks operators")
    theirs = timm.create_model("pit_ti_224").eval()
    names = {
        "patch_embed.conv": "patches", "pos_embed": "position", "cls_token": "token", "transformers": "stages",
        "attn.proj": "attention.projection", "attn": "attention", "mlp.fc1": "mlp.0", "mlp.fc2": "mlp.2",
    }  # fmt: skip
    weights = {}
    for name, weight in theirs.state_dict().items():
        for old, new in names.items():
            name = name.replace(old, new)
        if ".pool." in name:
            stage = int(name.split(".")[1]) - 1
            part = "token" if ".fc." in name else "patches"
            name = f"pools.{stage}.{part}.{name.rpartition('.')[2]}"
        weights[name] = weight
    network.load_state_dict(weights)
    x = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(network(x), theirs(x), atol=1e-4, rtol=1e-4)


def test_proxies_score_them() -> None:
    for key in (SMALL, PIT_TINY):
        network = SPACE.build(key, num_classes=5, img_size=48)
        found = score(
            network, (torch.randn(5, 3, 48, 48), torch.arange(5)), ["params", "generalized_naswot", "synflow"]
        )
        assert {each.status for each in found.values()} == {"ok"}
