"""Oracles of proxies that look at activations: torch's own operators, whoever calls them."""

from __future__ import annotations

import math
from typing import Any

import torch
from architectures_reference import RECURRENT, Absent, Reference
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
KINDS: dict[str, tuple[Any, ...]] = {
    "relu": (
        aten.relu, aten.relu_, aten.leaky_relu, aten.leaky_relu_, aten._prelu_kernel, aten.hardtanh, aten.hardtanh_,
        aten.clamp, aten.clamp_, aten.clamp_min, aten.clamp_min_, aten.threshold, aten.threshold_, aten.maximum,
    ),
    "gelu": (aten.gelu, aten.silu, aten.silu_, aten.mish, aten.mish_, aten.hardswish, aten.hardswish_,
             aten.elu, aten.elu_),
    "sigmoid": (aten.sigmoid, aten.sigmoid_, aten.hardsigmoid, aten.hardsigmoid_),
    "tanh": (aten.tanh, aten.tanh_),
    "softmax": (aten._softmax, aten._safe_softmax),
}  # fmt: skip
"""Torch's own operators, whoever calls them: functions, modules, scripts and the parts of attention."""
_KIND = {packet: kind for kind, packets in KINDS.items() for packet in packets}
_BOUNDED = ("hardtanh", "clamp", "threshold")


class Activations(TorchDispatchMode):
    """Keep the output of every activation."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Tensor]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator and look at its output."""
        output, packet = function(*args, **(kwargs or {})), function.overloadpacket
        kind = _KIND.get(packet)
        if kind is None or not output.is_floating_point():
            return output
        if any(name in packet.__name__ for name in _BOUNDED):
            lowest = args[1] if len(args) > 1 else (kwargs or {}).get("min")
            if not isinstance(lowest, (int, float)) or lowest != 0:
                return output
        if packet is aten.maximum and all(each.any() for each in args):  # of learned thresholds, at first zeros
            return output
        self.found.append((kind, (output.movedim(args[1], -1) if kind == "softmax" else output).clone()))
        return output

    def of(self, *kinds: str) -> list[Tensor]:
        """Return the outputs of some kinds."""
        found = [output for kind, output in self.found if kind in kinds]
        if not found:
            raise Absent(f"no {' or '.join(kinds)}")
        return found


def activations(ref: Reference, net: nn.Module) -> Activations:
    """Run a network and keep the activations."""
    if any(isinstance(module, RECURRENT) for module in net.modules()):
        raise Absent("recurrent layers hide activations")
    seen = Activations()
    with torch.no_grad(), seen:
        ref.logits(net, ref.inputs)
    return seen


def agreement(codes: list[Tensor], samples: int) -> Tensor:
    """Return on how many units each pair of samples has one code."""
    if any(len(code) != samples for code in codes):
        raise Absent("an activation does not have the batch first")
    rows = torch.cat([code.flatten(1) for code in codes], 1)
    return torch.stack([(rows == row).sum(1) for row in rows]).double()


def log_determinant(kernel: Tensor) -> float:
    """Return the logarithm of a determinant."""
    if torch.linalg.matrix_rank(kernel, hermitian=True) < len(kernel):
        raise Absent("a singular kernel")
    return torch.linalg.slogdet(kernel).logabsdet.item()


def naswot(ref: Reference) -> float:
    """Take the log-determinant of the kernel of codes."""
    return log_determinant(agreement([x > 0 for x in activations(ref, ref.net()).of("relu")], ref.samples))


def generalized_naswot(ref: Reference) -> float:
    """Add up kernels of all kinds of activations."""
    seen, kernel = activations(ref, ref.net()), torch.zeros(ref.samples, ref.samples, dtype=torch.float64)
    for kind, output in seen.found:
        if kind in ("relu", "gelu"):
            kernel += agreement([output > 0], ref.samples)
        elif kind == "sigmoid":
            kernel += agreement([(output.float() * 4).floor().clamp(0, 3)], ref.samples)
        elif kind == "tanh":
            kernel += agreement([((output.float() + 1) * 4).floor().clamp(0, 7)], ref.samples)
        elif len(output) != ref.samples:
            raise Absent("an activation does not have the batch first")
        else:
            rows = output.double().reshape(ref.samples, -1, output.shape[-1])
            for i in range(ref.samples):
                for j in range(ref.samples):
                    mixed = (rows[i] + rows[j]) / 2
                    halves = (torch.special.entr(rows[i]) + torch.special.entr(rows[j])) / 2
                    divergence = (torch.special.entr(mixed) - halves).sum()
                    kernel[i, j] += math.log(2) * rows.shape[1] - divergence
    if not seen.found:
        raise Absent("no activation")
    return log_determinant(kernel)


def activation_distance(ref: Reference) -> float:
    """Compare all pairs of positions of the first sample."""
    outputs = activations(ref, ref.net()).of("relu", "gelu")
    sequences = [output[0] > 0 for output in outputs if output.ndim == 3 and len(output) == ref.samples]
    if not sequences:
        raise Absent("no activation on sequences")
    return sum(agreement([on], len(on)).sum().item() for on in sequences)


def head_softmax_confidence(ref: Reference) -> float:
    """Take the largest weights among heads."""
    outputs = activations(ref, ref.net()).of("softmax")
    means = [output.amax(1).mean().item() for output in outputs if output.ndim == 4 and len(output) == ref.samples]
    if not means:
        raise Absent("no attention")
    return sum(means)
