"""Scores a Hugging Face encoder: dictionary batches, a choice among its outputs, a loss of one's own.

    python examples/huggingface.py
    python examples/huggingface.py --layers 4 --width 64

It is small and randomly initialised: nothing is downloaded. Needs the extra `nlp` (transformers).
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import RobertaConfig, RobertaForMaskedLM, RobertaModel

import naslib_zc_plugin as zc

VOCABULARY, MASK, CLASSES = 200, 3, 4


def batch(samples: int, length: int) -> dict[str, Tensor]:
    """Return a batch as tokenizers do: tokens, and a mask of padding."""
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, VOCABULARY, (samples, length), generator=draw)
    mask = torch.ones_like(tokens)
    mask[0, length // 2 :] = 0
    return {"input_ids": tokens, "attention_mask": mask}


def first_state_as_class(states: Tensor, labels: Tensor) -> Tensor:
    """Compute a loss of hidden states (samples, length, width): the first position's first values are logits."""
    return F.cross_entropy(states[:, 0, :CLASSES], labels)


def masked_tokens(logits: Tensor, tokens: Tensor) -> Tensor:
    """Compute the loss of a masked language model, whose targets are -100 wherever nothing is masked."""
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), ignore_index=-100)


def encoder(kind: Any, layers: int, width: int) -> nn.Module:
    """Return a fresh encoder of a kind."""
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=4 * width,
        max_position_embeddings=40,
    )
    made: nn.Module = kind(config)
    return made


def show(title: str, scores: dict[str, zc.Score]) -> None:
    """Print a line for each proxy: its number, or the reason why it has none."""
    print(f"\n{title}")
    for name, score in scores.items():
        print(f"  {name:25} {score.reason if score.value is None else format(score.value, '.6g')}")


def main() -> None:
    """Score two encoders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=32)
    given = parser.parse_args()
    inputs = batch(8, 16)

    # An encoder alone returns several tensors, of which `logits` names one, and needs a loss. Its hidden states come
    # out of a layer norm: their sum is constant, and proxies of the sum report it unless they use the loss.
    of_loss = zc.proxy("head_importance", of="loss", label="head_importance of the loss")
    asked = [*map(zc.proxy, zc.list_proxies()), of_loss]
    scores = zc.score(
        encoder(RobertaModel, given.layers, given.width),
        (inputs, torch.arange(8) % CLASSES),
        asked,
        loss=first_state_as_class,
        logits="last_hidden_state",
    )
    show("RobertaModel", scores)

    # A language model has logits, which are found by their name.
    targets = inputs["input_ids"].masked_fill(torch.rand(8, 16, generator=torch.Generator().manual_seed(1)) > 0.3, -100)
    shown = {**inputs, "input_ids": inputs["input_ids"].masked_fill(targets >= 0, MASK)}
    model = encoder(RobertaForMaskedLM, given.layers, given.width)
    show("RobertaForMaskedLM", zc.score(model, (shown, targets), zc.list_proxies(), loss=masked_tokens))


if __name__ == "__main__":
    main()
