"""FlexiBERT's encoders: sizes, operations against slow ones, what they take."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path
from random import Random

import numpy as np
import pytest
import scipy.fft
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.protocols import LOSSES
from naslib_zc_plugin.spaces.flexibert import SPACE, keys, network
from naslib_zc_plugin.spaces.flexibert.keys import Layer
from naslib_zc_plugin.spaces.flexibert.network import Convolution, SelfAttention, cosine, fourier

MIXED = "128|SA-WMA-2-512x3|DSC-5-4-512x1|LT-DFT-2-512x1|LT-DCT-4-512x1"


def small(key: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return SPACE.build(key, **{"num_classes": 50, "positions": 9, **options})  # type: ignore[arg-type]


def counted(key: str, hidden: int = 0, width: int = 0) -> int:
    """Parameters by the formula of spec/NLP.md 2.2."""
    architecture = keys.parse(key)
    h = hidden or architecture.hidden
    total = (30_522 + 512 + 2 + 2) * 128 + (0 if h == 128 else 129 * h)
    for layer in architecture.layers:
        (kind, parameter), f = layer.operation, width or layer.width
        m = max(1, layer.heads // 2)
        a, p = m * (h // layer.heads), int(parameter) if kind == "DSC" else 0
        total += {
            "SA": 3 * (h * h + h) + (h * h if parameter == "WMA" else 0) + h * h + 3 * h,
            "LT": h * h + h,
            "DSC": 5 * (h * a) + 5 * a + h * p + a * m * p + m * p + h * h + 3 * h,
        }[kind]
        total += h * f + f + (layer.count - 1) * (f * f + f) + f * h + 3 * h
    return total


def parameters(key: str, variant: str) -> int:
    with torch.device("meta"):
        return sum(part.numel() for part in SPACE.build(key, variant=variant).parameters())


def test_networks_have_the_parameters_that_are_counted() -> None:
    draw = Random(7)
    for key in (SPACE.sample(draw) for _ in range(8)):
        assert parameters(key, "nominal") == counted(key)
        assert parameters(key, "published") == counted(key, 256, 1024)


def test_published_networks_have_the_published_parameters(shared: Path) -> None:
    with gzip.open(shared / "data/flexibert/published_scores.csv.gz", "rt") as lines:
        published = {int(row["id"]): int(float(row["number_of_parameters"])) for row in csv.DictReader(lines)}
    draw = Random(0)
    every = [SPACE.sample(draw) for _ in range(500)]
    for number in sorted(published)[::10]:
        assert parameters(every[number], "published") == published[number]


def test_initial_weights_are_berts() -> None:
    net = SPACE.build(MIXED)
    for name, value in net.named_parameters():
        if name.endswith("bias"):
            assert not value.any()
        elif "norm" in name:
            assert value.eq(1).all()
        else:
            assert value.std().item() == pytest.approx(0.02, rel=0.15)
    assert not net.get_parameter("embeddings.words.weight")[0].any()


def test_what_it_takes_and_gives() -> None:
    net, tokens = small(MIXED).eval(), torch.randint(0, 50, (3, 7))
    states = net(tokens)
    assert states.shape == (3, 7, 128)
    named = net(input_ids=tokens, token_type_ids=torch.zeros_like(tokens), attention_mask=torch.ones_like(tokens))
    assert torch.equal(states, named)
    assert not torch.equal(states, net(tokens, torch.ones_like(tokens)))
    with pytest.raises(ValueError, match="10 tokens, but 9 positions"):
        net(torch.zeros(1, 10, dtype=torch.long))
    for options in ({"variant": "trapped"}, {"positions": 0}, {"num_classes": 0}):
        with pytest.raises(ValueError, match="unknown variant 'trapped'|at least 1"):
            small(MIXED, **options)


@pytest.mark.parametrize("shape", [(2, 3, 10, 8), (1, 2, 7, 6)])
def test_transforms_are_scipys(shape: tuple[int, ...]) -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=shape))
    expected = scipy.fft.dctn(x.numpy(), type=2, axes=(-2, -1))
    np.testing.assert_allclose(cosine(x).numpy(), expected, atol=1e-10)
    np.testing.assert_allclose(fourier(x).numpy(), scipy.fft.fft2(x.numpy()).real, atol=1e-10)


def slow_attention(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    out = torch.empty_like(query)
    size = query.shape[-1] // heads
    for n in range(len(query)):
        for part in (slice(h * size, (h + 1) * size) for h in range(heads)):
            scores = query[n, :, part] @ key[n, :, part].T / math.sqrt(size)
            out[n, :, part] = torch.softmax(scores, 1) @ value[n, :, part]
    return out


@pytest.mark.parametrize("parameter", ["SDP", "WMA"])
def test_attention_is_the_slow_one(parameter: str) -> None:
    torch.manual_seed(0)
    block, states = SelfAttention(8, Layer(("SA", parameter), 4, 512, 1)).eval(), torch.randn(2, 5, 8)
    query = block.weight(block.query(states))
    assert (parameter == "WMA") == isinstance(block.weight, nn.Linear)
    torch.testing.assert_close(block(states), slow_attention(query, block.key(states), block.value(states), 4))


@pytest.mark.parametrize(("heads", "kernel"), [(2, 5), (4, 9)])
def test_convolution_is_the_slow_one(heads: int, kernel: int) -> None:
    torch.manual_seed(0)
    block, states = Convolution(16, Layer(("DSC", str(kernel)), heads, 512, 1)).eval(), torch.randn(2, 6, 16)
    m, size = heads // 2, 16 // heads
    query, values = block.query(states), block.convolved(states)
    separable = block.pointwise(block.depthwise(states.mT)).mT * query
    weights = block.kernels(separable).reshape(2, 6, m, kernel).softmax(3)
    local = torch.zeros(2, 6, m, size)
    for n, t, h, k in np.ndindex(2, 6, m, kernel):
        source = t + k - kernel // 2
        if 0 <= source < 6:
            local[n, t, h] += weights[n, t, h, k] * values[n, source, h * size : (h + 1) * size]
    attended = slow_attention(query, block.key(states), block.value(states), m)
    torch.testing.assert_close(block(states), torch.cat([attended, local.flatten(2)], 2))


def test_recomputing_blocks_changes_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | zc.ProxyRequest] = [
        "grad_norm",
        "grasp",
        "fisher",
        "head_confidence",
        zc.proxy("head_importance", of="loss"),
    ]
    batch = torch.randint(1, 50, (6, 7)), torch.zeros(6, dtype=torch.long)
    values = []
    for large in (network.LARGE, 1):
        monkeypatch.setattr(network, "LARGE", large)
        scores = zc.score(small(MIXED), batch, asked, loss=LOSSES["signs"])
        values.append({name: score.value for name, score in scores.items()})
    assert values[0] == values[1] and None not in values[0].values()
