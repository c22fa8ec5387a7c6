"""The zoo's networks of sequences: transformers, recurrent cells and layers, one-dimensional convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE
from naslib_zc_plugin.testing.networks import Case, Wired, network

WORDS = 11
VOCABULARY = 40
LENGTH = 6


@network
def transformer() -> Case:
    """Make attention, layer norm and dropout on vectors."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    net = Wired(lambda net, x: net.head(net.encoder(x).mean(1)), encoder=encoder, head=nn.Linear(8, 3))
    return Case(net, (torch.randn(8, 5, 8), torch.arange(8) % 3))


@network
def tokens() -> Case:
    """Make integer inputs: embedding, LSTM, classifier with a ReLU on the last state."""

    def forward(net: Any, tokens: Tensor) -> Any:
        states, _ = net.lstm(net.embedding(tokens))
        return net.head(net.hidden(states[:, -1]).relu())

    embedding, lstm = nn.Embedding(11, 6), nn.LSTM(6, 7, batch_first=True)
    net = Wired(forward, embedding=embedding, lstm=lstm, hidden=nn.Linear(7, 7), head=nn.Linear(7, 3))
    return Case(net, (torch.randint(0, 11, (8, 5)), torch.arange(8) % 3))


@network
def conv1d() -> Case:
    """Make convolution over time."""
    net = nn.Sequential(
        nn.Conv1d(2, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.Conv1d(6, 6, 3), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3),
    )  # fmt: skip
    return Case(net, (torch.randn(8, 2, 12), torch.arange(8) % 3))


# Language models of recurrent cells that are written out, step by step: weights are used at every step --------------


def _of_words(logits: Tensor, words: Tensor) -> Tensor:
    """Return the cross-entropy of each position's logits (N, T, words) and the next word (N, T), mean over all."""
    return F.cross_entropy(logits.flatten(0, 1), words.flatten())


def _language_model(key: str, steps: int = 5) -> Case:
    net = SPACE.build(key, num_classes=WORDS, embedding=12, hidden=10, layers=2)
    text = torch.randint(0, WORDS, (8, steps + 1))
    return Case(net, (text[:, :-1], text[:, 1:]), loss=_of_words)


@network
def rnn_cell() -> Case:
    """Make the plain recurrent cell."""
    return _language_model(EXAMPLES["rnn"])


@network
def lstm_cell() -> Case:
    """Make two hidden states."""
    return _language_model(EXAMPLES["lstm"])


@network
def gru_cell() -> Case:
    """Make a gate that blends."""
    return _language_model(EXAMPLES["gru"])


# Encoders on tokens: attention, dynamic convolution, Fourier and cosine transforms, layer norm, GELU --------------


def _encoder(key: str) -> nn.Module:
    return space("flexibert").build(key, num_classes=VOCABULARY, positions=LENGTH)


def _classifier(key: str) -> nn.Module:
    """Return an encoder, and a linear layer on the first position's state."""
    width = int(key.split("|")[0])
    return Wired(lambda net, x: net.head(net.encoder(x)[:, 0]), encoder=_encoder(key), head=nn.Linear(width, 3))


def _texts() -> tuple[Tensor, Tensor]:
    return torch.randint(1, VOCABULARY, (4, LENGTH)), torch.arange(4) % 3


@network
def bert_attention() -> Case:
    """Make both attentions and dynamic convolution under a classifier."""
    return Case(_classifier("128|SA-WMA-2-512x1|DSC-5-4-512x1"), _texts())


@network
def bert_transforms() -> Case:
    """Make transforms alone, without attention, and more than one feed-forward layer."""
    return Case(_classifier("128|LT-DFT-2-512x3|LT-DCT-4-512x1"), _texts())


@network
def bert_states() -> Case:
    """Make the first position's state the logits: they come out of a layer norm and add up to nothing."""
    return Case(_encoder("128|SA-SDP-4-512x1|DSC-9-2-512x1"), _texts(), logits=lambda states: states[:, 0])
