"""Networks whose layers are wrapped in one way or several, and the plain networks that compute the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import utils
from torch.nn.utils import parametrizations, parametrize, prune
from torch.utils.checkpoint import checkpoint

from naslib_zc_plugin.passes.isolation import default_type
from naslib_zc_plugin.testing import Case
from tests.passes import elsewhere

# Wrappers of what is stored --------------------


def _weight_norm(layer: Any) -> None:
    utils.weight_norm(layer)
    layer.weight_g.data.mul_(1.5)


def _weight_norm_as_parametrization(layer: Any) -> None:
    parametrizations.weight_norm(layer)
    layer.parametrizations.weight.original0.data.mul_(1.5)


STORED: dict[str, Callable[[Any], Any]] = {
    "weight_norm": _weight_norm,
    "weight_norm (parametrization)": _weight_norm_as_parametrization,
    "spectral_norm": lambda layer: utils.spectral_norm(layer, n_power_iterations=50),
    "spectral_norm (parametrization)": lambda layer: parametrizations.spectral_norm(layer, n_power_iterations=15),
    "parametrization": lambda layer: parametrize.register_parametrization(
        layer, "weight", elsewhere.Scaled(layer.weight)
    ),
    "low rank": lambda layer: parametrize.register_parametrization(layer, "weight", elsewhere.LowRank(layer.weight)),
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", amount=0.4),
    "prune (own)": lambda layer: elsewhere.EveryFourth.apply(layer, "weight"),
    "prune (channels)": lambda layer: prune.ln_structured(layer, "weight", amount=0.34, n=2, dim=0),
}
AS_PARAMETRIZATION = ("weight_norm (parametrization)", "spectral_norm (parametrization)", "parametrization", "low rank")
PRUNES = ("prune", "prune (own)", "prune (channels)")


def make_stored_plain(layer: Any) -> None:
    """Replace what is stored by the weight that is made of it, as torch's own functions do."""
    if parametrize.is_parametrized(layer):
        parametrize.remove_parametrizations(layer, "weight")
    elif hasattr(layer, "weight_g"):
        utils.remove_weight_norm(layer)
    elif hasattr(layer, "weight_mask"):
        prune.remove(layer, "weight")
    elif hasattr(layer, "weight_orig"):
        utils.remove_spectral_norm(layer)


# All wrappers --------------------

CHANGES: dict[str, elsewhere.Change] = {
    "mask": elsewhere.mask,
    "slice": elsewhere.cut,
    "standardise": elsewhere.standardise,
    "standardise (batch norm)": elsewhere.standardise_by_batch_norm,
    "quantise": elsewhere.quantise,
    "quantise (function)": elsewhere.quantise_by_function,
}
CALLS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "functional": elsewhere.by_parent,
    "functional transposed": elsewhere.by_parent_transposed,
    "scripted layer": elsewhere.by_script,
}
PRODUCTS = ("transposed", "einsum", "addmm")
PRECISIONS = {"cast": "narrow", "cast to single": "single"}
RUNS = ("checkpoint", "compiled function", "compiled layer", "compiled in place", "shared", "tied", "scripted relu")
CACHED = {"cached": False, "cached without graph": True}

WRAPPERS = (*STORED, *CHANGES, *CALLS, *PRODUCTS, *PRECISIONS, *RUNS, *CACHED)


@dataclass(frozen=True)
class Wrapping:
    """Some of the wrappers, together."""

    names: frozenset[str]

    def among(self, choices: Any, otherwise: Any) -> Any:
        """Return the one of the choices that is named, or ``otherwise``; of a mapping its value."""
        found = next((name for name in choices if name in self.names), None)
        return otherwise if found is None else choices[found] if isinstance(choices, dict) else found

    @property
    def possible(self) -> bool:
        """Whether these can be put on one layer, of which all but one of a group cannot."""
        stored = self.names & set(STORED)
        groups = [CALLS, PRODUCTS, PRECISIONS, ("shared", "tied"), [run for run in RUNS if run.startswith("compiled")]]
        return (
            all(len(self.names & set(group)) < 2 for group in groups)
            and (len(stored) < 2 or stored <= set(AS_PARAMETRIZATION) or stored <= set(PRUNES))
            and not ("tied" in self.names and stored)  # a computed weight is no parameter to share
            and not (self.names & set(CALLS) and self.names & {*PRODUCTS, *PRECISIONS, "compiled layer"})
            and not (self.names & set(CALLS) and "compiled in place" in self.names)
            and not ("checkpoint" in self.names and self.names & {"scripted relu", "scripted layer"})  # torch fails
            and not self.names & set(CACHED)
        )

    def layer(self, inputs: int, outputs: int, kind: type[Any], sizes: tuple[int, ...]) -> Any:
        """Return a layer that is wrapped in what concerns a layer alone."""
        larger = 2 if self.names & {"slice", *CACHED} else 0
        bias = "functional transposed" not in self.names
        options = {"padding": 1} if sizes else {}
        layer = kind(inputs + larger, outputs + larger, *sizes, bias=bias, **options)
        changes = tuple(change for name, change in CHANGES.items() if name in self.names)
        if self.names & set(CACHED):
            changes = (elsewhere.cut,)
        product, precision = self.among(PRODUCTS, "plain"), self.among(PRECISIONS, "own")
        layer.prepare(changes, (outputs, inputs), product, precision)
        for name, store in STORED.items():
            if name in self.names:
                store(layer)
        for hook in layer._forward_pre_hooks.values():  # of older norms and of pruning, which act before each run
            hook(layer, None)
        return layer


# Networks --------------------


class Network(nn.Module):
    """A network with a block that is run once or twice, and layers that are called in one way.

    Attributes:
        call: how the wrapped layers are called.
        run: how the block is run.
        times: how often.
        tied: whether the second run has a layer of its own, with the weight of the first.
        scripted: whether the block's activation is a scripted function.
    """

    wrapped: tuple[str, ...]
    """Names of the wrapped layers."""

    def __init__(self, wrapping: Wrapping) -> None:
        super().__init__()
        self.call: Callable[[Any, Tensor], Tensor] = wrapping.among(CALLS, elsewhere.by_itself)
        self.run: Callable[..., Tensor] = lambda block, *args: block(*args)
        self.tied = "tied" in wrapping.names
        self.times = 2 if wrapping.names & {"shared", "tied"} else 1
        self.relu, self.scripted = nn.ReLU(), False

    def every(self) -> list[str]:
        """Return the names of all layers that are wrapped, the tied one included."""
        return [*self.wrapped, *(["again"] if self.tied else [])]

    def replace(self, made: Callable[[Any], Any]) -> None:
        """Replace each of these layers, and tie weights anew."""
        for name in self.every():
            parent, _, last = name.rpartition(".")
            setattr(self.get_submodule(parent), last, made(self.get_submodule(name)))
        if self.tied:
            self.get_submodule("again").weight = self.get_submodule(self.wrapped[0]).weight

    def blocks(self, x: Tensor) -> Tensor:
        """Run the block on ``x`` as often as it is to be."""
        for turn in range(self.times):
            layer = self.get_submodule("again" if turn and self.tied else self.wrapped[0])
            x = self.run(self.block, layer, x)
        return x

    def activate(self, x: Tensor) -> Tensor:
        """Return the block's activations."""
        return elsewhere.scripted_relu(x) if self.scripted else self.relu(x)  # type: ignore[no-any-return]

    def block(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Return the block's output."""
        raise NotImplementedError


def scaled_norm(channels: int) -> nn.BatchNorm2d:
    """Return batch norm with a shift, so that no ReLU of a channel that never changes hangs on rounding."""
    norm = nn.BatchNorm2d(channels)
    norm.weight.data, norm.bias.data = torch.linspace(0.5, 1.5, channels), torch.linspace(-0.35, 0.25, channels)
    return norm


class Convolutional(Network):
    """A network of images, with batch norm or without."""

    wrapped = "mid", "head"

    def __init__(self, wrapping: Wrapping, norm: bool = False) -> None:
        super().__init__(wrapping)
        self.stem, self.mid = nn.Conv2d(3, 6, 3), wrapping.layer(6, 6, elsewhere.Convolution, (3,))
        if self.tied:
            self.again = wrapping.layer(6, 6, elsewhere.Convolution, (3,))
        self.first, self.second = (scaled_norm(6) if norm else nn.Identity() for _ in range(2))
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), wrapping.layer(6, 5, elsewhere.Dense, ())

    def forward(self, x: Tensor) -> Tensor:
        maps = self.blocks(self.relu(self.first(self.stem(x))))
        return self.call(self.head, self.pool(maps).flatten(1))

    def block(self, layer: nn.Module, x: Tensor) -> Tensor:
        return x + self.activate(self.second(self.call(layer, x)))


class Normalised(Convolutional):
    """With batch norm."""

    def __init__(self, wrapping: Wrapping) -> None:
        super().__init__(wrapping, norm=True)


class Attention(nn.Module):
    """Attention of two heads."""

    def __init__(self, query: nn.Module, call: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.query, self.key, self.value, self.call = query, nn.Linear(8, 8), nn.Linear(8, 8), call

    def forward(self, x: Tensor) -> Tensor:
        projected = (self.call(self.query, x), self.key(x), self.value(x))
        query, key, value = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in projected)
        weights = torch.softmax(query @ key.transpose(-2, -1) / 2, -1)
        return (weights @ value).transpose(1, 2).flatten(2)


class Sequential(Network):
    """A network of sequences: a recurrent layer, attention, and a feed-forward network of each position."""

    wrapped = "mlp", "attention.query"

    def __init__(self, wrapping: Wrapping) -> None:
        super().__init__(wrapping)
        self.inner, self.outer = nn.Linear(5, 8), nn.Linear(8, 8)
        self.attention = Attention(wrapping.layer(8, 8, elsewhere.Dense, ()), self.call)
        self.mlp, self.back = wrapping.layer(8, 8, elsewhere.Dense, ()), nn.Linear(8, 8)
        if self.tied:
            self.again = wrapping.layer(8, 8, elsewhere.Dense, ())
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        state, states = x.new_zeros(len(x), 8), []
        for step in x.unbind(1):
            state = torch.tanh(self.inner(step) + self.outer(state))
            states.append(state)
        hidden = torch.stack(states, 1)
        return self.head(self.blocks(hidden + self.attention(hidden)).mean(1))

    def block(self, layer: nn.Module, x: Tensor) -> Tensor:
        return x + self.back(self.activate(self.call(layer, x)))


NETWORKS: dict[str, type[Any]] = {"conv": Convolutional, "conv_bn": Normalised, "sequence": Sequential}
SHAPES = {"conv": (6, 3, 8, 8), "conv_bn": (6, 3, 8, 8), "sequence": (6, 4, 5)}


# Cases --------------------


def wrapped(names: Sequence[str], network: str, form: str = "wrapped") -> Case:
    """Return a network with a batch of six samples, in double precision unless it casts to single.

    Args:
        names: of the wrappers.
        network: name of the network.
        form: ``"wrapped"``; ``"own"``: every layer's own forward run is left, on a plain weight, and nothing else is;
            ``"plain"``: plain layers throughout.
    """
    wrapping = Wrapping(frozenset(names))
    dtype = torch.float32 if "cast to single" in names else torch.float64
    torch.manual_seed(3)
    with default_type(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the older norms
        net: Network = NETWORKS[network](wrapping)
        if net.tied:
            net.replace(lambda layer: layer)
        batch = torch.randn(SHAPES[network]), torch.arange(6) % 3
    if form == "wrapped":
        _wrap(net, wrapping)
    else:
        _unwrap(net, plain=form == "plain")
    return Case(net, batch)


def _wrap(net: Network, wrapping: Wrapping) -> None:
    names = wrapping.names
    if "scripted relu" in names:
        net.scripted = True
    if "checkpoint" in names:
        net.run = lambda block, *args: checkpoint(block, *args, use_reentrant=False)
    if "compiled function" in names:
        inner = net.run
        net.run = torch.compile(lambda block, *args: inner(block, *args), backend="eager")
    if names & set(CACHED):
        for layer in map(net.get_submodule, net.every()):
            held = layer.weight[: layer.wanted[0], : layer.wanted[1]]  # type: ignore[index]
            layer.held = held.detach().clone() if "cached without graph" in names else held
    if "compiled in place" in names:
        for layer in map(net.get_submodule, net.every()):
            layer.compile(backend="eager")
    if "compiled layer" in names:
        net.replace(lambda layer: torch.compile(layer, backend="eager"))


def _unwrap(net: Network, plain: bool) -> None:
    net.call = elsewhere.by_itself
    if isinstance(net, Sequential):
        net.attention.call = elsewhere.by_itself
    for layer in map(net.get_submodule, net.every()):
        make_stored_plain(layer)
        layer.product = "plain"
    if plain:
        net.replace(_plain)


def _plain(layer: Any) -> nn.Module:
    weight, bias = layer.used().detach(), layer.used_bias()
    outputs, inputs, *kernel = weight.shape
    made: Any = nn.Linear(inputs, outputs) if not kernel else nn.Conv2d(inputs, outputs, 3, padding=1)
    made.weight = nn.Parameter(weight.clone())
    made.bias = None if bias is None else nn.Parameter(bias.detach().clone())
    return made
