"""Small networks of every kind, made here and nowhere else: name → function that makes a :class:`Case` anew."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import face


@dataclass
class Case:
    """A network, a batch, and what ``score`` needs besides."""

    net: nn.Module
    batch: tuple[Any, Any]
    more: Mapping[str, Any] = field(default_factory=dict)


def images(number: int = 8, size: int = 8, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Images and labels, two or more of each class."""
    return torch.randn(number, 3, size, size), torch.arange(number) % classes


def texts(number: int = 8, length: int = 6, words: int = 13) -> Tensor:
    """Tokens."""
    return torch.randint(0, words, (number, length))


def pooled(*layers: nn.Module, width: int, classes: int = 4) -> nn.Sequential:
    """Layers, global average pool, classifier."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def conv_norm() -> Case:
    """Convolution, batch norm with a scale and shift of its own, ReLU."""
    norms = [nn.BatchNorm2d(6), nn.BatchNorm2d(8)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
    first = [nn.Conv2d(3, 6, 3, padding=1, bias=False), norms[0], nn.ReLU()]
    return Case(pooled(*first, nn.Conv2d(6, 8, 3, stride=2), norms[1], nn.ReLU(inplace=True), width=8), images())


class Forms(nn.Module):
    """ReLU in five forms, a sum written over a convolution's output, branches joined."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.left, self.right = (
            nn.Conv2d(3, 6, 3, padding=1),
            nn.Conv2d(6, 6, 3, padding=1),
            nn.Conv2d(6, 4, 1),
        )
        self.hidden, self.head = nn.Linear(10 * 16, 12), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = F.relu(self.stem(x))
        left = self.left(x)
        left += x
        joined = torch.cat([left.relu_(), torch.relu(self.right(x))], 1)
        x = F.max_pool2d(joined, 2).flatten(1)
        logits: Tensor = self.head(F.leaky_relu(self.hidden(x)).clamp(min=0))
        return logits


def conv_forms() -> Case:
    """No module is a ReLU."""
    return Case(Forms(), images())


def conv_kinds() -> Case:
    """Grouped, dilated, circular, transposed."""
    layers = [
        nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"), nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=6, padding=2, dilation=2, bias=False), nn.BatchNorm2d(6, affine=False), nn.ReLU6(),
        nn.Conv2d(6, 8, 1, groups=2), nn.LeakyReLU(0.2), nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2), nn.ReLU(),
    ]  # fmt: skip
    return Case(pooled(*layers, width=4), images())


def other_norms() -> Case:
    """One dimension; group, instance and layer norm, batch norm without running statistics."""
    net = nn.Sequential(
        nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6, track_running_stats=False), nn.ReLU(), nn.Conv1d(6, 6, 3),
        nn.GroupNorm(2, 6), nn.ReLU(), nn.Conv1d(6, 6, 1), nn.InstanceNorm1d(6, affine=True), nn.PReLU(),
        nn.LayerNorm(8), nn.SiLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3),
    )  # fmt: skip
    return Case(net, (torch.randn(6, 3, 12), torch.arange(6) % 3))


def dropout() -> Case:
    """Dropout of units and of channels."""
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout2d(0.2), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU()]
    return Case(pooled(*layers, nn.Dropout(0.3), width=8), images())


def smooth() -> Case:
    """Sigmoid, tanh, GELU, softmax, and no ReLU."""
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(48, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16), nn.GELU(),
        nn.Linear(16, 16), nn.Softmax(-1), nn.Linear(16, 4),
    )  # fmt: skip
    return Case(net, images(size=4))


class Lstm(nn.Module):
    """Embedding, LSTM of two layers, a ReLU on the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(13, 6), nn.LSTM(6, 7, 2, batch_first=True)
        self.hidden, self.head = nn.Linear(7, 9), nn.Linear(9, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits."""
        states, _ = self.lstm(self.embedding(tokens))
        logits: Tensor = self.head(self.hidden(states[:, -1]).relu())
        return logits


def lstm() -> Case:
    """Tokens through ``nn.LSTM``."""
    return Case(Lstm(), (texts(), torch.arange(8) % 3))


class Cells(nn.Module):
    """A language model of two written-out layers: weights are used at every step, states are stacked."""

    def __init__(self, words: int = 13, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.inputs = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(2)])
        self.states = nn.ModuleList([nn.Linear(width, 2 * width, bias=False) for _ in range(2)])
        self.decoder = nn.Linear(width, words)
        self.decoder.weight = self.embedding.weight
        self.register_buffer("initial_state", torch.zeros(1, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each position."""
        x = self.embedding(tokens)
        for inputs, states in zip(self.inputs, self.states):
            state, seen = self.initial_state.expand(len(x), -1), []
            for step in range(x.shape[1]):
                gate, new = (inputs(x[:, step]) + states(state)).chunk(2, -1)
                gate = torch.sigmoid(gate)
                state = gate * state + (1 - gate) * F.leaky_relu(torch.tanh(new))
                seen.append(state)
            x = torch.stack(seen, 1)
        logits: Tensor = self.decoder(x)
        return logits


def of_words(logits: Tensor, words: Tensor) -> Tensor:
    """Cross-entropy, mean over samples and positions."""
    return F.cross_entropy(logits.flatten(0, 1), words.flatten())


def cells() -> Case:
    """Next words by stacked hidden states."""
    return Case(Cells(), (texts(), texts()), {"loss": of_words})


def lstm_cells() -> Case:
    """NAS-Bench-NLP's LSTM, as its space builds it."""
    key = face.space("nasbench_nlp").sample(random.Random(5))
    net = face.build("nasbench_nlp", key, num_classes=13, embedding=8, hidden=8, layers=2)
    return Case(net, (texts(), texts()), {"loss": of_words})


class Attention(nn.Module):
    """Multi-head attention with projections that bear names, and a feed-forward layer."""

    def __init__(self, width: int, heads: int, written: bool) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output, self.heads, self.written = nn.Linear(width, width), heads, written

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, width) to the same."""
        number, length, width = x.shape
        parts = [
            part(x).view(number, length, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        ]
        if self.written:
            weights = (parts[0] @ parts[1].transpose(-1, -2) / math.sqrt(width / self.heads)).softmax(-1)
            found = weights @ parts[2]
        else:
            found = F.scaled_dot_product_attention(*parts)
        mixed: Tensor = self.output(found.transpose(1, 2).reshape(number, length, width))
        return mixed


class Encoder(nn.Module):
    """Two layers of attention, one with a softmax that is written out, one with torch's function."""

    def __init__(self, width: int = 8, ends: bool = True) -> None:
        super().__init__()
        self.attention = nn.ModuleList([Attention(width, 2, written) for written in (True, False)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, 3) if ends else nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the mean over positions."""
        for attention, norm in zip(self.attention, self.norms):
            x = norm(x + attention(x))
            x = x + self.down(F.gelu(self.up(x)))
        logits: Tensor = self.head(x.mean(1))
        return logits


def attention() -> Case:
    """Attention on vectors."""
    return Case(Encoder(), (torch.randn(8, 5, 8), torch.arange(8) % 3))


def attention_norm_last() -> Case:
    """The same with a layer norm at the end: its outputs add up to a constant."""
    return Case(Encoder(ends=False), (torch.randn(8, 5, 8), torch.arange(8) % 8))


class Bert(nn.Module):
    """Tokens through torch's own encoder, with dropout; several outputs, inputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(13, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, activation="relu")
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3)

    def forward(self, tokens: Tensor, scale: Tensor) -> dict[str, Tensor]:
        """Hidden states and logits."""
        hidden = self.encoder(self.embedding(tokens) * scale[:, :, None])
        return {"hidden": hidden, "logits": self.head(hidden.mean(1))}


def bert() -> Case:
    """A mapping goes in, another comes out."""
    return Case(Bert(), ({"tokens": texts(), "scale": torch.rand(8, 6)}, torch.arange(8) % 3), {"logits": "logits"})


def double() -> Case:
    """Double precision."""
    case = conv_norm()
    return Case(case.net.double(), (case.batch[0].double(), case.batch[1]))


def brain() -> Case:
    """Half precision with the range of single."""
    case = conv_norm()
    return Case(case.net.bfloat16(), (case.batch[0].bfloat16(), case.batch[1]))


class Twice(nn.Module):
    """A convolution that is called three times, and two linear layers that hold one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.norm = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.one, self.other, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 4)
        self.other.weight = self.one.weight
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.stem(x)
        for _ in range(3):
            x = self.relu(self.norm(self.conv(x)))
        x = self.relu(self.one(x.mean((2, 3))))
        logits: Tensor = self.head(self.relu(self.other(x)))
        return logits


def twice() -> Case:
    """Weights that are used more than once."""
    return Case(Twice(), images())


def frozen() -> Case:
    """Half of the parameters want no gradient, and some of those hold one."""
    case = conv_norm()
    for number, parameter in enumerate(case.net.parameters()):
        if number % 2:
            parameter.grad = torch.ones_like(parameter)
            parameter.requires_grad_(False)
    return case


def not_finite() -> Case:
    """A weight that is not a number: statuses."""
    case = conv_norm()
    with torch.no_grad():
        next(case.net.parameters())[0, 0, 0, 0] = float("nan")
    return case


class Descent(nn.Module):
    """It differentiates in its own forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.energy, self.head = nn.Linear(12, 16), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the inputs after a step down an energy."""
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            energy = self.energy(x).relu().square().sum()
            (slope,) = torch.autograd.grad(energy, x, create_graph=True)
        logits: Tensor = self.head((x - 0.1 * slope).relu())
        return logits


def descent() -> Case:
    """Gradients within."""
    return Case(Descent(), (torch.randn(8, 12), torch.arange(8) % 4))


KEYS = (
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|nor_conv_1x1~0|nor_conv_3x3~1|avg_pool_3x3~2|",
    "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|",
)


def _cell201(key: str, variant: str, C: int, N: int) -> Callable[[], Case]:
    return lambda: Case(face.build("nasbench201", key, variant, C=C, N=N, num_classes=4), images())


MAKERS: dict[str, Callable[[], Case]] = {
    **{
        make.__name__: make
        for make in (
            conv_norm, conv_forms, conv_kinds, other_norms, dropout, smooth, lstm, cells, lstm_cells, attention,
            attention_norm_last, bert, double, brain, twice, frozen, not_finite, descent,
        )
    },
    "nasbench201_nats": _cell201(KEYS[0], "nats", 4, 1),
    "nasbench201_zerocost": _cell201(KEYS[1], "zerocost", 4, 1),
    "nasbench201_deep": _cell201(KEYS[2], "nats", 3, 2),
}  # fmt: skip


def make(name: str) -> Case:
    """The case of a name: equal each time."""
    torch.manual_seed(1000 + sum(map(ord, name)))
    return MAKERS[name]()
