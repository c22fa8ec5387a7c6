"""The sum of the layers' widths: outputs counted by hand, in whatever form a layer stands."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc

IMAGES = torch.randn(3, 3, 8, 8)


def value(network: nn.Module, inputs: Tensor, name: str = "widths") -> float | None:
    return zc.score(network, (inputs, None), [name])[name].value


class Shared(nn.Module):
    """One layer that is called three times, and one that never is."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.head, self.unused = nn.Linear(6, 6), nn.Linear(6, 2), nn.Linear(6, 50)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.again(x).relu()
        return self.head(x)


@pytest.mark.parametrize(
    ("network", "inputs", "expected"),
    [
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 5)), IMAGES, 13),
        (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.ConvTranspose2d(6, 4, 3), nn.Flatten(), nn.Linear(256, 2)),
         IMAGES, 12),
        (nn.Sequential(nn.Conv1d(4, 9, 3), nn.Flatten(), nn.Linear(36, 3)), torch.randn(2, 4, 6), 12),
        (Shared(), torch.randn(4, 6), 8),
    ],
)  # fmt: skip
def test_outputs_of_layers_are_added_up(network: nn.Module, inputs: Tensor, expected: int) -> None:
    assert value(network, inputs) == expected


def test_it_is_the_number_of_layers_times_their_mean_width() -> None:
    mlp = nn.Sequential(*(layer for _ in range(7) for layer in (nn.Linear(12, 12), nn.GELU())))
    inputs = torch.randn(4, 12)
    assert value(mlp, inputs) == 7 * 12 and value(mlp, inputs, "layers") == 7


def test_one_projection_of_queries_keys_and_values_counts_as_three_do() -> None:
    class Attention(nn.Module):
        def __init__(self, parts: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(8, 24 // parts) for _ in range(parts))

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = torch.cat([layer(x) for layer in self.layers], dim=-1).chunk(3, dim=-1)
            return nn.functional.scaled_dot_product_attention(q, k, v)

    assert value(Attention(1), torch.randn(2, 5, 8)) == value(Attention(3), torch.randn(2, 5, 8)) == 24
