"""Networks of sequences: transformer, LSTM on tokens, one-dimensional convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from naslib_zc_plugin.testing.case import Case, Maker


class Transformer(nn.Module):
    """An encoder layer on vectors, mean over positions, classifier."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.encoder(x).mean(1))
        return logits


def transformer() -> Case:
    """Attention, layer norm and dropout."""
    return Case(Transformer(), (torch.randn(8, 5, 8), torch.arange(8) % 3))


class Recurrent(nn.Module):
    """Embedding, LSTM, classifier with a ReLU on the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(11, 6), nn.LSTM(6, 7, batch_first=True)
        self.hidden, self.head = nn.Linear(7, 7), nn.Linear(7, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits."""
        states, _ = self.lstm(self.embedding(tokens))
        logits: Tensor = self.head(self.hidden(states[:, -1]).relu())
        return logits


def tokens() -> Case:
    """Integer inputs."""
    return Case(Recurrent(), (torch.randint(0, 11, (8, 5)), torch.arange(8) % 3))


def conv1d() -> Case:
    """Convolution over time."""
    net = nn.Sequential(
        nn.Conv1d(2, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.Conv1d(6, 6, 3), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3),
    )  # fmt: skip
    return Case(net, (torch.randn(8, 2, 12), torch.arange(8) % 3))


MAKERS: list[Maker] = [transformer, tokens, conv1d]
