"""NAS-Bench-NLP networks: word embedding, three recurrent layers of the same cell, decoder tied to the embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.nasbench_nlp.keys import parse
from naslib_zc_plugin.spaces.nasbench_nlp.network_layer import RecurrentLayer
from naslib_zc_plugin.spaces.nasbench_nlp.network_regularisation import Regularisation, locked_dropout
from naslib_zc_plugin.spaces.nasbench_nlp.network_weights import draw, draw_as_published

FLAVOURS = ("logits", "outputs", "published", "training")


class LanguageModel(nn.Module):
    """Tokens (N, T) to logits (N, T, V), or to the last layer's outputs (N, T, embedding) where nothing is decoded."""

    def __init__(
        self, key: str, vocabulary: int, embedding: int, hidden: int, layers: int, decodes: bool, training: bool
    ) -> None:
        super().__init__()
        cell = parse(key)
        widths = [embedding, *[hidden] * (layers - 1), embedding]
        self.regularisation = Regularisation() if training else None
        self.embedding = nn.utils.skip_init(nn.Embedding, vocabulary, embedding)
        dropped = Regularisation.weights if training else 0.0
        self.layers = nn.ModuleList(RecurrentLayer(cell, *sizes, dropped) for sizes in zip(widths, widths[1:]))
        self.decoder = nn.utils.skip_init(nn.Linear, embedding, vocabulary)
        self.decoder.weight = self.embedding.weight
        self.decodes = decodes

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits or outputs of every position; each is told what comes before it by the hidden states alone."""
        rates = self.regularisation if self.training else None
        states = self.embedding(tokens) if rates is None else rates.embedded(tokens, self.embedding.weight)
        for number, layer in enumerate(self.layers):
            if rates is not None:
                states = locked_dropout(states, rates.between if number else rates.inputs)
            states = layer(states)
        if rates is not None:
            states = locked_dropout(states, rates.outputs)
        return self.decoder(states) if self.decodes else states


def build(
    key: str,
    num_classes: int = 10_000,
    flavour: str = "logits",
    embedding: int = 400,
    hidden: int = 600,
    layers: int = 3,
) -> nn.Module:
    """The language model of a cell, initialised as the benchmark does it.

    Cells' weights and biases are uniform in ±1/√h for a layer of h units, the embedding in ±0.1, the decoder's bias is
    0. Layers are ``embedding`` → ``hidden`` → … → ``embedding`` wide, for the decoder's weight is the embedding's.
    Hidden states start at zero (the buffer ``initial_state``).

    Args:
        num_classes: words of the vocabulary; 10,000 for Penn Treebank, 33,278 for WikiText-2.
        flavour: ``"logits"``: without the regularisation of training. ``"outputs"``: ends with the last layer's
            outputs, as both published scorers do (Serianni & Kalita; epsinas); the decoder is there and does nothing,
            which saves time, and 140 MB of logits for 50 × 70 words. ``"published"``: the same with the weights that
            the former scored: those of seed 0, drawn in the order of their code, whatever torch's seed is.
            ``"training"``: logits, in train mode with the benchmark's dropouts for Penn Treebank (see
            :mod:`.network_regularisation`).

    Raises:
        ValueError: malformed key, unknown flavour, or a size below one.
    """
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown flavour {flavour!r}; use one of {', '.join(FLAVOURS)}")
    if min(num_classes, embedding, hidden, layers) < 1:
        sizes = f"{num_classes}, {embedding}, {hidden} and {layers}"
        raise ValueError(f"num_classes, embedding, hidden and layers must be at least 1, found {sizes}")
    decodes, training = flavour in ("logits", "training"), flavour == "training"
    model = LanguageModel(key, num_classes, embedding, hidden, layers, decodes, training)
    with torch.no_grad():
        if flavour == "published":
            draw_as_published(model.embedding, model.layers, model.decoder, hidden)
        else:
            draw(model.embedding, model.layers, model.decoder)
    return model
