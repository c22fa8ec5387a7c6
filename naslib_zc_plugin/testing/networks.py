"""A zoo of small networks that have tripped implementations of proxies: name → function that makes a case."""

from __future__ import annotations

import functools
import random
import warnings
from typing import Any, Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from naslib_zc_plugin.protocols import LOSSES
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE
from naslib_zc_plugin.testing.case import Case, Wired

Maker = Callable[[], Case]
NETWORKS: dict[str, Maker] = {}
"""Name → function that makes a :class:`Case`, the same at each call."""


def network(make: Maker) -> Maker:
    """Add a case to the zoo, made with a fixed seed: torch's random state stays as it is."""

    @functools.wraps(make)
    def seeded() -> Case:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(20)
            return make()

    NETWORKS[make.__name__] = seeded
    return seeded


def image_batch(samples: int = 8, size: int = 8) -> tuple[Tensor, Tensor]:
    """Return normal images, (samples, 3, size, size), and labels that have each of four classes equally often."""
    return torch.randn(samples, 3, size, size), torch.arange(samples) % 4


def classifier(*layers: nn.Module, width: int) -> Case:
    """Make ``layers`` for images, global average pooling and a linear classifier, in train mode, with a batch."""
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4))
    return Case(net, image_batch())


# Forms of ReLU, norms, convolutions and joins --------------------


def _plain() -> Case:
    first, second = nn.BatchNorm2d(6), nn.BatchNorm2d(8)
    for norm in (first, second):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    block = [nn.Conv2d(3, 6, 3, padding=1, bias=False), first, nn.ReLU()]
    return classifier(*block, nn.Conv2d(6, 8, 3, stride=2), second, nn.ReLU(), width=8)


@network
def conv_bn_relu() -> Case:
    """Make the plain case."""
    return _plain()


@network
def functional_relu() -> Case:
    """Make ReLU as four functions and methods, no module among them."""

    def forward(net: Any, x: Tensor) -> Any:
        first, second, third, fourth = net.layers
        x = F.relu(first(x.flatten(1)))
        x = torch.relu(second(x))
        x = third(x).relu_()
        return net.head(fourth(x).clamp(min=0))

    layers = nn.ModuleList([nn.Linear(48, 12), *(nn.Linear(12, 12) for _ in range(3))])
    return Case(Wired(forward, layers=layers, head=nn.Linear(12, 4)), image_batch(size=4))


@network
def inplace_relu() -> Case:
    """Make in-place ReLUs right after convolutions with biases, no norm."""
    return classifier(nn.Conv2d(3, 6, 3), nn.ReLU(True), nn.Conv2d(6, 6, 3), nn.ReLU(True), width=6)


@network
def smooth() -> Case:
    """Make a network without any ReLU."""
    block = [nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.GELU()]
    return classifier(*block, nn.Conv2d(6, 6, 3), nn.Tanh(), width=6)


@network
def kinds_of_convolution() -> Case:
    """Make depthwise, grouped, dilated, circular and transposed convolutions."""
    return classifier(
        nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=6, padding=2, dilation=2, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 1, groups=2),
        nn.LeakyReLU(),
        nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2),
        nn.ReLU6(),
        width=4,
    )


@network
def norm_without_affine() -> Case:
    """Make batch norm without scale and shift."""
    return classifier(nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6, affine=False), nn.ReLU(), width=6)


@network
def norm_without_statistics() -> Case:
    """Make batch norm that keeps no running statistics."""
    return classifier(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, track_running_stats=False), nn.ReLU(), width=6)


@network
def other_norms() -> Case:
    """Make group, instance and layer norm."""
    layers: list[nn.Module] = [nn.Conv2d(3, 6, 1)]
    for norm in (nn.GroupNorm(2, 6), nn.InstanceNorm2d(6, affine=True), nn.LayerNorm([6, 8, 8])):
        layers += [nn.Conv2d(6, 6, 3, padding=1), norm, nn.ReLU()]
    return classifier(*layers, width=6)


@network
def norm_of_vectors() -> Case:
    """Make BatchNorm1d, which has nothing to normalise over in a batch of one."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 4))
    return Case(net, image_batch(size=4))


@network
def residual_in_place() -> Case:
    """Make a sum that is written over a convolution's output."""

    def forward(net: Any, x: Tensor) -> Any:
        x = F.relu(net.stem(x))
        h = net.conv(x)
        h += x
        return net.head(F.relu(net.norm(h), inplace=True).mean((2, 3)))

    stem, conv = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
    return Case(Wired(forward, stem=stem, conv=conv, norm=nn.BatchNorm2d(6), head=nn.Linear(6, 4)), image_batch())


@network
def branches() -> Case:
    """Make parallel paths of unequal depth, joined by concatenation, and a flattened map before the classifier."""

    def forward(net: Any, x: Tensor) -> Any:
        joined = torch.cat([net.deep(x), net.pool(x)], 1).relu()
        return net.head(F.avg_pool2d(joined, 2).flatten(1))

    deep = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
    return Case(Wired(forward, deep=deep, pool=nn.MaxPool2d(3, 1, 1), head=nn.Linear(7 * 4 * 4, 4)), image_batch())


# Outputs, layers and batches out of the ordinary --------------------


@network
def dead() -> Case:
    """Make outputs that do not depend on the input: a convolution's output times zero."""

    def forward(net: Any, x: Tensor) -> Any:
        return net.head(F.relu(net.norm(net.conv(x) * 0)).mean((2, 3)))

    return Case(Wired(forward, conv=nn.Conv2d(3, 6, 3), norm=nn.BatchNorm2d(6), head=nn.Linear(6, 4)), image_batch())


@network
def two_outputs() -> Case:
    """Make a network that returns features, and the logits second."""

    def forward(net: Any, x: Tensor) -> Any:
        features = net.body(x).mean((2, 3))
        return features, net.head(features)

    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
    return Case(Wired(forward, body=body, head=nn.Linear(6, 4)), image_batch(), logits=1)


@network
def no_parameters() -> Case:
    """Make a network with nothing to learn."""
    return Case(nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()), image_batch())


@network
def bare_parameters() -> Case:
    """Make a network with a parameter of its own and no layer in the sense of the proxies."""
    weight = nn.Parameter(torch.randn(4, 48))
    return Case(Wired(lambda net, x: F.linear(x.flatten(1).relu(), net.weight), weight=weight), image_batch(size=4))


@network
def one_sample() -> Case:
    """Make a batch of one."""
    return Case(_plain().net, image_batch(samples=1))


# Parameters out of the ordinary --------------------


@network
def shared_module() -> Case:
    """Make one convolution, one norm and one ReLU that are called three times."""

    def forward(net: Any, x: Tensor) -> Any:
        x = net.stem(x)
        for _ in range(3):
            x = net.relu(net.norm(net.conv(x)))
        return net.head(x.mean((2, 3)))

    stem, conv, norm = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
    return Case(Wired(forward, stem=stem, conv=conv, norm=norm, relu=nn.ReLU(), head=nn.Linear(6, 4)), image_batch())


@network
def tied_weights() -> Case:
    """Make two linear layers that hold one parameter."""
    one, other = nn.Linear(12, 12), nn.Linear(12, 12)
    other.weight = one.weight
    stem = [nn.Flatten(), nn.Linear(48, 12), nn.ReLU()]
    return Case(nn.Sequential(*stem, one, nn.ReLU(), other, nn.ReLU(), nn.Linear(12, 4)), image_batch(size=4))


@network
def weight_norm() -> Case:
    """Make weights that a parametrization computes: every filter at length one."""
    unit = Wired(lambda net, weight: weight / weight.flatten(1).norm(dim=1)[:, None, None, None])
    conv = parametrize.register_parametrization(nn.Conv2d(3, 6, 3), "weight", unit)
    return classifier(conv, nn.ReLU(), width=6)


@network
def weight_norm_by_hook() -> Case:
    """Make weights that a hook computes, as torch did it before parametrizations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        conv = nn.utils.weight_norm(nn.Conv2d(3, 6, 3))
    return classifier(conv, nn.ReLU(), width=6)


@network
def spectral_norm() -> Case:
    """Make a parametrization that writes to its buffers whenever the weight is read in train mode."""
    return classifier(parametrizations.spectral_norm(nn.Conv2d(3, 6, 3)), nn.ReLU(), width=6)


@network
def frozen() -> Case:
    """Make parameters that want no gradient, some of which hold one."""
    case = _plain()
    for index, parameter in enumerate(case.net.parameters()):
        if index % 2:
            parameter.grad = torch.randn_like(parameter)
        parameter.requires_grad_(False)
    return case


@network
def nan_weights() -> Case:
    """Make a weight that is not a number."""
    case = _plain()
    with torch.no_grad():
        next(case.net.parameters())[0, 0, 0, 0] = float("nan")
    return case


@network
def huge_weights() -> Case:
    """Make weights whose products overflow."""
    case = classifier(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), width=6)
    with torch.no_grad():
        for parameter in case.net.parameters():
            parameter.mul_(1e30)
    return case


@network
def double_precision() -> Case:
    """Make parameters and inputs in double precision."""
    case = _plain()
    inputs, labels = case.batch
    return Case(case.net.double(), (inputs.double(), labels))


# Networks that change while they run, or that their user has changed --------------------


class Stateful(nn.Module):
    """Counts, caches, appends and writes in place at each call."""

    average_too: Tensor
    replaced: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)
        self.calls, self.cached = 0, None
        self.history: list[Any] = []
        self.statistics: dict[str, Any] = {"seen": 0, "nested": [{}]}
        self.average = torch.zeros(6)
        self.register_buffer("average_too", torch.ones(6))
        self.register_buffer("replaced", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Any:
        """Return the logits."""
        features = self.conv(x).relu()
        self.calls += 1
        self.cached = features
        self.history.append(features.shape)
        self.statistics["seen"] += 1
        self.statistics["nested"][0][self.calls] = "seen"
        self.average.add_(1)
        self.average_too.mul_(0.9)
        self.replaced = self.replaced + 1
        return self.head(features.mean((2, 3)))


@network
def stateful() -> Case:
    """Make attributes, containers, plain tensors and buffers that each call changes."""
    return Case(Stateful(), image_batch())


@network
def hooked() -> Case:
    """Make a network with hooks of its user."""
    case, seen = _plain(), list[str]()
    case.net.register_forward_pre_hook(lambda *_: seen.append("before"))
    convolution = next(case.net.children())
    convolution.register_forward_hook(lambda *_: seen.append("after"))
    convolution.register_full_backward_hook(lambda *_: seen.append("backward"))
    return case


@network
def eval_mode() -> Case:
    """Make some modules in eval mode, gradients held."""
    case = _plain()
    for module in list(case.net.children())[1:]:
        module.eval()
    for parameter in case.net.parameters():
        parameter.grad = torch.ones_like(parameter)
    return case


@network
def dropout() -> Case:
    """Make noise in train mode."""
    block = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Dropout2d(0.3)]
    return classifier(*block, nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Dropout(0.5), width=6)


def _noisy(net: Any, x: Tensor, branches: bool) -> Any:
    """Draw from all three global generators, and perhaps branch on a value, which vmap refuses."""
    features = net.conv(x).relu().mean((2, 3))
    scale = random.random() + float(np.random.rand()) + torch.rand(())
    if not branches or features.sum().item() > 0:
        features = features * scale + scale
    return net.head(features)


@network
def noisy() -> Case:
    """Make noise from global random states."""
    net = Wired(functools.partial(_noisy, branches=False), conv=nn.Conv2d(3, 6, 3), head=nn.Linear(6, 4))
    return Case(net, image_batch())


@network
def branching() -> Case:
    """Make the same with control flow on values."""
    net = Wired(functools.partial(_noisy, branches=True), conv=nn.Conv2d(3, 6, 3), head=nn.Linear(6, 4))
    return Case(net, image_batch())


# Sequences --------------------

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


def _language_model(key: str) -> Case:
    """Return two layers of a cell and five words, of each of which the next one is the label."""
    net = SPACE.build(key, num_classes=WORDS, embedding=12, hidden=10, layers=2)
    text = torch.randint(0, WORDS, (8, 6))
    return Case(net, (text[:, :-1], text[:, 1:]), loss=LOSSES["tokens"])


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
