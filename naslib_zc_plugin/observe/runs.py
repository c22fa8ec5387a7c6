"""Tensors whose channels come in runs of equal ones: what layers of constant weights make, computed once per run.

A convolution or linear layer whose weights are all w gives every output channel the same values. So under constant
weights one channel stands for all; several constants are carried side by side as further channels. Anything that is
not known to keep runs raises :class:`Unknown`, and the network is run in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Callable

import torch
from torch import Tensor

aten = torch.ops.aten


class Unknown(Exception):
    """An operation that is not known to keep runs of equal channels."""


class Constant(Tensor):
    """A weight of some shape whose values are all the same: ``constants``, (J,), one for each of J variants."""

    constants: Tensor

    @staticmethod
    def __new__(cls, shape: Sequence[int], values: Tensor) -> Constant:
        """A constant weight."""
        made = Tensor._make_wrapper_subclass(cls, shape, dtype=values.dtype, device=values.device)
        made.constants = values
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        """Nothing but the layers of ``thin.py`` is known to keep a weight constant."""
        raise Unknown(str(function))


@dataclass
class Writes:
    """How often a tensor and its views were written to."""

    count: int = 0


class Runs(Tensor):
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
        cls,
        data: Tensor,
        counts: tuple[int, ...],
        variants: int,
        writes: Writes | None = None,
        source: tuple[Writes, int] | None = None,
    ) -> Runs:
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
            raise Unknown("a slice of channels whose source was written to")
        return self._held

    def split_runs(self) -> Tensor:
        """(N, J, R, …)."""
        return self.data_.reshape(len(self.data_), self.variants, len(self.counts), *self.data_.shape[2:])

    def like(self, data: Tensor) -> Runs:
        """The same runs with other values."""
        return Runs(data, self.counts, self.variants, self.writes, self.source)

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
        """Operations that treat all channels alike run on the runs; others raise :class:`Unknown`."""
        packet = function.overloadpacket
        if torch.Tag.pointwise in function.tags or packet in ALIKE:
            return _pointwise(function, args, kwargs or {})
        if packet in SPATIAL:
            return SPATIAL[packet](function, args, kwargs or {})
        raise Unknown(str(function))


def _pointwise(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Elementwise: runs of all operands cut alike. In place only where the tensor written to keeps its runs."""
    operands = [argument for argument in args if isinstance(argument, Runs)]
    first = operands[0]
    if any(operand.ndim != first.ndim or operand.shape[1] != first.shape[1] for operand in operands):
        raise Unknown("operands of different ranks or widths")
    if any(
        isinstance(argument, Tensor) and not isinstance(argument, Runs) and argument.numel() > 1 for argument in args
    ):
        raise Unknown("an operand that is not made of runs")
    ends = sorted({end for operand in operands for end in accumulate(operand.counts)})
    counts = tuple(end - start for start, end in zip([0, *ends], ends))
    output = function(*(a.refined(counts) if isinstance(a, Runs) else a for a in args), **kwargs)
    if function._schema.is_mutable:
        if args[0] is not first or first.counts != counts or first.source is not None:
            raise Unknown("an in-place operation that would change the runs")
        first.writes.count += 1
        return first
    return Runs(output, counts, first.variants)


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
        raise Unknown("an operation along the batch or the channels")
    return _spatial(function, args, kwargs)


def _sliced(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A slice of channels, or of something else."""
    source, dimension, *bounds = args
    if dimension % source.ndim != 1:
        return _along(function, args, kwargs)
    runs = [run for run, count in enumerate(source.counts) for _ in range(count)][slice(*bounds)]
    kept = sorted(set(runs))
    data = source.split_runs()[:, :, kept].flatten(1, 2)
    return Runs(data, tuple(map(runs.count, kept)), source.variants, None, (source.writes, source.writes.count))


def _reshaped(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A new shape that keeps batch and channels apart."""
    source = args[0]
    shape = torch.empty(source.shape, device="meta").reshape(args[1]).shape
    if tuple(shape[:2]) != tuple(source.shape[:2]):
        raise Unknown("a shape that mixes channels")
    return source.like(source.data_.reshape(*source.data_.shape[:2], *shape[2:]))


def _joined(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Concatenation of channels."""
    parts, dimension = args[0], args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if not all(isinstance(part, Runs) for part in parts) or dimension % parts[0].ndim != 1:
        raise Unknown("a concatenation of something else than channels in runs")
    counts = tuple(count for part in parts for count in part.counts)
    return Runs(torch.cat([part.split_runs() for part in parts], dim=2).flatten(1, 2), counts, parts[0].variants)


def _padded(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if len(args[1]) > 2 * (args[0].ndim - 2):
        raise Unknown("padding of batch or channels")
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
