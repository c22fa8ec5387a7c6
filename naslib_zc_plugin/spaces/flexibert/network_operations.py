"""What mixes the positions in FlexiBERT-like encoders: operations on ``(batch, length, hidden)``, shape kept."""

from __future__ import annotations

import math
from functools import reduce
from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.spaces.flexibert.keys import Layer

DROPOUT = 0.1


def split(states: Tensor, heads: int) -> Tensor:
    """``(batch, length, heads · size)`` → ``(batch, heads, length, size)``."""
    return torch.transpose(states.unflatten(-1, (heads, -1)), 1, 2)


def joined(heads: Tensor) -> Tensor:
    """Inverse of :func:`split`."""
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
        """See the module."""
        return joined(attended(self.weight(self.query(states)), self.key(states), self.value(states), self))


def attended(query: Tensor, key: Tensor, value: Tensor, by: SelfAttention | Convolution) -> Tensor:
    """Attention by heads, ``(batch, heads, length, size)``; softmax is called as such, for proxies look at it."""
    query, key, value = (split(part, by.heads) for part in (query, key, value))
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)
    mixed: Tensor = by.dropout(scores.softmax(-1)) @ value
    return mixed


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
        """See the module."""
        query = self.query(states)
        separable = self.pointwise(self.depthwise(states.transpose(1, 2))).transpose(1, 2)
        weights = self.kernels(separable * query).unflatten(2, (self.heads, self.kernel))
        # Of three dimensions, so that it is not taken for the softmax of attention.
        weights = weights.flatten(1, 2).softmax(-1).unflatten(1, (-1, self.heads))
        local = self._convolved(self.convolved(states).unflatten(-1, (self.heads, -1)), weights)
        heads = attended(query, self.key(states), self.value(states), self).transpose(1, 2)
        return torch.cat([heads, local], dim=2).flatten(2)

    def _convolved(self, values: Tensor, weights: Tensor) -> Tensor:
        """``(batch, length, heads, size)``, each position's neighbours weighted by its kernel."""
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
        """See the module."""
        transformed = self.transform(split(self.input(states), self.heads))
        if self.softmax:
            transformed.softmax(-1)
        return joined(transformed)


def fourier(x: Tensor) -> Tensor:
    """Real part of the discrete Fourier transform of the last two dimensions."""
    return torch.real(torch.fft.fft2(x))


def cosine(x: Tensor) -> Tensor:
    """Discrete cosine transform of type II of the last two dimensions (scipy's ``dctn`` without a norm)."""
    return _cosine(_cosine(x).transpose(-1, -2)).transpose(-1, -2)


def _cosine(x: Tensor) -> Tensor:
    """Of the last dimension: twice the real part of the turned Fourier transform of even and reversed odd places."""
    length = x.shape[-1]
    ordered = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1)
    found = torch.fft.fft(ordered)
    angle = torch.arange(length, dtype=x.dtype, device=x.device) * (math.pi / (2 * length))
    return torch.mul(found.real * angle.cos() + found.imag * angle.sin(), 2)


OPERATIONS: dict[str, Callable[[int, Layer, bool], nn.Module]] = {
    "SA": SelfAttention,
    "DSC": Convolution,
    "LT": Transform,
}
"""Kind of operation → its module."""
