"""The network under constant shared weights: every weight w, every bias 0.

A convolution or linear layer whose weights are all w gives every output channel the same values. So one channel stands
for all (*collapsed*), and several constants are carried side by side as further channels: one forward run gives the
outputs under all of them. Whatever is not known to keep channels equal raises :class:`UnknownOperation`, and the
network is run in full, once for each constant (*uncollapsed*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import Watch, own_statistics
from naslib_zc_plugin.passes.degenerate import check_features
from naslib_zc_plugin.passes.engine import Pass, Running
from naslib_zc_plugin.passes.inputs import Batch, tree_map
from naslib_zc_plugin.passes.isolation import Snapshot, Stopwatch
from naslib_zc_plugin.passes.network import Network
from naslib_zc_plugin.passes.observation import Setting
from naslib_zc_plugin.passes.seeding import seed_everything

EMBEDDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform_positive_0.1": lambda held: torch.rand_like(held) * 0.1,
    "uniform_positive_1": torch.rand_like,
    "uniform_centered_0.1": lambda held: torch.rand_like(held) * 0.2 - 0.1,
    "uniform_centered_1": lambda held: torch.rand_like(held) * 2 - 1,
    "random_0.1": lambda held: torch.randn_like(held) * 0.1,
    "random_1": torch.randn_like,
}
"""Distributions that embeddings are drawn from: U(0, a), U(−a, a) or N(0, a²)."""


def _is_state(name: str) -> bool:
    return name.rpartition(".")[2] == "initial_state"


def _roles(network: Network) -> dict[str, str]:
    """Return the role of each parameter: weight, bias, embedding or held."""
    tables = [
        module.weight for module in network.module.modules() if isinstance(module, (nn.Embedding, nn.EmbeddingBag))
    ]
    embeddings = {network.name_of(table) for table in tables}

    def role(name: str) -> str:
        last = name.rpartition(".")[2]
        by_name = (role for role in ("weight", "bias") if role in last)
        return "embedding" if name in embeddings else next(by_name, "held")

    return {name: role(name) for name in network.parameters}


class ConstantPass(Pass):
    """A pass under constant weights."""

    def drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        """Run for the weights of all observations, and send each the outputs under its own."""
        asked = {each: self._values(each, each.send()) for each in running}
        values = tuple(sorted({value for several in asked.values() for value in several}))
        clock = Stopwatch(self.network.device)
        for module in self.network.module.modules():
            module.training = False
        with torch.no_grad():
            rows = dict(zip(values, self.setting.outputs(self.network, self.batch, values, self._seed)))
        seconds = clock.lap()
        for each, several in asked.items():
            if several:
                # In columns, whatever else is asked for: the last bit of a sum depends on where its terms lie.
                each.expect(None, each.send(torch.stack([rows[value] for value in several], dim=1).T))
        return dict.fromkeys(running, seconds)

    def _values(self, running: Running, asked: Any) -> tuple[float, ...]:
        """Return the weights that an observation asks for; fail it if it asks for something else."""
        if isinstance(asked, tuple) and asked and all(isinstance(value, (int, float)) for value in asked):
            return asked
        running.expect(None, asked)
        return ()


@dataclass(frozen=True)
class ConstantWeights(Setting):
    """All weights of the network equal, in turn, to each value asked for; evaluation mode, batch norm by the batch.

    Parameters whose name says weight get the value (norm layers' scales too), those that say bias 0; others stay as
    held, and embeddings are drawn, the same for all values (constant ones would make all tokens equal).

    Attributes:
        biases: ``"zero"``, or ``"weight"``: they get the value, too.
        states: likewise for buffers called initial_state, with which recurrent layers start; zero: as held.
        embedding: of :data:`EMBEDDINGS`, what embeddings are drawn from.
        features: ``"all"``, or ``"first"``: of the outputs' last dimension, whose values are equal but for rounding.
    """

    biases: str = "zero"
    states: str = "zero"
    embedding: str = "uniform_positive_1"
    features: str = "all"

    @property
    def seed_name(self) -> str:
        """The text under which the setting is hashed into seeds; it never changes."""
        first = f"biases={self.biases!r}, states={self.states!r}"
        return f"Constants({first}, embedding={self.embedding!r}, features={self.features!r})"

    def outputs(self, network: Network, batch: Batch, weights: Sequence[float], seed: int) -> Tensor:
        """Return the outputs under each weight, (weights, outputs): collapsed where the network allows it."""
        try:
            seed_everything(seed, "constants")
            return self.collapsed(network, batch, weights)
        except Exception:
            return self.uncollapsed(network, batch, weights, seed)

    def collapsed(self, network: Network, batch: Batch, weights: Sequence[float]) -> Tensor:
        """Return the outputs, (values, outputs), by one run for all values that computes equal channels once.

        Raises:
            UnknownOperation: an operation of the network is not known to keep channels equal.
        """
        values = torch.tensor(weights, dtype=network.dtype, device=network.device)
        of_role = {"weight": values, "bias": values if self.biases == "weight" else torch.zeros_like(values)}
        tensors: dict[str, Tensor] = {name: buffer.clone() for name, buffer in network.buffers.items()}
        if self.features == "first" or (self.states == "weight" and any(map(_is_state, tensors))):
            raise UnknownOperation("a single feature, or states that differ between the values")
        for name, role in _roles(network).items():
            if role not in of_role:
                raise UnknownOperation(f"a parameter that stays: {name}")
            tensors[name] = ConstantWeight(network.parameters[name].shape, of_role[role])
        with Watch(replacements=COLLAPSED_LAYERS):
            output = network(tensors, tree_map(Tensor.clone, batch.inputs))
        if not isinstance(output, RepeatedChannels):
            raise UnknownOperation("an output without layers")
        return output.expanded().flatten(1)

    def uncollapsed(self, network: Network, batch: Batch, weights: Sequence[float], seed: int) -> Tensor:
        """Return the same by running the whole network once for each value.

        Raises:
            Undefined: a linear layer sums what a layer norm made add up to nothing.
        """
        rows, roles, snapshot = [], _roles(network), Snapshot(network.module)
        for value in weights:
            seed_everything(seed, "embeddings")
            of_role = {"weight": value, "bias": value if self.biases == "weight" else 0.0}
            tensors: dict[str, Tensor] = {name: buffer.clone() for name, buffer in network.buffers.items()}
            for name, held in network.parameters.items():
                role = roles[name]
                tensors[name] = EMBEDDINGS[self.embedding](held) if role == "embedding" else held.clone()
                if role in of_role:
                    tensors[name].fill_(of_role[role])
            for name in filter(_is_state, network.buffers) if self.states == "weight" else ():
                tensors[name].fill_(value)
            seed_everything(seed, "constants")
            with Watch([{F.linear: check_features}], {F.batch_norm: own_statistics}):
                outputs = network(tensors, tree_map(Tensor.clone, batch.inputs))
            rows.append((outputs[..., 0] if self.features == "first" else outputs).flatten())
            snapshot.restore()
        return torch.stack(rows)


# Collapsed channels --------------------

aten = torch.ops.aten


class UnknownOperation(Exception):
    """An operation that is not known to keep runs of equal channels."""


class ConstantWeight(Tensor):
    """A weight of some shape whose values are all the same: ``constants``, (J,), one for each of J variants."""

    constants: Tensor

    @staticmethod
    def __new__(cls: type[ConstantWeight], shape: Sequence[int], values: Tensor) -> ConstantWeight:
        """A constant weight."""
        made = Tensor._make_wrapper_subclass(cls, shape, dtype=values.dtype, device=values.device)
        made.constants = values
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        """Refuse: only :data:`COLLAPSED_LAYERS` are known to keep a weight constant."""
        raise UnknownOperation(str(function))


@dataclass
class Writes:
    """How often a tensor and its views were written to."""

    count: int = 0


class RepeatedChannels(Tensor):
    """A tensor (N, C, …) of J variants, held as (N, J·R, …) for R runs of channels, of ``counts`` equal ones each.

    A slice of channels is a copy here and a view in the network; ``source``, what it was copied from and how often that
    had been written to, tells where the two part.
    """

    counts: tuple[int, ...]
    variants: int
    writes: Writes
    source: tuple[Writes, int] | None
    _held: Tensor

    @staticmethod
    def __new__(
        cls: type[RepeatedChannels],
        data: Tensor,
        counts: tuple[int, ...],
        variants: int,
        writes: Writes | None = None,
        source: tuple[Writes, int] | None = None,
    ) -> RepeatedChannels:
        """A tensor of runs; ``writes`` is that of the tensor whose memory it may share."""
        shape = (len(data), sum(counts), *data.shape[2:])
        made = Tensor._make_wrapper_subclass(cls, shape, dtype=data.dtype, device=data.device)
        made._held, made.counts, made.variants = data, counts, variants
        made.writes, made.source = writes or Writes(), source
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @property
    def data_(self) -> Tensor:
        """(N, J·R, …)."""
        if self.source is not None and self.source[0].count != self.source[1]:
            raise UnknownOperation("a slice of channels whose source was written to")
        return self._held

    def split_runs(self) -> Tensor:
        """(N, J, R, …)."""
        return self.data_.reshape(len(self.data_), self.variants, len(self.counts), *self.data_.shape[2:])

    def like(self, data: Tensor) -> RepeatedChannels:
        """The same runs with other values."""
        return RepeatedChannels(data, self.counts, self.variants, self.writes, self.source)

    def refined(self, counts: tuple[int, ...]) -> Tensor:
        """``data_`` for shorter runs, whose ends hold all ends of these."""
        if counts == self.counts:
            return self.data_
        ends = list(accumulate(self.counts))
        source = [next(i for i, end in enumerate(ends) if position <= end) for position in accumulate(counts)]
        return self.split_runs()[:, :, source].flatten(1, 2)

    def expanded(self) -> Tensor:
        """(J, N, C, …), every channel written out."""
        counts = torch.tensor(self.counts, device=self.data_.device)
        return self.split_runs().repeat_interleave(counts, dim=2).transpose(0, 1)

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        """Operations that treat all channels alike run on the runs; others raise :class:`UnknownOperation`."""
        packet = function.overloadpacket
        if torch.Tag.pointwise in function.tags or packet in ALIKE:
            return _pointwise(function, args, kwargs or {})
        if packet in SPATIAL:
            return SPATIAL[packet](function, args, kwargs or {})
        raise UnknownOperation(str(function))


def _pointwise(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Elementwise: runs of all operands cut alike. In place only where the tensor written to keeps its runs."""
    operands = [argument for argument in args if isinstance(argument, RepeatedChannels)]
    first = operands[0]
    if any(operand.ndim != first.ndim or operand.shape[1] != first.shape[1] for operand in operands):
        raise UnknownOperation("operands of different ranks or widths")
    if any(
        isinstance(argument, Tensor) and not isinstance(argument, RepeatedChannels) and argument.numel() > 1
        for argument in args
    ):
        raise UnknownOperation("an operand that is not made of runs")
    ends = sorted({end for operand in operands for end in accumulate(operand.counts)})
    counts = tuple(end - start for start, end in zip([0, *ends], ends))
    output = function(*(a.refined(counts) if isinstance(a, RepeatedChannels) else a for a in args), **kwargs)
    if function._schema.is_mutable:
        if args[0] is not first or first.counts != counts or first.source is not None:
            raise UnknownOperation("an in-place operation that would change the runs")
        first.writes.count += 1
        return first
    return RepeatedChannels(output, counts, first.variants)


def _spatial(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Operations on each channel's map (pooling and the like)."""
    output = function(args[0].data_, *args[1:], **kwargs)
    made = [
        args[0].like(part) if part.ndim > 1 else part for part in (output if isinstance(output, tuple) else (output,))
    ]
    return tuple(made) if isinstance(output, tuple) else made[0]


def _along(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Operations along given dimensions: batch and channels must not be among them."""
    given = args[1] if len(args) > 1 else kwargs.get("dim")
    dimensions = given if isinstance(given, (list, tuple)) else [given]
    if any(d is None or d % args[0].ndim < 2 for d in dimensions):
        raise UnknownOperation("an operation along the batch or the channels")
    return _spatial(function, args, kwargs)


def _sliced(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A slice of channels, or of something else."""
    source, dimension, *bounds = args
    if dimension % source.ndim != 1:
        return _along(function, args, kwargs)
    runs = [run for run, count in enumerate(source.counts) for _ in range(count)][slice(*bounds)]
    kept = sorted(set(runs))
    data = source.split_runs()[:, :, kept].flatten(1, 2)
    return RepeatedChannels(
        data, tuple(map(runs.count, kept)), source.variants, None, (source.writes, source.writes.count)
    )


def _reshaped(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A new shape that keeps batch and channels apart."""
    source = args[0]
    shape = torch.empty(source.shape, device="meta").reshape(args[1]).shape
    if tuple(shape[:2]) != tuple(source.shape[:2]):
        raise UnknownOperation("a shape that mixes channels")
    return source.like(source.data_.reshape(*source.data_.shape[:2], *shape[2:]))


def _joined(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Concatenation of channels."""
    parts, dimension = args[0], args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if not all(isinstance(part, RepeatedChannels) for part in parts) or dimension % parts[0].ndim != 1:
        raise UnknownOperation("a concatenation of something else than channels in runs")
    counts = tuple(count for part in parts for count in part.counts)
    return RepeatedChannels(
        torch.cat([part.split_runs() for part in parts], dim=2).flatten(1, 2), counts, parts[0].variants
    )


def _padded(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if len(args[1]) > 2 * (args[0].ndim - 2):
        raise UnknownOperation("padding of batch or channels")
    return _spatial(function, args, kwargs)


ALIKE = {
    aten.clone,
    aten.relu,
    aten.relu_,
    aten.hardtanh,
    aten.hardtanh_,
    aten.leaky_relu,
    aten.gelu,
}
SPATIAL: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(
        (aten.detach, aten.alias, aten.avg_pool2d, aten.max_pool2d_with_indices, aten._adaptive_avg_pool2d), _spatial
    ),
    **dict.fromkeys(
        (aten.avg_pool1d, aten.adaptive_max_pool2d, aten.upsample_nearest2d, aten.upsample_bilinear2d), _spatial
    ),
    **dict.fromkeys((aten.mean, aten.sum, aten.amax, aten.select, aten.squeeze), _along),
    **dict.fromkeys((aten.view, aten._unsafe_view, aten.reshape), _reshaped),
    aten.slice: _sliced,
    aten.cat: _joined,
    aten.constant_pad_nd: _padded,
}


# Layers of constant weights --------------------


def _convolution(function: Callable[..., Tensor]) -> Callable[..., Any]:
    def convolve(
        input: Tensor,
        weight: Tensor,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        """One output channel per variant: the sum over the input's runs, each times its count, times the constant."""
        if not isinstance(weight, ConstantWeight):
            return function(input, weight, bias, stride, padding, dilation, groups)
        variants, kernel = len(weight.constants), weight.shape[2:]
        if input.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
            raise UnknownOperation("channels that do not fit")
        if groups > 1:
            return _grouped(function, input, weight, stride, padding, dilation, groups)
        if isinstance(input, RepeatedChannels):
            counts = torch.tensor(input.counts, dtype=input.dtype, device=weight.constants.device)
            thin = (weight.constants[:, None] * counts).reshape(variants, len(counts), *[1] * len(kernel))
            data, together = input.data_, variants
        else:
            thin = weight.constants.reshape(variants, 1, *[1] * len(kernel)).expand(
                variants, weight.shape[1], *[1] * len(kernel)
            )
            data, together = input, 1
        output = function(
            data, thin.expand(*thin.shape[:2], *kernel).contiguous(), None, stride, padding, dilation, together
        )
        return RepeatedChannels(output, (weight.shape[0],), variants)

    return convolve


def _grouped(function: Callable[..., Tensor], input: Tensor, weight: ConstantWeight, *args: Any) -> RepeatedChannels:
    """Groups of equal channels, or single channels (depthwise): each run for itself."""
    stride, padding, dilation, groups = args
    variants, kernel, per_group = len(weight.constants), weight.shape[2:], weight.shape[1]
    if not isinstance(input, RepeatedChannels) or (per_group > 1 and len(input.counts) > 1):
        raise UnknownOperation("a grouped convolution over different channels")
    runs = len(input.counts)
    thin = (weight.constants * per_group).repeat_interleave(runs).reshape(-1, 1, *[1] * len(kernel))
    output = function(
        input.data_, thin.expand(-1, 1, *kernel).contiguous(), None, stride, padding, dilation, variants * runs
    )
    multiple = weight.shape[0] // groups
    counts = tuple(count * multiple for count in input.counts) if runs > 1 else (weight.shape[0],)
    return RepeatedChannels(output, counts, variants)


def _linear(input: Tensor, weight: Tensor, bias: Any = None) -> Any:
    if not isinstance(weight, ConstantWeight):
        return F.linear(input, weight, bias)
    if input.ndim != 2 or input.shape[1] != weight.shape[1]:
        raise UnknownOperation("a linear layer on more than two dimensions, or on features that do not fit")
    if isinstance(input, RepeatedChannels):
        counts = torch.tensor(input.counts, dtype=input.dtype, device=input.device)
        sums = (input.split_runs() * counts).sum(2)
    else:
        sums = input.sum(1, keepdim=True)
    return RepeatedChannels(sums * weight.constants, (weight.shape[0],), len(weight.constants))


def _batch_norm(
    input: Tensor,
    mean: Any,
    variance: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Every run by its own statistics, which are those of its channels; the scale is the constant, the shift 0."""
    sizes = {len(tensor) for tensor in (mean, variance, weight, bias) if tensor is not None}
    if not isinstance(input, RepeatedChannels) or sizes - {input.shape[1]}:
        raise UnknownOperation("a norm of something else than runs, or of channels that do not fit")
    scale = None if weight is None else weight.constants.repeat_interleave(len(input.counts))
    return input.like(F.batch_norm(input.data_, None, None, scale, None, True, momentum, eps))


COLLAPSED_LAYERS: dict[Callable[..., Any], Callable[..., Any]] = {
    F.conv1d: _convolution(F.conv1d),
    F.conv2d: _convolution(F.conv2d),
    F.conv3d: _convolution(F.conv3d),
    F.linear: _linear,
    F.batch_norm: _batch_norm,
}
"""Layers on runs, with every bias 0."""


ConstantWeights.view = ConstantPass
