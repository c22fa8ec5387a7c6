"""Vision transformers with a choice for each block (AutoFormer), and with pooling between stages (PiT)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 16
HEAD = 64
"""Size of AutoFormer's heads, whatever the hidden size."""
DISTANCE = 14
"""Patches from which on AutoFormer's relative positions are the same."""
STRIDE = 8
"""Pixels between the patches of PiT, which overlap."""
EPSILON = 1e-6


class Attention(nn.Module):
    """Self-attention, (N, T, hidden) to itself; with relative positions where ``grid`` is given.

    Args:
        hidden: size of a token.
        heads: number of heads.
        head: size of one.
        grid: rows of patches of the image, after a class token, whose relative positions are added to keys and values.
    """

    def __init__(self, hidden: int, heads: int, head: int, grid: int | None = None) -> None:
        super().__init__()
        self.heads, self.head = heads, head
        self.qkv = nn.Linear(hidden, 3 * heads * head)
        self.projection = nn.Linear(heads * head, hidden)
        self.positions = None if grid is None else nn.ModuleList(RelativePositions(grid, head) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return what each token takes from all."""
        samples, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(samples, tokens, 3, self.heads, self.head).permute(2, 0, 3, 1, 4)
        weights = q @ k.transpose(-2, -1)
        if self.positions is None:
            mixed = F.softmax(weights * self.head**-0.5, dim=-1) @ v
        else:
            keys, values = (positions() for positions in self.positions)
            weights = weights + torch.einsum("nhqd,qkd->nhqk", q, keys)
            weights = F.softmax(weights * self.head**-0.5, dim=-1)
            mixed = weights @ v + torch.einsum("nhqk,qkd->nhqd", weights, values)
        return self.projection(mixed.transpose(1, 2).reshape(samples, tokens, -1))  # type: ignore[no-any-return]


class RelativePositions(nn.Module):
    """A vector for each pair of tokens: of their rows' distance and of their columns'; the class token has its own."""

    def __init__(self, grid: int, head: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(0.02 * torch.randn(2 * DISTANCE + 2, head))
        self.columns = nn.Parameter(0.02 * torch.randn(2 * DISTANCE + 2, head))
        place = torch.arange(grid * grid)
        for name, at in (("row", place // grid), ("column", place % grid)):
            between = (at[None] - at[:, None]).clamp(-DISTANCE, DISTANCE) + DISTANCE + 1
            self.register_buffer(name, F.pad(between, (1, 0, 1, 0)), persistent=False)

    def forward(self) -> Tensor:
        """Return the vectors, (T, T, head)."""
        return self.rows[self.get_buffer("row")] + self.columns[self.get_buffer("column")]


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and beside a shortcut."""

    def __init__(self, hidden: int, heads: int, head: int, ratio: float, grid: int | None = None) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(hidden, eps=EPSILON) for _ in range(2))
        self.attention = Attention(hidden, heads, head, grid)
        wide = int(hidden * ratio)
        self.mlp = nn.Sequential(nn.Linear(hidden, wide), nn.GELU(), nn.Linear(wide, hidden))

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens after both."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class AutoFormer(nn.Module):
    """AutoFormer's networks: images (N, 3, S, S) to logits, of the mean over patches."""

    def __init__(self, hidden: int, blocks: Sequence[tuple[float, int]], num_classes: int, size: int) -> None:
        super().__init__()
        grid = size // PATCH
        self.patches = nn.Conv2d(3, hidden, PATCH, PATCH)
        self.token = nn.Parameter(torch.zeros(1, 1, hidden))
        self.position = nn.Parameter(torch.zeros(1, grid * grid + 1, hidden))
        self.blocks = nn.Sequential(*(Block(hidden, heads, HEAD, ratio, grid) for ratio, heads in blocks))
        self.norm = nn.LayerNorm(hidden, eps=EPSILON)
        self.head = nn.Linear(hidden, num_classes)
        _initialise(self, self.token, self.position)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (N, classes)."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 1:].mean(1))  # type: ignore[no-any-return]


class Pooling(nn.Module):
    """PiT's step between stages: half the rows and columns, and more channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(inputs, outputs, 3, 2, padding=1, groups=inputs)
        self.token = nn.Linear(inputs, outputs)

    def forward(self, token: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the class token, (N, 1, outputs), and the patches, (N, outputs, H, W)."""
        return self.token(token), self.patches(maps)


class Stage(nn.Module):
    """Blocks of one size, over the class token and a map of patches."""

    def __init__(self, base: int, heads: int, depth: int, ratio: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(base * heads, heads, base, ratio) for _ in range(depth)))

    def forward(self, token: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return both after the blocks."""
        x = self.blocks(torch.cat([token, maps.flatten(2).transpose(1, 2)], dim=1))
        return x[:, :1], x[:, 1:].transpose(1, 2).unflatten(2, maps.shape[2:])


class Pit(nn.Module):
    """PiT's networks: images (N, 3, S, S) to logits, of the class token."""

    def __init__(self, base: int, ratio: float, stages: Sequence[tuple[int, int]], num_classes: int, size: int) -> None:
        super().__init__()
        sizes = [base * heads for _, heads in stages]
        grid = (size - PATCH) // STRIDE + 1
        self.patches = nn.Conv2d(3, sizes[0], PATCH, STRIDE)
        self.position = nn.Parameter(torch.zeros(1, sizes[0], grid, grid))
        self.token = nn.Parameter(torch.zeros(1, 1, sizes[0]))
        self.stages = nn.ModuleList(Stage(base, heads, depth, ratio) for depth, heads in stages)
        self.pools = nn.ModuleList(Pooling(*each) for each in zip(sizes, sizes[1:]))
        self.norm = nn.LayerNorm(sizes[-1], eps=EPSILON)
        self.head = nn.Linear(sizes[-1], num_classes)
        _initialise(self, self.token, self.position)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (N, classes)."""
        maps = self.patches(x) + self.position
        token, maps = self.stages[0](self.token.expand(len(x), -1, -1), maps)
        for pool, stage in zip(self.pools, self.stages[1:]):
            token, maps = stage(*pool(token, maps))
        return self.head(self.norm(token[:, 0]))  # type: ignore[no-any-return]


def _initialise(network: nn.Module, *tokens: nn.Parameter) -> None:
    """Draw linear layers and tokens from N(0, .02), cut at two standard deviations; biases are 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    for token in tokens:
        nn.init.trunc_normal_(token, std=0.02)
