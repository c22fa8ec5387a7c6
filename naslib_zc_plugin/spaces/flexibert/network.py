"""FlexiBERT-like encoders, of the sizes that their keys name or of those that published scores were measured on."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from naslib_zc_plugin.spaces.flexibert.keys import Architecture, parse
from naslib_zc_plugin.spaces.flexibert.network_blocks import Embeddings, FeedForward, Layers, Residual
from naslib_zc_plugin.spaces.flexibert.network_operations import OPERATIONS, Attended

FLAVOURS = ("nominal", "published")


def build(key: str, num_classes: int = 30_522, flavour: str = "nominal", positions: int = 512) -> nn.Module:
    """The encoder of a key, initialised as BERT is.

    Embeddings of words, positions and token types (128 wide, summed, norm, dropout), a projection to the hidden size
    where that is another, and the layers: an operation that mixes positions, then feed-forward layers. Weights are
    N(0, 0.02), biases 0, as is the embedding of token 0 (padding). The forward pass maps tokens ``(batch, length)``
    (also by name: ``input_ids``, ``token_type_ids``) to the last hidden state ``(batch, length, hidden size)``.

    Args:
        num_classes: size of the vocabulary, which campaigns call classes; the default is BERT's (uncased WordPiece).
        flavour: ``"nominal"``: the sizes that the key names. ``"published"``: what aaronserianni/training-free-nas
            scored, where the hidden size is 256 and the feed-forward width 1,024 whatever the key says; there, Fourier
            and cosine transforms also compute a softmax that nothing uses but the softmax confidence sees.
        positions: the longest input.

    Raises:
        ValueError: malformed key, unknown flavour, or a size below one.
    """
    architecture = parse(key)
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown flavour {flavour!r}; use one of {', '.join(FLAVOURS)}")
    if min(num_classes, positions) < 1:
        raise ValueError(f"num_classes and positions must be at least 1, found {num_classes} and {positions}")
    if flavour == "published":
        layers = (replace(layer, width=1024) for layer in architecture.layers)
        architecture = Architecture(256, tuple(layers))
    encoder = Encoder(architecture, num_classes, positions, softmax_of_transforms=flavour == "published")
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
            made = nn.Sequential()
            made.add_module("operation", operation)
            made.add_module("feed_forward", Residual(forward, architecture.hidden))
            self.layers.add_module(f"layer{number}", made)

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor | None = None, attention_mask: Tensor | None = None
    ) -> Tensor:
        """The last hidden state. A mask, which tokenizers give, has no effect: the operations see padding, too."""
        states: Tensor = self.layers(self.embeddings(input_ids, token_type_ids))
        return states
