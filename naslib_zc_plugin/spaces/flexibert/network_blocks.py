"""What FlexiBERT-like encoders are made of, besides their operations: embeddings, residual blocks, layers."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from naslib_zc_plugin.spaces.flexibert.network_operations import DROPOUT, Attended

EMBEDDING = 128
EPSILON = 1e-12
LARGE = 1 << 22
"""Values of a batch's hidden states from which on its gradients save memory: 16,384 tokens of 256."""


class Embeddings(nn.Module):
    """Words, positions and token types, summed and normalised, as wide as the hidden states."""

    def __init__(self, hidden: int, vocabulary: int, positions: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, EMBEDDING, padding_idx=0)
        self.positions = nn.Embedding(positions, EMBEDDING)
        self.types = nn.Embedding(2, EMBEDDING)
        self.norm = nn.LayerNorm(EMBEDDING, eps=EPSILON)
        self.dropout = nn.Dropout(DROPOUT)
        self.projection = nn.Identity() if hidden == EMBEDDING else nn.Linear(EMBEDDING, hidden)

    def forward(self, tokens: Tensor, types: Tensor | None = None) -> Tensor:
        """``(batch, length)`` → ``(batch, length, hidden)``.

        Raises:
            ValueError: the input is too long.
        """
        length = tokens.shape[1]
        if length > self.positions.num_embeddings:
            raise ValueError(f"{length} tokens, but {self.positions.num_embeddings} positions: build it with more")
        places = self.positions(torch.arange(length, device=tokens.device))
        kinds = self.types(torch.zeros_like(tokens) if types is None else types)
        states: Tensor = self.projection(self.dropout(self.norm(self.words(tokens) + kinds + places)))
        return states


class Residual(nn.Module):
    """What a block makes, brought to the hidden size, is added to its input and normalised."""

    def __init__(self, block: Attended | FeedForward, hidden: int) -> None:
        super().__init__()
        self.block = block
        self.output = nn.Linear(block.width, hidden)
        self.dropout = nn.Dropout(DROPOUT)
        self.norm = nn.LayerNorm(hidden, eps=EPSILON)

    def forward(self, states: Tensor) -> Tensor:
        """``(batch, length, hidden)`` to the same shape."""
        normed: Tensor = self.norm(states + self.dropout(self.output(self.block(states))))
        return normed


class FeedForward(nn.Sequential):
    """One or more linear layers, each with GELU."""

    def __init__(self, hidden: int, width: int, count: int) -> None:
        super().__init__()
        self.width = width
        for number in range(1, count + 1):
            self.add_module(f"linear{number}", nn.Linear(hidden if number == 1 else width, width))
            self.add_module(f"gelu{number}", nn.GELU())


class Layers(nn.Sequential):
    """Encoder layers. Of a large batch, gradients recompute what is inside an operation or a feed-forward block.

    Their values are the same, and memory holds one block's insides, not all: of 128 times 512 tokens a quarter.
    """

    def forward(self, states: Tensor) -> Tensor:
        """``(batch, length, hidden)`` to the same shape."""
        for block in (block for layer in self.children() for block in layer.children()):
            if states.requires_grad and states.numel() >= LARGE:
                # The parameters that are in force now: later, others may stand in the modules.
                held = dict(block.named_parameters())
                states = checkpoint(partial(functional_call, block), held, states, use_reentrant=False)
            else:
                states = block(states)
        return states
