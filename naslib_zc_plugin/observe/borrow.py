"""The network is only borrowed: what a pass does to it, to random states or to torch's switches is undone."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize


class Refused(Exception):
    """A network that no pass can run on; the message says what to do."""


# Nothing can be changed in these, and passes never write to parameters.
_PLAIN = {type(None), bool, int, float, complex, str, bytes, nn.Parameter}


class Snapshot:
    """All that a forward pass can reach of a module without going through its parameters, which passes substitute.

    Classes and attributes of every module, lists, dictionaries, sets and deques held in them (to any depth), modules
    hidden in such containers, and the values of buffers and plain tensors. Attributes of other objects are not
    followed.
    """

    def __init__(self, module: nn.Module) -> None:
        self._seen: dict[int, Any] = {}
        self._modules: list[tuple[nn.Module, type, dict[str, Any]]] = []
        self._containers: list[tuple[Any, Any]] = []
        self._tensors: list[tuple[Tensor, int, Tensor]] = []
        pending: list[Any] = [module]
        while pending:
            value = pending.pop()
            if type(value) in _PLAIN:
                continue
            if type(value) is OrderedDict and not value:  # most of what modules hold: hooks that they have not
                self._containers.append((value, ()))
            elif id(value) not in self._seen:
                self._seen[id(value)] = value
                pending.extend(self._record(value))

    def _record(self, value: Any) -> Iterable[Any]:
        """Note what ``value`` is now; what it holds in turn."""
        if isinstance(value, dict):
            content = dict(value)
            self._containers.append((value, content))
            return content.values()
        if isinstance(value, nn.Module):
            attributes = dict(value.__dict__)
            self._modules.append((value, value.__class__, attributes))
            return attributes.values()
        if isinstance(value, (list, set, deque)):
            self._containers.append((value, list(value)))
            return value
        if isinstance(value, tuple):
            return value
        if isinstance(value, Tensor) and not value.is_inference():
            self._tensors.append((value, value._version, value.detach().clone()))
        return ()

    def restore(self) -> None:
        """Put everything back; tensors are written only where something wrote to them."""
        for module, kind, attributes in self._modules:
            if module.__class__ is not kind:
                object.__setattr__(module, "__class__", kind)
            module.__dict__.clear()
            module.__dict__.update(attributes)
        for container, content in self._containers:
            if not container and not content:
                continue
            container.clear()
            if isinstance(container, (dict, set)):
                container.update(content)
            else:
                container.extend(content)
        for tensor, version, content in self._tensors:
            if tensor._version != version:
                with torch.no_grad():
                    tensor.detach().copy_(content)


def make_weights_plain(module: nn.Module) -> None:
    """Give modules whose weights are computed (parametrizations, the older weight_norm) the value as parameter.

    Proxies are about the weight that the layer multiplies with, and passes substitute weights by name.
    """
    for part in module.modules():
        if parametrize.is_parametrized(part):
            names = list(part.parametrizations)  # type: ignore[arg-type]
            values = {name: getattr(part, name).detach() for name in names}
            part.__class__ = type(part).__mro__[1]
            del part._modules["parametrizations"]
        else:
            hooks = {
                key: hook
                for key, hook in part._forward_pre_hooks.items()
                if type(hook).__module__.startswith("torch.nn.utils.")
            }
            values = {}
            for key, hook in hooks.items():
                hook(part, None)
                values[hook.name] = part.__dict__.pop(hook.name).detach()  # type: ignore[attr-defined]
                del part._forward_pre_hooks[key]
                for suffix in ("_g", "_v", "_orig"):
                    part._parameters.pop(hook.name + suffix, None)  # type: ignore[attr-defined]
        for name, value in values.items():
            part._parameters[name] = nn.Parameter(value)


@contextmanager
def kept_random_states(device: torch.device | None = None) -> Iterator[None]:
    """Random states of torch (CPU and, where it is a GPU, ``device``), numpy and Python as they were, afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[device] if device is not None and device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def _switches(device: torch.device) -> Iterator[None]:
    """Gradients on, autocast off, and on a GPU full float32 precision and repeatable kernels; random states kept."""
    with ExitStack() as stack:
        stack.enter_context(kept_random_states(device))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if device.type == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(True, False, deterministic=True, allow_tf32=False))
        if hasattr(torch.nn, "attention"):  # the fused attention kernels have no second derivative
            stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        yield


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside DataParallel, DistributedDataParallel and ``torch.compile``."""
    while True:
        inner = getattr(module, "_orig_mod", None)
        if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


@contextmanager
def borrowed(module: nn.Module) -> Iterator[nn.Module]:
    """``module`` for passes to run on, bitwise as it was afterwards, also after an error.

    That is: parameters, buffers, gradients, modes, hooks, attributes, dtype, device; torch's, numpy's and Python's
    random states; torch's switches. Hooks of the user's run once per pass. Wrappers (DataParallel, ``torch.compile``)
    are taken off.

    Raises:
        Refused: a lazy module that has no parameters yet, or a TorchScript module.
    """
    module = unwrapped(module)
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise Refused("nothing can be seen or substituted in a TorchScript module: pass the nn.Module it was made from")
    tensors = [*module.parameters(), *module.buffers()]
    if any(map(is_lazy, tensors)):
        raise Refused("the network has lazy modules without parameters: run it once on a batch before scoring it")
    snapshot = Snapshot(module)
    try:
        with _switches(tensors[0].device if tensors else torch.device("cpu")):
            make_weights_plain(module)
            yield module
    finally:
        snapshot.restore()
