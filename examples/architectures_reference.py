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

from naslib_zc_plugin.extend import Reinitialized
from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
RECURRENT = (nn.LSTM, nn.GRU, nn.RNN)


class Absent(Exception):
    """There is no value to compare with; the message says why."""


def tree(function: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    """Apply a function to a tensor, or to each in a dictionary."""
    return {key: function(value) for key, value in inputs.items()} if isinstance(inputs, dict) else function(inputs)


@contextmanager
def whole(inputs: Any) -> Iterator[None]:
    """In double precision, let no cast of the network go back to single precision."""
    before = Tensor.float
    if any(x.dtype is torch.float64 for x in (inputs.values() if isinstance(inputs, dict) else [inputs])):
        Tensor.float = Tensor.double  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Tensor.float = before  # type: ignore[method-assign]


class Reference:
    """A copy of a network and its batch, in one precision."""

    def __init__(self, case: Case, dtype: torch.dtype, shift: float = 0.0) -> None:
        self.case, self.dtype, self._shift = case, dtype, shift
        self.inputs = tree(lambda x: self.shifted(x.to(dtype)) if x.is_floating_point() else x.clone(), case.inputs)
        self.labels, self.samples = case.labels, len(case.labels)
        self._found: dict[Any, Any] = {}

    def shifted(self, values: Tensor) -> Tensor:
        """Return values, each changed by about the reference's shift of its size."""
        if not self._shift:
            return values
        drawn = torch.randn(values.shape, generator=torch.Generator().manual_seed(3), dtype=values.dtype)
        return values * (1 + self._shift * drawn)

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
        """Return a fresh copy."""
        return self.converted(self.plain())

    def plain(self) -> nn.Module:
        """Return a copy; weights that are computed from several parts are plain parameters of it."""
        net = copy.deepcopy(self.case.net)
        for module in net.modules():
            if parametrize.is_parametrized(module):  # torch's own removal changes the class, which copies share
                values = {name: getattr(module, name).detach() for name in module.parametrizations}
                module.__class__ = type(module).__mro__[1]
                del module.parametrizations
                for name, value in values.items():
                    module.register_parameter(name, nn.Parameter(value))
        for parameter in net.parameters():
            parameter.requires_grad_(parameter.is_floating_point())
            parameter.grad = None
        return net

    def converted(self, net: nn.Module) -> nn.Module:
        """Return a network in the reference's precision, with its shift."""
        net = net.to(self.dtype)
        for parameter in net.parameters() if self._shift else ():
            if parameter.is_floating_point():
                parameter.data = self.shifted(parameter.data)
        return net

    def logits(self, net: nn.Module, inputs: Any) -> Tensor:
        """Run a network."""
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), whole(inputs):
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


# New weights --------------------


def drawn(ref: Reference, scheme: str, draw: int = 0) -> nn.Module:
    """Return a copy with layers drawn anew, module by module, biases 0 and norms as new."""
    net = ref.plain()
    made = set()
    seed_everything(0, Reinitialized(scheme, draw))
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
    return ref.converted(net)


def noised(values: Tensor, amplitude: float) -> Tensor:
    """Return values with noise as large as their variance over the batch."""
    if not amplitude:
        return values
    drawn = torch.randn(values.shape, generator=torch.Generator().manual_seed(derived_seed(0, "noise")))
    spread = ((values.detach() - values.detach().mean(0, keepdim=True)) ** 2).mean(0, keepdim=True)
    return values + amplitude * spread * drawn.to(values.dtype)
