"""Language models of recurrent cells that are written out, step by step: weights are used at every step, no ReLU."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE
from naslib_zc_plugin.testing.case import Case, Maker

WORDS = 11


def of_words(logits: Tensor, words: Tensor) -> Tensor:
    """Cross-entropy of each position's logits (N, T, words) and the next word (N, T), mean over all."""
    return F.cross_entropy(logits.flatten(0, 1), words.flatten())


def language_model(key: str, steps: int = 5) -> Case:
    """A cell of NAS-Bench-NLP in a small language model."""
    net = SPACE.build(key, num_classes=WORDS, embedding=12, hidden=10, layers=2)
    text = torch.randint(0, WORDS, (8, steps + 1))
    return Case(net, (text[:, :-1], text[:, 1:]), loss=of_words)


def rnn_cell() -> Case:
    """The plain recurrent cell."""
    return language_model(EXAMPLES["rnn"])


def lstm_cell() -> Case:
    """Two hidden states."""
    return language_model(EXAMPLES["lstm"])


def gru_cell() -> Case:
    """A gate that blends."""
    return language_model(EXAMPLES["gru"])


MAKERS: list[Maker] = [rnn_cell, lstm_cell, gru_cell]
