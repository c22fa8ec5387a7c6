"""NAS-Bench-NLP networks: word embedding, three recurrent layers of the same cell, decoder tied to the embedding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.spaces._space import check_known
from naslib_zc_plugin.spaces.nasbench_nlp.keys import Cell, Input, Node, order

VARIANTS = ("logits", "outputs", "published", "training", "one_unit")
DROPPED = {"words": 0.1, "inputs": 0.4, "between": 0.25, "outputs": 0.4, "weights": 0.5}
"""AWD-LSTM's rates of dropout while a network trains on Penn Treebank.

They apply to whole words of the embedding, after the embedding, between layers, after the last layer, and to single
weights of the maps of hidden states and nodes (DropConnect).
"""
EMBEDDED = 0.1
SEED = 0


def build(cell: Cell, num_classes: int, variant: str, embedding: int, hidden: int, layers: int) -> nn.Module:
    """Build the language model of a cell, initialised as the benchmark does it.

    Cells' weights and biases are uniform in ±1/√h for a layer of h units, the embedding in ±0.1, the decoder's bias is
    0. Layers are ``embedding`` → ``hidden`` → … → ``embedding`` wide, for the decoder's weight is the embedding's.
    Hidden states start at zero (the buffer ``initial_state``).

    Args:
        cell: of all layers.
        num_classes: words of the vocabulary; 10,000 for Penn Treebank, 33,278 for WikiText-2.
        variant: ``"logits"``: without the regularisation of training. ``"outputs"``: ends with the last layer's
            outputs, as both published scorers do (Serianni & Kalita; epsinas); the decoder is there and does nothing,
            which saves time, and 140 MB of logits for 50 × 70 words. ``"published"``: the same with the weights that
            the former scored: those of seed 0, drawn in the order of their code, whatever torch's seed is.
            ``"training"``: logits, in train mode with the benchmark's dropouts for Penn Treebank
            (:data:`DROPPED`). ``"one_unit"``: outputs of one unit of each layer, which stands for all of them, as
            under constant weights (epsilon): a map costs its width, not its square. Its sums are of double precision.
        embedding: width of the embedding and of the last layer.
        hidden: width of the other layers.
        layers: their number.

    Raises:
        ValueError: the variant is unknown, or a size is below one.
    """
    check_known("variant", variant, VARIANTS)
    if min(num_classes, embedding, hidden, layers) < 1:
        sizes = f"{num_classes}, {embedding}, {hidden} and {layers}"
        raise ValueError(f"num_classes, embedding, hidden and layers must be at least 1, found {sizes}")
    decodes, training = variant in ("logits", "training"), variant == "training"
    model = LanguageModel(cell, num_classes, embedding, hidden, layers, decodes, training, variant == "one_unit")
    with torch.no_grad():
        if variant == "published":
            draw_as_published(model.embedding, model.layers, model.decoder, hidden)
        else:
            draw(model.embedding, model.layers, model.decoder)
    return model


class LanguageModel(nn.Module):
    """Tokens (N, T) to logits (N, T, V), or to the last layer's outputs (N, T, embedding) where nothing is decoded."""

    def __init__(
        self, cell: Cell, vocabulary: int, embedding: int, hidden: int, layers: int, decodes: bool, training: bool,
        one_unit: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = [embedding, *[hidden] * (layers - 1), embedding]
        self.embedding = nn.utils.skip_init(nn.Embedding, vocabulary, embedding)
        dropped = DROPPED["weights"] if training else 0.0
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, *sizes, dropped, 1 if one_unit else sizes[1]) for sizes in zip(widths, widths[1:])
        )
        self.decoder = nn.utils.skip_init(nn.Linear, embedding, vocabulary)
        self.decoder.weight = self.embedding.weight
        self.decodes, self.regularised = decodes, training

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The modules whose outputs are the network's stages: the embedding and each recurrent layer."""
        return ("embedding", *(f"layers.{number}" for number in range(len(self.layers))))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits or outputs of every position; each depends on those before it by the hidden states alone."""
        if not (self.training and self.regularised):
            states: Tensor = self.embedding(tokens)
            for layer in self.layers:
                states = layer(states)
        else:
            table = self.embedding.weight
            states = F.embedding(tokens, table * F.dropout(table.new_ones(len(table), 1), DROPPED["words"]))
            for number, layer in enumerate(self.layers):
                states = layer(locked_dropout(states, DROPPED["between" if number else "inputs"]))
            states = locked_dropout(states, DROPPED["outputs"])
        return self.decoder(states) if self.decodes else states


def _blend(gate: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return gate * one + (1 - gate) * other


OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "blend": _blend,
    "prod": torch.mul,
    "sum": torch.add,
    "tanh": torch.tanh,
    "sigm": torch.sigmoid,
    "leaky_relu": F.leaky_relu,  # of slope 0.01
}


class LinearNode(nn.ModuleList):
    """b + Σ W_i·in_i: one linear map per input, the bias with the first."""

    def __init__(self, node: Node, inputs: int, hidden: int, units: int) -> None:
        self.sources = node.inputs
        widths = [inputs if source == "x" else hidden for source in node.inputs]
        super().__init__(
            nn.utils.skip_init(nn.Linear, width, units, bias=not number) for number, width in enumerate(widths)
        )

    def maps(self) -> dict[Input, nn.Linear]:
        """Return the linear map of each input."""
        return {source: linear for source, linear in zip(self.sources, self) if isinstance(linear, nn.Linear)}


class RecurrentLayer(nn.Module):
    """Inputs (N, T, d) to the first hidden state after each step, (N, T, h).

    The products with the layer's inputs are made for all steps at once.

    Args:
        cell: the cell.
        inputs: width d of the inputs.
        hidden: width h of the hidden states, and of every node.
        dropped: rate of DropConnect on the weights of hidden states and nodes, in train mode. Such weights never
            learn: the benchmark's code wraps them anew in each forward pass, and its optimizer holds unused ones.
        units: that are computed: all, or one that stands for them.
    """

    initial_state: Tensor

    def __init__(self, cell: Cell, inputs: int, hidden: int, dropped: float, units: int) -> None:
        super().__init__()
        linear = {number: node for number, node in enumerate(cell.nodes) if node.operation == "linear"}
        nodes = {str(number): LinearNode(node, inputs, hidden, units) for number, node in linear.items()}
        self.linear = nn.ModuleDict(nodes)
        self.register_buffer("initial_state", torch.zeros(()), persistent=False)
        self.plan = [(number, cell.nodes[number]) for number in order(cell.nodes)]
        self.states, self.outputs = cell.states, cell.outputs
        self.inputs, self.hidden, self.units, self.dropped = inputs, hidden, units, dropped

    def nodes(self) -> dict[int, LinearNode]:
        """Return the linear nodes by number."""
        return {int(name): node for name, node in self.linear.items() if isinstance(node, LinearNode)}

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs ``(N, T, d)`` to the first hidden state after each step, ``(N, T, h)``."""
        maps = {number: node.maps() for number, node in self.nodes().items()}
        one = self.units < self.hidden
        ahead = {
            number: (_one_unit(x, *_summed(map["x"], x.shape[2] == 1)) if one else map["x"](x)).unbind(1)
            for number, map in maps.items()
            if "x" in map
        }
        given = _summed if one else self._recurrent
        weights = {
            number: [(source, *given(map)) for source, map in of.items() if source != "x"]
            for number, of in maps.items()
        }
        multiply = _one_unit if one else F.linear
        state = self.initial_state.expand(len(x), self.units)
        values: dict[Input, Tensor] = dict.fromkeys(self.states, state)
        steps = []
        for step in range(x.shape[1]):
            for number, node in self.plan:
                if node.operation == "linear":
                    terms = [multiply(values[source], weight, bias) for source, weight, bias in weights[number]]
                    values[number] = sum(terms, ahead[number][step]) if number in ahead else sum(terms[1:], terms[0])
                else:
                    values[number] = OPERATIONS[node.operation](*[values[source] for source in node.inputs])
            values = {state: values[number] for state, number in zip(self.states, self.outputs)}
            steps.append(values[self.states[0]])
        return torch.stack(steps, 1)

    def _recurrent(self, map: nn.Linear) -> tuple[Tensor, Tensor | None]:
        weight = map.weight
        return F.dropout(weight.detach(), self.dropped, self.training) if self.dropped else weight, map.bias


def _summed(map: nn.Linear, is_of_one: bool = True) -> tuple[Tensor, Tensor | None]:
    """Return the weights of one unit, (1, d), or their sum where one input stands for all d, and its bias: double."""
    weight = map.weight.double()
    return weight.sum(1) if is_of_one else weight, None if map.bias is None else map.bias.double()


def _one_unit(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute one unit in double precision, and round it: equal inputs give equal outputs, in whatever row they stand.

    In single precision rows of one batch are summed in different orders, where each layer has one unit.
    """
    products = inputs.double() * weight
    summed = products.sum(-1, keepdim=True) if weight.ndim > 1 else products
    return (summed if bias is None else summed + bias).to(inputs.dtype)


def locked_dropout(states: Tensor, rate: float) -> Tensor:
    """Drop values of (N, T, d) with one mask for all steps of a sequence."""
    return states * F.dropout(states.new_ones(len(states), 1, states.shape[2]), rate)


# Initial weights: drawn as they are meant, or just as the published scorer's code drew them.


def draw(embedding: nn.Embedding, layers: Iterable[nn.Module], decoder: nn.Linear) -> None:
    """Draw cells' weights and biases from U(±1/√h), the embedding (which is the decoder's weight) from U(±0.1)."""
    for layer in layers:
        _draw_layer(layer)
    embedding.weight.uniform_(-EMBEDDED, EMBEDDED)
    decoder.bias.zero_()


def draw_as_published(embedding: nn.Embedding, layers: Iterable[nn.Module], decoder: nn.Linear, hidden: int) -> None:
    """Draw the same from seed 0 and, in between, all that the published code draws and overwrites.

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
    """Yield weights and bias of each linear node, in order."""
    assert isinstance(layer, RecurrentLayer)
    for node in layer.nodes().values():
        maps = list(node.maps().values())
        yield [map.weight for map in maps], maps[0].bias
