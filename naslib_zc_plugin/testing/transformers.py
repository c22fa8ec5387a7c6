"""BERT-like encoders on tokens: attention, dynamic convolution, Fourier and cosine transforms, layer norm, GELU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.testing.case import Case, Maker

VOCABULARY = 40
LENGTH = 6


class Classifier(nn.Module):
    """An encoder, and a linear layer on the first position's state."""

    def __init__(self, key: str, classes: int = 3) -> None:
        super().__init__()
        self.encoder = _encoder(key)
        self.head = nn.Linear(int(key.split("|")[0]), classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.encoder(tokens)[:, 0])
        return logits


def _encoder(key: str) -> nn.Module:
    return space("flexibert").build(key, num_classes=VOCABULARY, positions=LENGTH)


def _batch() -> tuple[Tensor, Tensor]:
    return torch.randint(1, VOCABULARY, (4, LENGTH)), torch.arange(4) % 3


def bert_attention() -> Case:
    """Both attentions and dynamic convolution under a classifier."""
    return Case(Classifier("128|SA-WMA-2-512x1|DSC-5-4-512x1"), _batch())


def bert_transforms() -> Case:
    """Transforms alone, no attention; more than one feed-forward layer."""
    return Case(Classifier("128|LT-DFT-2-512x3|LT-DCT-4-512x1"), _batch())


def bert_states() -> Case:
    """The first position's state as logits: they come out of a layer norm and add up to nothing."""
    return Case(_encoder("128|SA-SDP-4-512x1|DSC-9-2-512x1"), _batch(), logits=lambda states: states[:, 0])


MAKERS: list[Maker] = [bert_attention, bert_transforms, bert_states]
