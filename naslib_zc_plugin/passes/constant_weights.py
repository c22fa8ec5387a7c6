"""The network under constant shared weights: every weight w, every bias 0.

A convolution or linear layer whose weights are all w gives every output channel the same values. So one channel stands
for all (*collapsed*), and several constants are carried side by side as further channels: one forward run gives the
outputs under all of them. Whatever is not known to keep channels equal raises :class:`UnknownOperation`, and the
network is run in full, once for each constant (*uncollapsed*).

Norms make percents of the last bits of what they divide, so both ways must round alike. What sums is computed in double
precision and rounded to the type of what it sums (:data:`SUMS`): the last bit of a sum in single precision no longer
depends on the order and the number of its equal terms. Settings that know the full run alone round as the papers do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import CONVOLUTIONS, Repeats, Watch, own_statistics
from naslib_zc_plugin.passes.degenerate import Undefined, check_features
from naslib_zc_plugin.passes.engine import Pass, Running
from naslib_zc_plugin.passes.inputs import Batch, as_real, in_double, tree_map
from naslib_zc_plugin.passes.isolation import Stopwatch
from naslib_zc_plugin.passes.layer_calls import PRODUCTS, LayerCalls, check_on_two_samples
from naslib_zc_plugin.passes.network import Network
from naslib_zc_plugin.passes.observation import Setting
from naslib_zc_plugin.passes.seeding import seed_everything
from naslib_zc_plugin.passes.snapshot import Snapshot

EMBEDDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform_positive_0.1": lambda held: torch.rand_like(held) * 0.1,
    "uniform_positive_1": torch.rand_like,
    "uniform_centered_0.1": lambda held: torch.rand_like(held) * 0.2 - 0.1,
    "uniform_centered_1": lambda held: torch.rand_like(held) * 2 - 1,
    "random_0.1": lambda held: torch.randn_like(held) * 0.1,
    "random_1": torch.randn_like,
}
"""Distributions that embeddings are drawn from: U(0, a), U(−a, a) or N(0, a²)."""


def _roles(network: Network) -> dict[str, str]:
    """Return the role of each parameter and buffer: weight, bias, embedding, state or held."""
    tables = (nn.Embedding, nn.EmbeddingBag)
    embeddings = {network.name_of(each.weight) for each in network.parts.values() if isinstance(each, tables)}
    roles = {name: "state" if name.rpartition(".")[2] == "initial_state" else "held" for name in network.buffers}
    for name in network.parameters:
        named = (role for role in ("weight", "bias") if role in name.rpartition(".")[2])
        roles[name] = "embedding" if name in embeddings else next(named, "held")
    return roles


class ConstantPass(Pass):
    """A pass under constant weights."""

    def drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        """Run for the weights of all observations, and send each the outputs under its own."""
        asked: dict[Running, tuple[float, ...]] = {}
        for each in running:
            weights = each.send()
            if isinstance(weights, tuple) and weights and all(isinstance(value, (int, float)) for value in weights):
                asked[each] = weights
            else:
                each.expect(None, weights)
        values = tuple(sorted({value for several in asked.values() for value in several}))
        self.network.check_packed()
        clock = Stopwatch(self.network.device)
        self.network.set_mode(False)
        with torch.no_grad():
            rows = dict(zip(values, self._outputs(values)))
        seconds = clock.lap()
        for each, several in asked.items():
            # In columns, whatever else is asked for: the last bit of a sum depends on where its terms lie.
            each.expect(None, each.send(torch.stack([rows[value] for value in several], dim=1).T))
        return dict.fromkeys(running, seconds)

    def _outputs(self, weights: Sequence[float]) -> Tensor:
        """Return the outputs under each weight, (weights, outputs): collapsed where the network allows it."""
        setting: ConstantWeights = self.setting
        if not setting.keeps(self.network):
            snapshot = self.network.snapshot  # recurrent layers keep what is substituted
            try:
                seed_everything(self._seed, "constants")
                return setting.collapsed(self.network, self.batch, weights)
            except UnknownOperation as unknown:
                self.detour("the network is run in full, once for each constant weight", unknown)
            snapshot.restore()
            self.network.set_mode(False)
        return setting.uncollapsed(self.network, self.batch, weights, self._seed)


@dataclass(frozen=True)
class ConstantWeights(Setting):
    """All weights of the network equal, in turn, to each value asked for; evaluation mode, batch norm by the batch.

    Parameters with weight in their name get the value (norm layers' scales too), those with bias 0; others stay as
    held, and embeddings are drawn, the same for all values (constant ones would make all tokens equal).

    Attributes:
        biases: ``"zero"``, or ``"weight"``: they get the value, too.
        states: likewise for buffers called initial_state, with which recurrent layers start; zero: as held.
        embedding: distribution of the embeddings, a name of :data:`EMBEDDINGS`.
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

    def keeps(self, network: Network) -> str:
        """Return what of a network is not equal under each weight, so that it is always run in full; empty: nothing."""
        roles = _roles(network)
        if self._is_in_full_alone(roles):
            return "a single feature, or states that differ between the values"
        for name, held in network.parameters.items():
            if roles[name] not in ("weight", "bias") or not held.is_floating_point():
                return f"a parameter that stays: {name}"
        return ""

    def _is_in_full_alone(self, roles: Mapping[str, str]) -> bool:
        """Return whether the setting knows the full run alone, which then rounds as the papers' code does."""
        return self.features == "first" or (self.states == "weight" and "state" in roles.values())

    def collapsed(self, network: Network, batch: Batch, weights: Sequence[float]) -> Tensor:
        """Return the outputs, (values, outputs), by one run for all values that computes equal channels once.

        Raises:
            UnknownOperation: an operation of the network is not known to keep channels equal, or a layer has another
                weight.
        """
        if kept := self.keeps(network):
            raise UnknownOperation(kept)
        roles, zeros = _roles(network), [0.0] * len(weights)
        of_role = {"weight": weights, "bias": weights if self.biases == "weight" else zeros}
        given: dict[str, Tensor] = {name: buffer.clone() for name, buffer in network.buffers.items()}
        for name, held in network.parameters.items():
            given[name] = ConstantWeight(held.shape, held.new_tensor(of_role[roles[name]]))
        calls, repeats = LayerCalls(network, given), Repeats(_told, RepeatedChannels.copied)
        again = {function: repeats.of(by) for function, by in COLLAPSED_LAYERS.items()}
        norm = repeats.of(_batch_norm)
        again[F.batch_norm] = lambda input, *statistics, **given: norm(input, *_sizes(statistics), **given)
        try:
            with calls, Watch([calls.handlers], {**SUMS, **again}):
                output = network(given, tree_map(Tensor.clone, batch.inputs))
        except (UnknownOperation, Undefined):
            raise
        except Exception as error:  # of a tensor without memory; if it is the network's own, it comes in full, too
            raise UnknownOperation(f"{type(error).__name__}: {error}") from error
        if not isinstance(output, RepeatedChannels) or not calls.plain:
            raise UnknownOperation("an output without layers, or with weights that are kept elsewhere")
        return output.expanded().flatten(1)

    def uncollapsed(self, network: Network, batch: Batch, weights: Sequence[float], seed: int) -> Tensor:
        """Return the same by running the whole network once for each value.

        Raises:
            Undefined: a linear layer sums the features of a layer norm, which add up to nothing; or the network
                computes with other weights.
        """
        rows: list[Tensor] = []
        roles, snapshot = _roles(network), Snapshot(network.module)
        plain = {F.batch_norm: own_statistics}
        replaced = plain if self._is_in_full_alone(roles) else {**SUMS, **FULL_LAYERS}
        seed_everything(seed, "embeddings")
        held_or_drawn = {
            name: EMBEDDINGS[self.embedding](held) if roles[name] == "embedding" else held
            for name, held in (*network.buffers.items(), *network.parameters.items())
        }
        for value in weights:
            of_role = {"weight": value, "bias": value if self.biases == "weight" else 0.0}
            if self.states == "weight":
                of_role["state"] = value
            given: dict[str, Tensor] = {}
            for name, held in held_or_drawn.items():
                given[name] = held.clone()
                if (role := roles[name]) in of_role:
                    (torch.view_as_real(given[name]) if held.is_complex() else given[name]).fill_(of_role[role])
            seed_everything(seed, "constants")
            calls = LayerCalls(network, given)
            with calls, Watch([calls.handlers, {F.linear: check_features}], replaced):
                outputs = network(given, tree_map(Tensor.clone, batch.inputs))
            if not calls.plain and not rows:
                check_on_two_samples(network, given, batch.inputs, Watch(replacements=plain))
            rows.append(as_real(outputs[..., 0] if self.features == "first" else outputs).flatten())
            snapshot.restore()
        return torch.stack(rows)


# Sums --------------------

_SUMMING: tuple[Callable[..., Any], ...] = (
    *PRODUCTS, torch.einsum, torch.sum, Tensor.sum, torch.mean, Tensor.mean, F.avg_pool1d, F.avg_pool2d, F.avg_pool3d,
    F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d, F.interpolate,
)  # fmt: skip
SUMS: dict[Callable[..., Any], Callable[..., Any]] = {function: in_double(function) for function in _SUMMING}
"""Functions that sum, by which a network runs in either way. Layers and norms are in those of each way."""


# Collapsed channels --------------------

aten = torch.ops.aten


class UnknownOperation(Exception):
    """An operation that is not known to keep runs of equal channels."""


class ConstantWeight(Tensor):
    """A weight of some shape whose values are all the same: ``constants``, (J,), one for each of J variants."""

    constants: Tensor

    @staticmethod
    def __new__(cls: type[ConstantWeight], shape: Sequence[int], values: Tensor) -> ConstantWeight:
        """Make a constant weight."""
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

    A slice of channels is a copy here and a view in the network. ``source`` holds the writes to the copied tensor and
    their number at the time: the copy is right as long as there are no more. Copies of one tensor have one ``value``,
    as long as its own ``writes`` are as many as ``then``.
    """

    counts: tuple[int, ...]
    variants: int
    writes: Writes
    source: tuple[Writes, int] | None
    value: object
    then: int
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
        """Make a tensor of runs; ``writes`` is that of the tensor with which it may share its memory."""
        shape = (len(data), sum(counts), *data.shape[2:])
        made = Tensor._make_wrapper_subclass(cls, shape, dtype=data.dtype, device=data.device)
        made._held, made.counts, made.variants = data, counts, variants
        made.writes, made.source = writes or Writes(), source
        made.value, made.then = object(), made.writes.count
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @property
    def data_(self) -> Tensor:
        """The values, one channel per run and variant: (N, J·R, …)."""
        if self.source is not None and self.source[0].count != self.source[1]:
            raise UnknownOperation("a slice of channels whose source was written to")
        return self._held

    def split_runs(self) -> Tensor:
        """Return the values with variants and runs apart: (N, J, R, …)."""
        return self.data_.reshape(len(self.data_), self.variants, len(self.counts), *self.data_.shape[2:])

    def like(self, data: Tensor) -> RepeatedChannels:
        """Return the same runs with other values."""
        return RepeatedChannels(data, self.counts, self.variants, self.writes, self.source)

    def copied(self) -> RepeatedChannels:
        """Return a copy, of the same ``value``."""
        made = RepeatedChannels(self.data_.clone(), self.counts, self.variants)
        made.value = self.value
        return made

    def refined(self, counts: tuple[int, ...]) -> Tensor:
        """Return ``data_`` for shorter runs; all ends of these runs must be ends of the shorter ones."""
        if counts == self.counts:
            return self.data_
        ends = list(accumulate(self.counts))
        source = [bisect_left(ends, end) for end in accumulate(counts)]
        return self.split_runs()[:, :, source].flatten(1, 2)

    def expanded(self) -> Tensor:
        """Return every channel written out: (J, N, C, …)."""
        counts = torch.tensor(self.counts, device=self.data_.device)
        return self.split_runs().repeat_interleave(counts, dim=2).transpose(0, 1)

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        """Run operations that treat all channels alike on the runs; raise :class:`UnknownOperation` for others."""
        pointwise = torch.Tag.pointwise in function.tags
        operation = _pointwise if pointwise else OPERATIONS.get(function.overloadpacket)
        if operation is None:
            raise UnknownOperation(str(function))
        return operation(function, args, kwargs or {})


def _pointwise(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run an elementwise operation on the runs of all operands, cut alike; in place only where these stay the same."""
    operands = [argument for argument in args if isinstance(argument, RepeatedChannels)]
    first = operands[0]
    if any(operand.ndim != first.ndim or operand.shape[1] != first.shape[1] for operand in operands):
        raise UnknownOperation("operands of different ranks or widths")
    others = [each for each in args if isinstance(each, Tensor) and not isinstance(each, RepeatedChannels)]
    if any(other.numel() > 1 for other in others):
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
    """Run an operation on each channel's map (pooling and the like)."""
    output = function(args[0].data_, *args[1:], **kwargs)
    return tuple(map(args[0].like, output)) if isinstance(output, tuple) else args[0].like(output)


def _along(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run an operation along given dimensions: batch and channels must not be among them."""
    given = args[1] if len(args) > 1 else kwargs.get("dim")
    dimensions = given if isinstance(given, (list, tuple)) else [given]
    if any(d is None or d % args[0].ndim < 2 for d in dimensions):
        raise UnknownOperation("an operation along the batch or the channels")
    return _spatial(function, args, kwargs)


def _sliced(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Take a slice of channels, or of another dimension."""
    source, dimension, *bounds = args
    if dimension % source.ndim != 1:
        return _along(function, args, kwargs)
    runs = [run for run, count in enumerate(source.counts) for _ in range(count)][slice(*bounds)]
    kept = sorted(set(runs))
    data, counts = source.split_runs()[:, :, kept].flatten(1, 2), tuple(map(runs.count, kept))
    return RepeatedChannels(data, counts, source.variants, None, (source.writes, source.writes.count))


def _reshaped(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Take another shape, which keeps batch and channels apart."""
    source = args[0]
    shape = torch.empty(source.shape, device="meta").reshape(args[1]).shape
    if tuple(shape[:2]) != tuple(source.shape[:2]):
        raise UnknownOperation("a shape that mixes channels")
    return source.like(source.data_.reshape(*source.data_.shape[:2], *shape[2:]))


def _joined(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Join channels."""
    parts, dimension = args[0], args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if not all(isinstance(part, RepeatedChannels) for part in parts) or dimension % parts[0].ndim != 1:
        raise UnknownOperation("a concatenation of something else than channels in runs")
    counts = tuple(count for part in parts for count in part.counts)
    data = torch.cat([part.split_runs() for part in parts], dim=2).flatten(1, 2)
    return RepeatedChannels(data, counts, parts[0].variants)


def _padded(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Pad each channel's map."""
    if len(args[1]) > 2 * (args[0].ndim - 2):
        raise UnknownOperation("padding of batch or channels")
    return _spatial(function, args, kwargs)


ALIKE = (aten.clone, aten._to_copy, aten.relu, aten.relu_, aten.hardtanh, aten.hardtanh_, aten.leaky_relu, aten.gelu)
MAPS = (
    aten.detach, aten.alias, aten.avg_pool1d, aten.avg_pool2d, aten._adaptive_avg_pool2d, aten.max_pool2d_with_indices,
    aten.adaptive_max_pool2d, aten.upsample_nearest2d, aten.upsample_bilinear2d,
)  # fmt: skip
OPERATIONS: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(ALIKE, _pointwise),
    **dict.fromkeys(MAPS, _spatial),
    **dict.fromkeys((aten.mean, aten.sum, aten.amax, aten.select, aten.squeeze), _along),
    **dict.fromkeys((aten.view, aten._unsafe_view, aten.reshape), _reshaped),
    aten.slice: _sliced,
    aten.cat: _joined,
    aten.constant_pad_nd: _padded,
}
"""Operations on runs, besides all that torch tags as pointwise."""


# Layers of constant weights --------------------


def _constants(weight: Tensor) -> Tensor:
    """Return the values, (J,), of a constant weight."""
    if not isinstance(weight, ConstantWeight):
        raise UnknownOperation("a layer with other weights")
    return weight.constants


def _told(given: Any) -> Any:
    """Return what tells an argument of a layer, of the same values as before, from all others."""
    if isinstance(given, ConstantWeight):
        return tuple(given.shape), given.constants.tolist()
    if isinstance(given, RepeatedChannels) and given.source is None and given.writes.count == given.then:
        return given.value
    return object() if isinstance(given, (Tensor, list, dict)) else given


def _sizes(given: Sequence[Any]) -> list[int]:
    return [len(each) for each in given if each is not None]


def _fits(bias: Any, channels: int) -> bool:
    """Return whether a bias, if there is one, has a value for each channel."""
    return bias is None or tuple(bias.shape) == (channels,)


def _convolution(function: Callable[..., Tensor]) -> Callable[..., Any]:
    def convolve(
        input: Tensor, weight: Tensor, bias: Any = None,
        stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        """Make one output channel per variant: the sum over the input's runs, each times its count, times the constant.

        Groups must be of equal channels, or of single ones (depthwise): there each run is for itself.
        """
        constants, (channels, per_group, *kernel) = _constants(weight).double(), weight.shape
        if input.ndim != weight.ndim or input.dtype != weight.dtype:
            raise UnknownOperation("a convolution of a single sample, or of another type")
        if input.shape[1] != per_group * groups or channels % groups or not _fits(bias, channels):
            raise UnknownOperation("channels that do not fit")
        runs = input.counts if isinstance(input, RepeatedChannels) else ()
        counts: tuple[int, ...] = (channels,)
        if groups > 1:
            if not runs or (per_group > 1 and len(runs) > 1):
                raise UnknownOperation("a grouped convolution over different channels")
            thin, together = (constants * per_group).repeat_interleave(len(runs))[:, None], len(constants) * len(runs)
            if len(runs) > 1:
                counts = tuple(count * (channels // groups) for count in runs)
        elif runs:
            thin = constants[:, None] * torch.tensor(runs, dtype=torch.float64, device=constants.device)
            together = len(constants)
        else:
            thin, together = constants[:, None].expand(-1, per_group), 1
        thin = thin.reshape(*thin.shape, *[1] * len(kernel)).expand(-1, -1, *kernel).contiguous()
        shift = None if bias is None else _constants(bias).double().repeat_interleave(len(counts))
        data = (input.data_ if isinstance(input, RepeatedChannels) else input).double()
        sums = function(data, thin, shift, stride, padding, dilation, together)
        return RepeatedChannels(sums.to(input.dtype), counts, len(constants))

    return convolve


def _linear(input: Tensor, weight: Tensor, bias: Any = None) -> Any:
    """Sum the input's runs, each times its count, times each constant."""
    constants = _constants(weight).double()
    fits = input.dtype == weight.dtype and input.shape[1:] == weight.shape[1:] and _fits(bias, len(weight))
    if input.ndim != 2 or not fits:
        raise UnknownOperation("a linear layer on more than two dimensions, or on what does not fit")
    if isinstance(input, RepeatedChannels):
        counts = torch.tensor(input.counts, dtype=torch.float64, device=input.device)
        sums = (input.split_runs().double() * counts).sum(2)
    else:
        sums = input.double().sum(1, keepdim=True)
    sums = sums * constants if bias is None else sums * constants + _constants(bias).double()
    return RepeatedChannels(sums.to(input.dtype), (weight.shape[0],), len(constants))


def _normalise(input: Tensor, mean: Any, variance: Any, **kwargs: Any) -> Tensor:
    """Normalise by the input's own statistics, in double precision."""
    normalised: Tensor = in_double(own_statistics)(input, None, None, **kwargs)
    return normalised


def _batch_norm(input: Tensor, *sizes: int, weight: Any = None, bias: Any = None, **kwargs: Any) -> RepeatedChannels:
    """Normalise each run by its own statistics, which are those of its channels; scale and shift are constants."""
    if not isinstance(input, RepeatedChannels) or {*sizes, *_sizes((weight, bias))} - {input.shape[1]}:
        raise UnknownOperation("a norm of something else than runs, or of channels that do not fit")
    scale, shift = (
        None if each is None else _constants(each).repeat_interleave(len(input.counts)) for each in (weight, bias)
    )
    return input.like(_normalise(input.data_, None, None, weight=scale, bias=shift, **kwargs))


def _full_width(function: Callable[..., Tensor]) -> Callable[..., Any]:
    summed = in_double(function)

    def layer(input: Tensor, weight: Tensor, bias: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Make one output channel of each group, which stands for all where the weight is a constant."""
        groups = kwargs.get("groups", args[3] if len(args) > 3 else 1)
        equal = all(given is None or bool((given == given.flatten()[:1]).all()) for given in (weight, bias))
        if not equal or weight.ndim < 2 or len(weight) % groups or not _fits(bias, len(weight)):
            return summed(input, weight, bias, *args, **kwargs)
        each = len(weight) // groups
        thin = summed(input, weight[::each], None if bias is None else bias[::each], *args, **kwargs)
        return thin.repeat_interleave(each, dim=1 - weight.ndim)

    return layer


COLLAPSED_LAYERS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{function: _convolution(function) for function in CONVOLUTIONS},
    F.linear: _linear,
    F.relu: F.relu,
}
"""Layers on runs, besides batch norm, and what comes before them."""

FULL_LAYERS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{function: _full_width(function) for function in (*CONVOLUTIONS, F.linear)},
    F.batch_norm: _normalise,
}
"""Layers of all channels."""


ConstantWeights.view = ConstantPass
