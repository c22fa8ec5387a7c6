"""The initial weights of NAS-Bench-NLP: drawn as they are meant, or just as the published scorer's code drew them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.nasbench_nlp.network_layer import RecurrentLayer

EMBEDDED = 0.1
SEED = 0


def draw(embedding: nn.Embedding, layers: Iterable[nn.Module], decoder: nn.Linear) -> None:
    """Cells' weights and biases from U(±1/√h), the embedding (that is, the decoder's weight) from U(±0.1), bias 0."""
    for layer in layers:
        _draw_layer(layer)
    embedding.weight.uniform_(-EMBEDDED, EMBEDDED)
    decoder.bias.zero_()


def draw_as_published(embedding: nn.Embedding, layers: Iterable[nn.Module], decoder: nn.Linear, hidden: int) -> None:
    """The same from seed 0, with all that the published code draws and overwrites in between, which moves the rest.

    That is: the embedding N(0, 1); each layer's weights and biases by PyTorch's rule, before their own; a decoder of
    ``hidden`` inputs, before it is tied; and the embedding twice. Torch's random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        embedding.weight.normal_()
        for layer in layers:
            for weights, bias in _nodes(layer):
                for tensor in (*weights, bias):
                    torch.empty_like(tensor).uniform_()
            _draw_layer(layer)
        for shape in ((embedding.num_embeddings, hidden), (embedding.num_embeddings,)):
            torch.empty(shape).uniform_()
        for _ in range(2):
            embedding.weight.uniform_(-EMBEDDED, EMBEDDED)
    decoder.bias.zero_()


def _draw_layer(layer: nn.Module) -> None:
    for weights, bias in _nodes(layer):
        bound = 1 / math.sqrt(len(bias))
        for tensor in (bias, *weights):
            tensor.uniform_(-bound, bound)


def _nodes(layer: nn.Module) -> Iterator[tuple[list[Tensor], Tensor]]:
    """Weights and bias of each linear node, in order."""
    assert isinstance(layer, RecurrentLayer)
    for node in layer.nodes().values():
        maps = list(node.maps().values())
        yield [map.weight for map in maps], maps[0].bias
