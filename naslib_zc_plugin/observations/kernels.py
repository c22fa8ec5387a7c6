"""Kernels of a network's activations: how alike samples are by all activations of one kind.

A :class:`Similarity` compares the samples by an activation's output: its kernel is Σ (m − f) for a distance f of codes
and the largest value m that it can take. :class:`Partition` takes the Hamming distance, :class:`Distance` any other.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Callable, Protocol

import numpy as np
import torch
from torch import Tensor

from naslib_zc_plugin.observations.activations import ACTIVATIONS, add_kind, itself
from naslib_zc_plugin.observations.batch_dimension import check_batch_first
from naslib_zc_plugin.passes import FORWARD, ForwardPass, NotApplicable, Steps, observation
from naslib_zc_plugin.passes.capture import Function, Watch
from naslib_zc_plugin.passes.degenerate import precise
from naslib_zc_plugin.passes.seeding import kept_random_states

logger = logging.getLogger(__name__)


class ActivationKernel(Protocol):
    """A kernel that grows with each activation."""

    def update(self, output: Tensor) -> None:
        """Add the kernel of an activation's output, (N, …)."""

    def compute(self) -> Tensor:
        """Return the kernel, (N, N), float64."""


class Similarity(Protocol):
    """How outputs of a kind of activation are compared. A value: equal ones make one observation."""

    def kernel(self, samples: int) -> ActivationKernel:
        """Return the kernel of no activation."""


@dataclass(frozen=True)
class Partition:
    """Hamming distance of codes: the part of the output's range that a unit's value lies in; m: the number of units.

    >>> kernel = Partition().kernel(2)
    >>> kernel.update(torch.tensor([[1.0, -1.0, 2.0], [1.0, 1.0, 0.5]]))
    >>> kernel.compute().tolist()
    [[3.0, 2.0], [2.0, 3.0]]

    Attributes:
        parts: number of equal parts; 0: two codes, of positive outputs and of all others (for ReLU).
        low, high: the range.
    """

    parts: int = 0
    low: float = 0.0
    high: float = 1.0

    def kernel(self, samples: int) -> ActivationKernel:
        """Return the kernel of no activation."""
        return _HammingKernel(self, samples)

    def codes(self, output: Tensor) -> Tensor:
        """Return the code of each value, uint8."""
        if not self.parts:
            if output.device.type == "cpu" and output.dtype in (torch.float32, torch.float64):
                return torch.from_numpy(np.greater(output.detach().numpy(), 0).view(np.uint8))  # an eighth of the time
            return (output > 0).to(torch.uint8)
        scaled = (precise(output) - self.low) * (self.parts / (self.high - self.low))
        return scaled.clamp_(0, self.parts - 1).to(torch.uint8)


class _HammingKernel:
    """Sum of agreements."""

    def __init__(self, partition: Partition, samples: int) -> None:
        self._partition, self._samples = partition, samples
        self._agreement = CodeAgreement(samples, partition.parts or 2)

    def update(self, output: Tensor) -> None:
        """Add an output's agreement."""
        for piece in output.reshape(self._samples, -1).split(PIECE, dim=1):
            self._agreement.update(self._partition.codes(piece))

    def compute(self) -> Tensor:
        """Return the sum."""
        return self._agreement.compute()


# Agreement of codes --------------------

PIECE = 1 << 16
"""Number of units to compare at a time: their bits stay in the processor's cache."""


class CodeAgreement:
    """On how many units each pair of samples has the same code: (N, N) float64, exact.

    On the CPU the bits of the codes are packed, units side by side, and compared 64 at a time (a third of the time of
    a matrix product); elsewhere each state's indicator C gives C·Cᵀ.

    >>> agreement = CodeAgreement(2)
    >>> agreement.update(torch.tensor([[1, 0, 1], [1, 1, 1]], dtype=torch.uint8))
    >>> agreement.compute().tolist()
    [[3.0, 2.0], [2.0, 3.0]]

    Args:
        samples: their number N.
        states: number of codes, which are 0 to ``states`` − 1.
    """

    def __init__(self, samples: int, states: int = 2) -> None:
        self._samples, self._states = samples, states
        self._bits: _Bits | None = None
        self._sum = torch.zeros(samples, samples, dtype=torch.float64, device="cpu")

    def update(self, codes: Tensor) -> None:
        """Add the codes of some units, uint8 (N, units)."""
        if codes.device.type == "cpu" and hasattr(np, "bitwise_count"):
            self._bits = self._bits or _Bits(self._samples, max(1, (self._states - 1).bit_length()))
            self._bits.update(codes.numpy())
        else:
            self._sum = self._sum.to(codes.device) + _by_products(codes, self._states)

    def compute(self) -> Tensor:
        """Return the sum."""
        return self._sum if self._bits is None else self._sum + torch.from_numpy(self._bits.compute()).to(self._sum)


def _by_products(codes: Tensor, states: int) -> Tensor:
    """Multiply indicators; sums of float32 are exact below 2²⁴, far beyond a piece."""
    total = torch.zeros(len(codes), len(codes), dtype=torch.float64, device=codes.device)
    for piece in codes.split(PIECE, dim=1):
        for state in range(states):
            indicator = (piece == state).float()
            total += indicator @ indicator.T
    return total


class _Bits:
    """Counts the units on which some bit differs; codes that come again one after the other are compared once.

    They do where a network calls ReLU on one tensor for each of the operations that go on from it.
    """

    def __init__(self, samples: int, bits: int) -> None:
        self._samples, self._bits = samples, bits
        self._last, self._times, self._units = np.zeros((bits, samples, 0), np.uint64), 0, 0
        self._words: dict[int, _Words] = {}

    def update(self, codes: np.ndarray) -> None:
        """Add the codes of some units, (N, units)."""
        for start in range(0, codes.shape[1], PIECE):
            piece = codes[:, start : start + PIECE]
            self._units += piece.shape[1]
            made = np.zeros((self._bits, self._samples, -(-piece.shape[1] // 64)), np.uint64)
            for bit, plane in enumerate(made):  # bits left over are zero in all samples
                packed = np.packbits(piece if self._bits == 1 else (piece >> bit) & 1, axis=1)
                plane.view(np.uint8)[:, : packed.shape[1]] = packed
            again = np.array_equal(made[:, 0], self._last[:, 0]) and np.array_equal(made, self._last)
            if not again:
                self._keep()
                self._last = made
            self._times += 1

    def compute(self) -> np.ndarray:
        """Return on how many units they do not differ, (N, N)."""
        self._keep()
        none = np.zeros((self._samples, self._samples))
        differing = sum((times * words.compute() for times, words in self._words.items()), none)
        same: np.ndarray = self._units - differing - differing.T
        return same

    def _keep(self) -> None:
        if self._times:
            if self._times not in self._words:
                self._words[self._times] = _Words(self._samples, self._bits)
            self._words[self._times].add(self._last)
        self._times = 0


class _Words:
    """Counts differing bits in words of 64 units, collected until they make a piece."""

    def __init__(self, samples: int, bits: int) -> None:
        self._words = np.empty((bits, samples, PIECE // 64), np.uint64)
        self._differing = np.zeros((samples, samples))
        self._filled = 0

    def add(self, words: np.ndarray) -> None:
        """Add words, (bits, N, words), no more than a piece."""
        if self._filled + words.shape[2] > self._words.shape[2]:
            self.compute()
        self._words[:, :, self._filled : self._filled + words.shape[2]] = words
        self._filled += words.shape[2]

    def compute(self) -> np.ndarray:
        """Return on how many units each sample differs from those after it, (N, N)."""
        words = self._words[:, :, : self._filled]
        room, counts = np.empty_like(words[0]), np.empty(words[0].shape, np.uint8)
        for one in range(len(room) - 1):
            others = slice(one + 1, len(room))
            apart = np.bitwise_xor(words[0, others], words[0, one], out=room[others])
            for plane in words[1:]:
                apart |= plane[others] ^ plane[one]
            found = np.bitwise_count(apart, out=counts[others])
            self._differing[one, others] += found.sum(1, dtype=np.uint32)
        self._filled = 0
        return self._differing


# Other distances --------------------

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Distance:
    """A kernel m − f for each activation.

    >>> kernel = euclidean(1.0).kernel(2)
    >>> kernel.update(torch.tensor([[0.0], [1.0]]))
    >>> kernel.compute().tolist()
    [[1.0, 0.0], [0.0, 1.0]]

    Attributes:
        mapping: output (N, …) → codes.
        f: codes → distances of all pairs, (N, N).
        m: codes → the largest value that f can take.
    """

    mapping: Callable[[Tensor], Tensor]
    f: Callable[[Tensor], Tensor]
    m: Callable[[Tensor], float]

    def kernel(self, samples: int) -> ActivationKernel:
        """Return the kernel of no activation."""
        return _DistanceKernel(self, samples)


class _DistanceKernel:
    """Sum of m − f."""

    def __init__(self, distance: Distance, samples: int) -> None:
        self._distance = distance
        self._sum = torch.zeros(samples, samples, dtype=torch.float64)

    def update(self, output: Tensor) -> None:
        """Add an output's kernel."""
        codes = self._distance.mapping(output)
        self._sum = self._sum.to(output.device) + (self._distance.m(codes) - self._distance.f(codes).double())

    def compute(self) -> Tensor:
        """Return the sum."""
        return self._sum


def _flat(output: Tensor) -> Tensor:
    return precise(output).reshape(len(output), -1)


def _euclidean(codes: Tensor) -> Tensor:
    return torch.cdist(codes, codes, compute_mode="donot_use_mm_for_euclid_dist")  # else a code differs from itself


@cache
def euclidean(span: float) -> Distance:
    r"""Return the Euclidean distance of raw values, :math:`m = span \sqrt d` for d units of that span."""
    return Distance(_flat, _euclidean, lambda codes: span * math.sqrt(codes.shape[1]))


def _rows(output: Tensor) -> Tensor:
    return precise(output).reshape(len(output), -1, output.shape[-1])


def _divergences(codes: Tensor) -> Tensor:
    """Return the sum over rows of the Jensen–Shannon divergences, (N, rows, S) → (N, N), in nats."""
    samples, _, states = codes.shape
    found = torch.zeros(samples, samples, dtype=torch.float64, device=codes.device)
    for part in codes.split(max(1, _AT_ONCE // (samples * states)), dim=1):
        entropies = torch.special.entr(part).flatten(1).sum(1, dtype=torch.float64)
        for one in range(samples - 1):
            mixed = torch.special.entr((part[one + 1 :] + part[one]).mul_(0.5)).flatten(1).sum(1, dtype=torch.float64)
            found[one, one + 1 :] += mixed - (entropies[one + 1 :] + entropies[one]) / 2
    return found + found.T


@cache
def jensen_shannon(mean: bool = False, bits: bool = False) -> Distance:
    r"""Return the Jensen–Shannon divergence of the distributions in the last dimension, :math:`m = \log 2` for each.

    >>> kernel = jensen_shannon(bits=True).kernel(2)
    >>> kernel.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    >>> kernel.compute()[0, 0].item()
    1.0

    Args:
        mean: the mean over an activation's distributions; otherwise their sum.
        bits: logarithms to base 2; otherwise natural ones.
    """

    def scale(codes: Tensor) -> float:
        return 1 / ((codes.shape[1] if mean else 1) * (math.log(2) if bits else 1))

    return Distance(
        _rows,
        lambda codes: _divergences(codes) * scale(codes),
        lambda codes: math.log(2) * codes.shape[1] * scale(codes),
    )


# Activations of other distributions --------------------


@dataclass(frozen=True)
class Activation:
    """A bounded activation of one's own: which functions it is, and how its outputs are compared.

    >>> Activation("sine", [torch.sin], Partition(8, -1.0, 1.0)).kind
    'sine'

    Attributes:
        kind: its name.
        functions: those whose output is the activation, as the network calls them: torch's, methods of tensors, and
            functions of one's own that are decorated with ``torch.overrides.wrap_torch_function(lambda x: (x,))``,
            without which a function cannot be seen.
        measure: a :class:`Distance` (mapping, f and m), or any other.
    """

    kind: str
    functions: Sequence[Function]
    measure: Similarity


REGISTERED: dict[str, Activation] = {}


def _can_be_seen(function: Function) -> bool:
    seen: list[Any] = []
    try:
        watch = Watch([{function: lambda args, kwargs, output: seen.append(output)}])
        with kept_random_states(), torch.no_grad(), watch:
            function(torch.zeros(2, 2))
    except Exception as error:  # one that takes more than a tensor
        logger.debug("%r is not tried out", function, exc_info=error)
        return not isinstance(function, type)
    return bool(seen)


def register_activation(activation: Activation) -> None:
    """Make an activation known in this process, to be seen besides torch's own.

    >>> register_activation(Activation("relu", [torch.sin], Partition()))
    Traceback (most recent call last):
    ValueError: there is an activation called 'relu': give yours another name

    Raises:
        ValueError: another one of that name is known, or one of its functions belongs to another or cannot be seen.
    """
    if REGISTERED.get(activation.kind) == activation:
        return
    taken = {function: kind for kind, found in ACTIVATIONS.items() for functions, _ in found for function in functions}
    if activation.kind in ACTIVATIONS:
        raise ValueError(f"there is an activation called {activation.kind!r}: give yours another name")
    for function in activation.functions:
        if function in taken:
            raise ValueError(f"{function!r} is a {taken[function]!r} activation already")
        if not _can_be_seen(function):
            raise ValueError(
                f"calls of {function!r} cannot be seen: decorate a function of your own with "
                "torch.overrides.wrap_torch_function(lambda x: (x,)), and name that in place of a module"
            )
    REGISTERED[activation.kind] = activation
    ACTIVATIONS[activation.kind] = [(activation.functions, itself)]
    add_kind(activation.kind)


# Observations --------------------


def _kernel(p: ForwardPass, kind: str, measure: Similarity, maps_only: bool) -> Steps[Tensor | None]:
    """Let the measure's kernel see every activation of a kind."""
    samples = p.batch.size
    kernels: list[ActivationKernel] = []

    def see(output: Tensor) -> None:
        if maps_only and output.ndim != 4:
            return
        if output.ndim == 0 or len(output) != samples:
            shape = tuple(output.shape)
            raise NotApplicable(
                f"the first dimension of an activation ({kind}) of shape {shape} is not the batch of {samples}"
            )
        if not kernels:
            kernels.append(measure.kernel(samples))
        kernels[0].update(output)

    p.on(kind, see)
    yield FORWARD
    p.check_finite()
    if not kernels:
        return None
    if not maps_only:
        check_batch_first(p, [kind])
    return kernels[0].compute()


@observation()
def activation_kernel(
    p: ForwardPass, kind: str, measure: Similarity = Partition(), maps_only: bool = False
) -> Steps[Tensor | None]:
    """Sum the kernels of all calls of the activations of one kind: (N, N), float64; None where there is none.

    >>> from naslib_zc_plugin.extend import proxy
    >>> eighths = activation_kernel("tanh", Partition(8, -1.0, 1.0))
    >>> @proxy(needs=[eighths], version=1, paper="mine", higher_is_better=True)
    ... def agreement(kernel):
    ...     return kernel.mean().item()

    Args:
        p: the pass.
        kind: of :data:`~.activations.ACTIVATIONS`.
        measure: compares the samples by an output.
        maps_only: whether to see only feature maps (four dimensions).

    Raises:
        Undefined: the outputs are not finite (NaN is neither on nor off), or positions come before samples.
    """
    return (yield from _kernel(p, kind, measure, maps_only))


@observation()
def relu_agreement(p: ForwardPass, maps_only: bool = False) -> Steps[Tensor]:
    """Count the ReLU units on whose state each pair of samples agrees: (N, N), float64, N_units − Hamming distance.

    Every call of every ReLU counts, so a module used twice counts twice.

    >>> relu_agreement().arguments
    (('maps_only', False),)

    Args:
        p: the pass.
        maps_only: whether to see only feature maps (four dimensions).

    Raises:
        Undefined: no ReLU was seen, or the outputs are not finite.
    """
    kernel = yield from _kernel(p, "relu", Partition(), maps_only)
    if kernel is None:
        raise NotApplicable(f"no ReLU {'on a feature map ' if maps_only else ''}was seen in the forward pass")
    return kernel
