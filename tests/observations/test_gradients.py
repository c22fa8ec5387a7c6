"""Gradients by the input of networks of tokens: by the tokens' embedding, whatever else is embedded or given."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc

N = 5
NAMES = ["jacov", "jacob_cosine", "large_noise_jacobian", "more_noised_jacobian"]


class Positions(nn.Module):
    """Tokens and positions, which are embedded first or last; positions are squashed, so that gradients differ."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens, self.positions, self.head, self.first = (
            nn.Embedding(20, 6),
            nn.Embedding(9, 6),
            nn.Linear(6, 3),
            first,
        )

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1])
        if self.first:
            positions = self.positions(places)
            embedded = self.tokens(tokens)
        else:
            embedded = self.tokens(tokens)
            positions = self.positions(places)
        return self.head(torch.tanh(3 * embedded + positions.sin()).mean(1)).tanh()


@pytest.mark.parametrize("length", [N, N + 1])
def test_positions_are_no_tokens_though_they_be_as_many_as_samples(length: int) -> None:
    tokens = torch.randint(0, 20, (N, length), generator=torch.Generator().manual_seed(0))
    first, last = (zc.score(Positions(order), (tokens, None), NAMES) for order in (True, False))
    assert {name: score.value for name, score in first.items()} == {name: score.value for name, score in last.items()}
    assert None not in {score.value for score in first.values()}


def test_tokens_that_count_are_tokens() -> None:
    net = nn.Sequential(nn.Embedding(N, 6), nn.Linear(6, 3), nn.Tanh())
    score = zc.score(net, (torch.arange(N), None), ["jacov"])["jacov"]
    assert score.value is not None, score.reason


class Pooled(nn.Module):
    """A mean over tokens that a mask leaves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.head = nn.Embedding(20, 6), nn.Linear(6, 3)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        mixed = (self.embedding(tokens) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(mixed.tanh())


@pytest.mark.parametrize("name", [*NAMES, "epe_nas"])
def test_the_gradient_is_not_by_a_mask(name: str) -> None:
    tokens = torch.randint(0, 20, (N, 4), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(N, 4, dtype=torch.long).index_fill(1, torch.tensor([3]), 0)

    def scored(given: Tensor) -> Any:
        return zc.score(Pooled(), ({"tokens": tokens, "mask": given}, torch.arange(N) % 2), [name])[name]

    assert scored(mask).value is not None
    assert (scored(mask.float()).status, "masks as integers" in scored(mask.float()).reason) == ("undefined", True)
