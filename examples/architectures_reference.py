"""A copy of a network as oracles run it: its layers, its activations, its weights drawn anew, in one precision."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import torch
from architectures_zoo import Case
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import TorchDispatchMode

from naslib_zc_plugin.extend import Reinitialized
from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
RECURRENT = (nn.LSTM, nn.GRU, nn.RNN)


class Absent(Exception):
    """There is no value to compare with; the message says why."""


def tree(function: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    """Apply a function to a tensor, or to each in a dictionary."""
    return {key: function(value) for key, value in inputs.items()} if isinstance(inputs, dict) else function(inputs)


class Reference:
    """A copy of a network and its batch, in one precision."""

    def __init__(self, case: Case, dtype: torch.dtype) -> None:
        self.case, self.dtype = case, dtype
        self.inputs = tree(lambda x: x.to(dtype) if x.is_floating_point() else x.clone(), case.inputs)
        self.labels, self.samples = case.labels, len(case.labels)
        self._found: dict[Any, Any] = {}

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Compute what several proxies need once."""
        if key not in self._found:
            try:
                self._found[key] = compute()
            except Absent as error:
                self._found[key] = error
        if isinstance(self._found[key], Absent):
            raise self._found[key]
        return self._found[key]

    def net(self) -> nn.Module:
        """Return a fresh copy; weights that are computed from several parts are plain parameters of it."""
        net = copy.deepcopy(self.case.net)
        for module in net.modules():
            if parametrize.is_parametrized(module):
                for name in list(module.parametrizations):
                    parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        for parameter in net.parameters():
            parameter.requires_grad_(parameter.is_floating_point())
            parameter.grad = None
        return net.to(self.dtype)

    def logits(self, net: nn.Module, inputs: Any) -> Tensor:
        """Run a network."""
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            output = net(**inputs) if isinstance(inputs, dict) else net(inputs)
        key = self.case.logits
        if isinstance(output, Tensor):
            return output
        if key is None:
            raise Absent("several outputs")
        return output[key] if isinstance(output, dict) else getattr(output, key)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy, classes in the last dimension for sequences and in the second for maps."""
        if logits.ndim == 3:
            return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
        return F.cross_entropy(logits, labels)


def layers(net: nn.Module) -> dict[str, nn.Module]:
    """Return convolution and linear modules by name, one of each that share a weight."""
    found, seen = {}, set()
    for name, module in net.named_modules():
        if isinstance(module, LAYERS) and id(module.weight) not in seen:
            seen.add(id(module.weight))
            found[name] = module
    if not found:
        raise Absent("no layers")
    return found


def weights(net: nn.Module) -> list[Tensor]:
    """Return their weights."""
    return [module.weight for module in layers(net).values()]


def gradients(value: Tensor, by: list[Tensor], record: bool = False) -> list[Tensor]:
    """Return gradients, zeros where there is no way."""
    found = torch.autograd.grad(value, by, create_graph=record, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(by, found)]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the random states."""
    with torch.random.fork_rng(devices=[]):
        yield


# Activations --------------------

aten = torch.ops.aten
KINDS: dict[str, tuple[Any, ...]] = {
    "relu": (
        aten.relu, aten.relu_, aten.leaky_relu, aten.leaky_relu_, aten._prelu_kernel, aten.hardtanh, aten.hardtanh_,
        aten.clamp, aten.clamp_, aten.clamp_min, aten.clamp_min_, aten.threshold, aten.threshold_,
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


# New weights --------------------


def drawn(ref: Reference, scheme: str) -> nn.Module:
    """Return a copy with layers drawn anew, module by module, biases 0 and norms as new."""
    net = copy.deepcopy(ref.case.net)
    made = set()
    seed_everything(0, Reinitialized(scheme))
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, LAYERS):
                if id(module.weight) not in made:
                    values = torch.randn(module.weight.shape)
                    if scheme != "normal":
                        nn.init.kaiming_normal_(values, mode=scheme[len("kaiming_") :], nonlinearity="relu")
                    module.weight.copy_(values)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, (_BatchNorm, nn.GroupNorm)):
                for tensor, value in ((module.weight, 1.0), (module.bias, 0.0)):
                    if tensor is not None:
                        tensor.fill_(value)
                if isinstance(module, _BatchNorm) and module.running_var is not None:
                    module.running_mean.zero_()
                    module.running_var.fill_(1)
    return net.to(ref.dtype)


def noised(values: Tensor, amplitude: float) -> Tensor:
    """Return values with noise as large as their variance over the batch."""
    if not amplitude:
        return values
    drawn = torch.randn(values.shape, generator=torch.Generator().manual_seed(derived_seed(0, "noise")))
    spread = ((values.detach() - values.detach().mean(0, keepdim=True)) ** 2).mean(0, keepdim=True)
    return values + amplitude * spread * drawn.to(values.dtype)
