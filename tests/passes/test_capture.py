"""Synflow's double precision: a network that casts, or makes tensors of its own, scores as one that does not."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes.capture import Watch

SINGLE, HALF = torch.float32, torch.float16


def autocast(x: Tensor, layer: nn.Module) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return layer(x)  # type: ignore[no-any-return]


def writing(x: Tensor) -> Tensor:
    made = torch.zeros(x.shape, dtype=SINGLE)
    made += x
    made[:1] = x[:1]
    return made.copy_(x)


CASTS: dict[str, Callable[[Tensor, nn.Module], Any]] = {
    "float": lambda x, layer: layer(x.half().float()),
    "to a type": lambda x, layer: layer(x.to(HALF).to(dtype=SINGLE)),
    "to a device and a type": lambda x, layer: layer(x.to("cpu", SINGLE)),
    "to another's type": lambda x, layer: layer(x.to(torch.ones(1, dtype=SINGLE))),
    "type_as": lambda x, layer: layer(x.type_as(layer.kept)),
    "type": lambda x, layer: layer(x.type(HALF).type(torch.FloatTensor)),
    "type by name": lambda x, layer: layer(x.type("torch.HalfTensor").type("torch.FloatTensor")),
    "autocast": autocast,
    "constants": lambda x, layer: layer(x * torch.ones(5, 1, 1) @ torch.eye(x.shape[-1], dtype=SINGLE)),
    "a type for the sum": lambda x, layer: layer(x * F.softmax(x, 1, dtype=SINGLE).sum(1, keepdim=True)),
    "nothing joined": lambda x, layer: layer(torch.cat([x, torch.zeros_like(x, dtype=HALF)[:, :0]], 1)),
    "written to": lambda x, layer: layer(writing(x)),
    "kept": lambda x, layer: layer(x @ layer.kept),
    "complex": lambda x, layer: layer(x.to(torch.complex64).real + x.cfloat().imag),
    "output": lambda x, layer: layer(x).float(),
}


class Casting(nn.Module):
    """Two convolutions and a head of some types, with a cast between; weights that half precision has, too."""

    def __init__(self, cast: Callable[[Tensor, nn.Module], Tensor], trunk: torch.dtype, head: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.head, self.cast = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 6, 3), nn.Linear(6, 4), cast
        with torch.no_grad():
            for value in self.parameters():
                value.copy_(value.half())
        self.first.to(trunk), self.second.to(trunk), self.head.to(head)
        self.second.kept = torch.eye(6, dtype=trunk)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.cast(self.first(x).relu().to(self.second.weight.dtype), self.second)
        return self.head(hidden.mean((2, 3)).to(self.head.weight.dtype))  # type: ignore[no-any-return]


def synflow(net: nn.Module) -> zc.Score:
    return zc.score(net, (torch.randn(2, 3, 8, 8), None), ["synflow"])["synflow"]


@pytest.mark.parametrize("types", [(SINGLE, SINGLE), (HALF, HALF), (HALF, SINGLE)], ids=["single", "half", "mixed"])
@pytest.mark.parametrize("cast", CASTS)
def test_casts_are_to_the_precision_of_the_pass(cast: str, types: tuple[torch.dtype, torch.dtype]) -> None:
    plain = synflow(Casting(lambda x, layer: layer(x), SINGLE, SINGLE))
    found = synflow(Casting(CASTS[cast], *types))
    assert found.value == pytest.approx(plain.value, rel=1e-13), found.reason


def test_a_value_beyond_single_precision_survives_a_cast() -> None:
    deep = [layer for _ in range(60) for layer in (nn.Linear(40, 40), nn.ReLU())]
    plain, casting = nn.Sequential(*deep, nn.Flatten()), nn.Sequential(*deep, nn.Flatten())
    for layer in deep[::2]:
        nn.init.ones_(layer.weight)
    casting[-1].register_forward_hook(lambda module, args, output: output.float())
    found, right = (zc.score(net, (torch.ones(2, 40), None), ["synflow"])["synflow"].value for net in (casting, plain))
    assert found == right > 1e90


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int32])
def test_a_mask_is_no_weight(kind: torch.dtype) -> None:
    class Masked(nn.Module):
        def __init__(self, buffer: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.table, self.qkv, self.head = nn.Embedding(30, 8), nn.Linear(8, 24), nn.Linear(8, 30)
            mask = torch.ones(6, 6).tril().to(kind)
            self.register_buffer("mask", mask) if buffer else setattr(self, "mask", mask)

        def forward(self, tokens: Tensor) -> Tensor:
            q, k, v = self.qkv(self.table(tokens)).chunk(3, -1)
            scores = (q @ k.transpose(1, 2)).masked_fill(self.mask == 0, -1e9)
            return self.head(scores.softmax(-1) @ v)  # type: ignore[no-any-return]

    tokens = torch.randint(30, (4, 6))
    found, right = (zc.score(Masked(way), (tokens, None), ["synflow"])["synflow"] for way in (True, False))
    assert found.value == right.value is not None, found.reason


class Experts(nn.Module):
    """Groups of rows with a matrix each, by torch's product of groups or by one product a group."""

    def __init__(self, grouped: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.weight, self.head = nn.Linear(24, 24), nn.Parameter(torch.randn(2, 24, 16)), nn.Linear(16, 4)
        self.grouped = grouped

    def forward(self, x: Tensor) -> Tensor:
        hidden, rows = self.first(x), len(x)
        ends = [rows // 2, rows]
        if self.grouped:
            product = F.grouped_mm(hidden, self.weight, offs=torch.tensor(ends, dtype=torch.int32))
        else:
            product = torch.cat([hidden[: ends[0]] @ self.weight[0], hidden[ends[0] :] @ self.weight[1]])
        return self.head(product)


@pytest.mark.skipif(not hasattr(F, "grouped_mm"), reason="this torch has no product of groups")
def test_products_of_groups_are_taken_in_double_precision() -> None:
    batch = (torch.ones(8, 24), torch.arange(8) % 4)
    found, right = (zc.score(Experts(grouped), batch, ["synflow"])["synflow"] for grouped in (True, False))
    assert (found.status, found.value) == ("ok", pytest.approx(right.value, rel=1e-12))


@pytest.mark.skipif(not hasattr(F, "grouped_mm"), reason="this torch has no product of groups")
@pytest.mark.parametrize(
    "shapes", [((8, 24), (2, 24, 16)), ((2, 8, 24), (24, 16)), ((8, 16), (16, 8)), ((2, 8, 24), (2, 8, 24))]
)
def test_the_product_of_groups_is_torchs(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    first, second = (torch.randn(shape, dtype=torch.bfloat16) for shape in shapes)
    batched = first.ndim == second.ndim == 3
    second = second.transpose(1, 2) if batched else second
    grouped = {(2, 3): 8, (3, 2): 16, (2, 2): 16}.get((first.ndim, second.ndim), 0)
    ends = None if batched else torch.tensor([grouped // 2, grouped], dtype=torch.int32)
    right = F.grouped_mm(first, second, offs=ends)
    with Watch(dtype=torch.float64):
        found = F.grouped_mm(first, second, offs=ends)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, right.double(), rtol=0.02, atol=0.02)
