"""FlexiBERT-like encoders, of the sizes that their keys name or of those that published scores were measured on."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial, reduce
from typing import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from naslib_zc_plugin.spaces._layers import named
from naslib_zc_plugin.spaces._space import check_known
from naslib_zc_plugin.spaces.flexibert.keys import Architecture, Layer, parse

VARIANTS = ("nominal", "published")
DROPOUT = 0.1
EMBEDDING = 128
EPSILON = 1e-12
LARGE = 1 << 22
"""Values of a batch's hidden states from which on its gradients save memory: 16,384 tokens of 256."""


def build(key: str, num_classes: int = 30_522, variant: str = "nominal", positions: int = 512) -> nn.Module:
    """Build the encoder of a key, initialised as BERT is.

    Embeddings of words, positions and token types (128 wide, summed, norm, dropout), a projection to the hidden size
    where that is another, and the layers: an operation that mixes positions, then feed-forward layers. Weights are
    N(0, 0.02), biases 0, as is the embedding of token 0 (padding). The forward pass maps tokens ``(batch, length)``
    (also by name: ``input_ids``, ``token_type_ids``) to the last hidden state ``(batch, length, hidden size)``.

    Args:
        key: of the encoder.
        num_classes: size of the vocabulary, which campaigns call classes; the default is BERT's (uncased WordPiece).
        variant: ``"nominal"``: the sizes that the key names. ``"published"``: the networks that
            aaronserianni/training-free-nas scored, where the hidden size is 256 and the feed-forward width 1,024 for
            every key; there, Fourier and cosine transforms also compute a softmax that nothing uses but the softmax
            confidence sees.
        positions: the longest input.

    Raises:
        ValueError: the key is malformed, the variant is unknown, or a size is below one.
    """
    architecture = parse(key)
    check_known("variant", variant, VARIANTS)
    if min(num_classes, positions) < 1:
        raise ValueError(f"num_classes and positions must be at least 1, found {num_classes} and {positions}")
    if variant == "published":
        architecture = Architecture(256, tuple(replace(layer, width=1024) for layer in architecture.layers))
    encoder = Encoder(architecture, num_classes, positions, softmax_of_transforms=variant == "published")
    encoder.apply(initialise)
    return encoder


def initialise(module: nn.Module) -> None:
    """Draw a module's own weights as BERT does."""
    if isinstance(module, (nn.Linear, nn.Conv1d, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Embedding):
            if module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx])
        elif module.bias is not None:
            nn.init.zeros_(module.bias)


class Encoder(nn.Module):
    """Embeddings and encoder layers."""

    def __init__(
        self, architecture: Architecture, vocabulary: int, positions: int, softmax_of_transforms: bool
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(architecture.hidden, vocabulary, positions)
        self.layers = Layers()
        for number, layer in enumerate(architecture.layers, start=1):
            operation = OPERATIONS[layer.operation[0]](architecture.hidden, layer, softmax_of_transforms)
            if isinstance(operation, Attended):
                operation = Residual(operation, architecture.hidden)
            forward = FeedForward(architecture.hidden, layer.width, layer.count)
            made = named(operation=operation, feed_forward=Residual(forward, architecture.hidden))
            self.layers.add_module(f"layer{number}", made)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The modules whose outputs are the network's stages: the embeddings and each layer."""
        return ("embeddings", *(f"layers.{name}.feed_forward" for name, _ in self.layers.named_children()))

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor | None = None, attention_mask: Tensor | None = None
    ) -> Tensor:
        """Return the last hidden state; a mask, which tokenizers give, has no effect: the operations see padding."""
        return self.layers(self.embeddings(input_ids, token_type_ids))  # type: ignore[no-any-return]


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
        """Map tokens ``(batch, length)`` to hidden states ``(batch, length, hidden)``.

        Raises:
            ValueError: the input is too long.
        """
        length = tokens.shape[1]
        if length > self.positions.num_embeddings:
            raise ValueError(f"{length} tokens, but {self.positions.num_embeddings} positions: build it with more")
        places = self.positions(torch.arange(length, device=tokens.device))
        kinds = self.types(torch.zeros_like(tokens) if types is None else types)
        normed = self.norm(self.words(tokens) + kinds + places)
        return self.projection(self.dropout(normed))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """A block whose output, brought to the hidden size, is added to its input, then normalised."""

    def __init__(self, block: Attended | FeedForward, hidden: int) -> None:
        super().__init__()
        self.block = block
        self.output = nn.Linear(block.width, hidden)
        self.dropout = nn.Dropout(DROPOUT)
        self.norm = nn.LayerNorm(hidden, eps=EPSILON)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same shape."""
        return self.norm(states + self.dropout(self.output(self.block(states))))  # type: ignore[no-any-return]


class FeedForward(nn.Sequential):
    """One or more linear layers, each with GELU."""

    def __init__(self, hidden: int, width: int, count: int) -> None:
        super().__init__()
        self.width = width
        for number in range(1, count + 1):
            self.add_module(f"linear{number}", nn.Linear(hidden if number == 1 else width, width))
            self.add_module(f"gelu{number}", nn.GELU())


class Layers(nn.Sequential):
    """Encoder layers. For a large batch, the backward pass computes each block's inner values again.

    Gradients are the same, and memory holds the inner values of one block, not of all: of 128 times 512 tokens a
    quarter.
    """

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same shape."""
        for block in (block for layer in self.children() for block in layer.children()):
            if states.requires_grad and states.numel() >= LARGE:
                # The parameters that are in force now: later, others may stand in the modules.
                held = dict(block.named_parameters())
                states = checkpoint(partial(functional_call, block), held, states, use_reentrant=False)
            else:
                states = block(states)
        return states


# Operations mix the positions of ``(batch, length, hidden)`` and keep the shape.


def split(states: Tensor, heads: int) -> Tensor:
    """Turn ``(batch, length, heads · size)`` into ``(batch, heads, length, size)``."""
    return torch.transpose(states.unflatten(-1, (heads, -1)), 1, 2)


def joined(heads: Tensor) -> Tensor:
    """Return ``(batch, length, heads · size)``; inverse of :func:`split`."""
    return heads.transpose(1, 2).flatten(2)


class Attended(nn.Module):
    """An operation with attention: its output goes through a linear layer and is added to its input.

    Attributes:
        width: of its output.
    """

    width: int


class SelfAttention(Attended):
    """Scaled dot products of all positions; weighted (WMA), the query is multiplied by a further matrix first."""

    def __init__(self, hidden: int, layer: Layer, softmax_of_transforms: bool = False) -> None:
        super().__init__()
        self.width, self.heads = hidden, layer.heads
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        weighted = layer.operation[1] == "WMA"
        self.weight = nn.Linear(hidden, hidden, bias=False) if weighted else nn.Identity()
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same length."""
        return joined(attended(self.weight(self.query(states)), self.key(states), self.value(states), self))


def attended(query: Tensor, key: Tensor, value: Tensor, by: SelfAttention | Convolution) -> Tensor:
    """Attend by heads, ``(batch, heads, length, size)``; proxies look at the call of softmax."""
    query, key, value = (split(part, by.heads) for part in (query, key, value))
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)
    return by.dropout(scores.softmax(-1)) @ value  # type: ignore[no-any-return]


class Convolution(Attended):
    """Half of the heads attend, half convolve with kernels that depend on the position (ConvBERT; DSC)."""

    def __init__(self, hidden: int, layer: Layer, softmax_of_transforms: bool = False) -> None:
        super().__init__()
        self.heads, self.kernel = max(1, layer.heads // 2), int(layer.operation[1])
        half = self.heads * (hidden // layer.heads)
        self.width = 2 * half
        self.query, self.key, self.value = (nn.Linear(hidden, half) for _ in range(3))
        self.depthwise = nn.Conv1d(hidden, hidden, self.kernel, padding=self.kernel // 2, groups=hidden, bias=False)
        self.pointwise = nn.Conv1d(hidden, half, 1)
        self.kernels = nn.Linear(half, self.heads * self.kernel)
        self.convolved = nn.Linear(hidden, half)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same length."""
        query = self.query(states)
        separable = self.pointwise(self.depthwise(states.transpose(1, 2))).transpose(1, 2)
        weights = self.kernels(separable * query).unflatten(2, (self.heads, self.kernel))
        # Of three dimensions, so that it is not taken for the softmax of attention.
        weights = weights.flatten(1, 2).softmax(-1).unflatten(1, (-1, self.heads))
        local = self._convolved(self.convolved(states).unflatten(-1, (self.heads, -1)), weights)
        heads = attended(query, self.key(states), self.value(states), self).transpose(1, 2)
        return torch.cat([heads, local], dim=2).flatten(2)

    def _convolved(self, values: Tensor, weights: Tensor) -> Tensor:
        """Return ``(batch, length, heads, size)``, each position's neighbours weighted by its kernel."""
        reach, length = self.kernel // 2, values.shape[1]
        padded = F.pad(values, (0, 0, 0, 0, reach, reach))
        parts = (padded[:, i : i + length] * weights[..., i : i + 1] for i in range(self.kernel))
        return reduce(torch.add, parts)


class Transform(nn.Module):
    """A linear layer, and of each head's (length, size) a transform in both dimensions, not normalised.

    DFT: the real part of Fourier's. DCT: the cosine transform of type II.
    """

    def __init__(self, hidden: int, layer: Layer, softmax_of_transforms: bool = False) -> None:
        super().__init__()
        self.heads, self.softmax = layer.heads, softmax_of_transforms
        self.input = nn.Linear(hidden, hidden)
        self.transform: Callable[[Tensor], Tensor] = {"DFT": fourier, "DCT": cosine}[layer.operation[1]]

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same length."""
        transformed = self.transform(split(self.input(states), self.heads))
        if self.softmax:
            transformed.softmax(-1)
        return joined(transformed)


def fourier(x: Tensor) -> Tensor:
    """Return the real part of the discrete Fourier transform of the last two dimensions."""
    return torch.real(torch.fft.fft2(x))


def cosine(x: Tensor) -> Tensor:
    """Return the discrete cosine transform of type II of the last two dimensions (scipy's ``dctn`` without a norm)."""
    return _cosine(_cosine(x).transpose(-1, -2)).transpose(-1, -2)


def _cosine(x: Tensor) -> Tensor:
    """Transform the last dimension, by the Fourier transform of its even and its reversed odd places."""
    length = x.shape[-1]
    found = torch.fft.fft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1))
    angle = torch.arange(length, dtype=x.dtype, device=x.device) * (math.pi / (2 * length))
    return torch.mul(found.real * angle.cos() + found.imag * angle.sin(), 2)


OPERATIONS: dict[str, Callable[[int, Layer, bool], nn.Module]] = {
    "SA": SelfAttention,
    "DSC": Convolution,
    "LT": Transform,
}
"""Kind of operation → its module."""
