"""The network is isolated: all changes of it, of random states and of torch's switches by a pass are undone."""

from __future__ import annotations

import random
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from naslib_zc_plugin.passes.network import computed_weights
from naslib_zc_plugin.passes.seeding import kept_random_states

# Values of these types cannot change, and passes never write to parameters.
_PLAIN = {type(None), bool, int, float, complex, str, bytes, nn.Parameter}


class Snapshot:
    """The state that a forward pass can reach of a module, other than its parameters, which passes substitute.

    That is: classes and attributes of every module, lists, dictionaries, sets and deques held in them (to any depth),
    modules hidden in such containers, and the values of buffers and plain tensors. Attributes of other objects are not
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
            if type(value) is OrderedDict and not value:  # most of what modules hold: empty dictionaries of hooks
                self._containers.append((value, ()))
            elif id(value) not in self._seen:
                self._seen[id(value)] = value
                pending.extend(self._record(value))

    def _record(self, value: Any) -> Iterable[Any]:
        """Record ``value`` as it is now, and return the values that it holds."""
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


def _mode_depths() -> tuple[int, int]:
    """Return how many function modes and dispatch modes are active."""
    return torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack()


def _pop_modes(depths: tuple[int, int]) -> None:
    """Leave the modes that were entered since there were so many."""
    functions, dispatches = depths
    while torch._C._len_torch_function_stack() > functions:
        torch._C._pop_torch_function_stack()
    while torch._C._len_torch_dispatch_stack() > dispatches:
        torch._C._pop_torch_dispatch_stack()


_SWITCHES: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("the grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
    ("the default type", torch.get_default_dtype, torch.set_default_dtype),
    ("the stack of modes", _mode_depths, _pop_modes),
)
"""Global states other than random ones: name, function that reads it, function that writes it."""


class GlobalStates:
    """Grad mode, default type, torch's stacks of modes and all random states, as they were when it was made.

    Args:
        device: where the network lives; a GPU has a random state of its own.
        quick: whether to leave out the random states, which take most of the time.
    """

    def __init__(self, device: torch.device, quick: bool = False) -> None:
        self._switches = [read() for _, read, _ in _SWITCHES]
        self._gpu = device if device.type == "cuda" else None
        self._random: Any = None if quick else self._random_states()

    def restore(self) -> list[str]:
        """Restore the states that have changed since, and return their names."""
        changed = []
        for (name, read, write), before in zip(_SWITCHES, self._switches):
            if read() != before:
                write(before)
                changed.append(name)
        if self._random is not None and self._random_states_differ():
            python, numpy, cpu, gpu = self._random
            random.setstate(python)
            np.random.set_state(numpy)
            torch.set_rng_state(cpu)
            if self._gpu is not None:
                torch.cuda.set_rng_state(gpu, self._gpu)
            changed.append("a random state")
        return changed

    def _random_states(self) -> Any:
        gpu = None if self._gpu is None else torch.cuda.get_rng_state(self._gpu)
        return random.getstate(), np.random.get_state(), torch.get_rng_state(), gpu

    def _random_states_differ(self) -> bool:
        (python, numpy, cpu, gpu), before = self._random_states(), self._random
        if not torch.equal(cpu, before[2]) or (gpu is not None and not torch.equal(gpu, before[3])):
            return True
        return bool(python != before[0] or numpy[2:] != before[1][2:] or not np.array_equal(numpy[1], before[1][1]))


class Stopwatch:
    """Laps in seconds; on a GPU each lap ends when the device has done its work."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last = self._now()

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        now = self._now()
        self._last, lap = now, now - self._last
        return lap


@contextmanager
def default_type(dtype: torch.dtype) -> Iterator[None]:
    """Take ``dtype`` as torch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class UnsupportedModule(Exception):
    """A network that no pass can run on; the message has the remedy."""


@contextmanager
def _switches(device: torch.device) -> Iterator[None]:
    """Turn gradients on, autocast and compilation off; on a GPU take full precision and repeatable kernels.

    Random states are kept.
    """
    with kept_random_states(device), torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if device.type == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(True, False, deterministic=True, allow_tf32=False))
        if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):  # compiled parts hide their calls
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        if hasattr(torch.nn, "attention"):  # the fused attention kernels have no second derivative
            stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        yield


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside DataParallel, DistributedDataParallel and ``torch.compile``."""
    while True:
        inner = getattr(module, "_orig_mod", None)
        if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


@contextmanager
def isolated(module: nn.Module, runs: bool = True) -> Iterator[nn.Module]:
    """Give a module to passes that may do anything with it, and restore it bitwise at the end, also after an error.

    Restored are parameters, buffers, gradients, modes, hooks, attributes, dtype and device, the random states of torch,
    numpy and Python, and torch's switches. The user's own hooks run once per pass. Wrappers (DataParallel,
    ``torch.compile``) are taken off.

    >>> net = nn.Linear(2, 1)
    >>> with isolated(net) as module:
    ...     _ = module.eval()
    >>> net.training
    True

    Args:
        module: any module.
        runs: whether it will be run. If not, its state need not be recorded, which takes most of the time.

    Yields:
        The module, without wrappers.

    Raises:
        UnsupportedModule: a lazy module that has no parameters yet, or a TorchScript module.
    """
    module = unwrapped(module)
    parts = list(module.modules())
    if any(isinstance(part, torch.jit.ScriptModule) for part in parts):
        raise UnsupportedModule(
            "nothing can be seen or substituted in a TorchScript module: pass the nn.Module it was made from"
        )
    held = [value for part in parts for value in (*part._parameters.values(), *part._buffers.values())]
    tensors = [value for value in held if value is not None]
    if any(map(is_lazy, tensors)):
        raise UnsupportedModule(
            "the network has lazy modules without parameters: run it once on a batch before scoring it"
        )
    snapshot = Snapshot(module) if runs or any(map(computed_weights, parts)) else None
    try:
        with _switches(tensors[0].device if tensors else torch.device("cpu")):
            yield module
    finally:
        if snapshot is not None:
            snapshot.restore()
