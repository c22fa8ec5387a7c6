"""The network is isolated: all changes of it, of random states and of torch's switches by a pass are undone."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Callable

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils.checkpoint import CheckpointFunction

from naslib_zc_plugin.passes.network import computed_weights, named_parts
from naslib_zc_plugin.passes.seeding import Turn
from naslib_zc_plugin.passes.snapshot import Snapshot


def _mode_depths() -> tuple[int, int]:
    """Return how many function modes and dispatch modes are active."""
    return torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack()


def _pop_modes(depths: tuple[int, int]) -> None:
    """Leave the modes that were entered since there were so many."""
    functions, dispatches = depths
    while torch._C._len_torch_function_stack() > functions:
        torch._C._pop_torch_function_stack()
    while (count := torch._C._len_torch_dispatch_stack()) > dispatches:
        mode = torch._C._get_dispatch_stack_at(count - 1)  # held: torch 2.8 crashes when it pops the last reference
        torch._C._pop_torch_dispatch_stack(None)
        del mode


_SWITCHES: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("the grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
    ("the default type", torch.get_default_dtype, torch.set_default_dtype),
    ("the stack of modes", _mode_depths, _pop_modes),
)
"""Global states other than random ones: name, function that reads it, function that writes it."""

_SETTINGS: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("the number of threads", torch.get_num_threads, torch.set_num_threads),
    ("deterministic algorithms", torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    ("anomaly detection", torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    ("the precision of products", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
)
"""More of them, which hardly anybody changes."""


class GlobalStates:
    """Grad mode, default type, torch's stacks of modes, settings and all random states, as they were when it was made.

    Args:
        device: where the network lives; a GPU has a random state of its own.
        quick: whether to leave out settings and random states, which take most of the time.
    """

    def __init__(self, device: torch.device, quick: bool = False) -> None:
        self._table = _SWITCHES if quick else _SWITCHES + _SETTINGS
        self._switches = [read() for _, read, _ in self._table]
        self._gpu = device if device.type == "cuda" else None
        self._random: Any = None if quick else self._random_states()

    def restore(self) -> list[str]:
        """Restore the states that have changed since, and return their names."""
        changed = []
        for (name, read, write), before in zip(self._table, self._switches):
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
def _without_reentrant_checkpoints() -> Iterator[None]:
    """Keep what a reentrant checkpoint would compute again: it hides its layers from gradients by given tensors."""
    kind: Any = CheckpointFunction
    kind.apply = lambda function, preserve_rng_state, *args: function(*args)
    try:
        yield
    finally:
        del kind.apply


@contextmanager
def _switches(device: torch.device) -> Iterator[None]:
    """Turn gradients on, autocast and compilation off; on a GPU take full precision and repeatable kernels."""
    with torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stack.enter_context(_without_reentrant_checkpoints())
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
        parts = vars(module).get("_modules", {})  # no attribute, which might be a property that raises
        wraps = isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel))
        name = "module" if wraps else "_orig_mod"
        inner = parts[name] if name in parts else None  # noqa: SIM401  (a scripted module's parts have no "get")
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def isolated(module: nn.Module, runs: bool = True, parameters: bool = True) -> AbstractContextManager[nn.Module]:
    """Give a module to passes that may do anything with it, and restore it bitwise at the end, also after an error.

    Restored are parameters, buffers, gradients, modes, hooks, attributes, dtype and device, generators and other
    objects that the module holds (:mod:`.snapshot`), the random states of torch, numpy and Python, and torch's
    switches. The user's own hooks run once per pass. Wrappers (DataParallel, ``torch.compile``) are taken off.

    Random states and switches belong to the process: while one thread has a module isolated, others wait for their
    turn. A signal (Ctrl-C) that comes while the module is given back is handled when that is done.

    >>> net = nn.Linear(2, 1)
    >>> with isolated(net) as module:
    ...     _ = module.eval()
    >>> net.training
    True

    Args:
        module: any module.
        runs: whether it will be run. If not, its state need not be recorded, which takes most of the time.
        parameters: whether parameters may be written to; if not, no copy of them is kept.

    Returns:
        A context that gives the module, without wrappers.

    Raises:
        UnsupportedModule: on entering; a lazy module that has no parameters yet, or a TorchScript module.
    """
    return _Isolation(module, runs, parameters)


class _Isolation(AbstractContextManager[nn.Module]):
    """A class, for its two methods know interrupts by their frames: between them there is none to lose."""

    def __init__(self, module: nn.Module, runs: bool, parameters: bool) -> None:
        self._given, self._runs, self._parameters = module, runs, parameters
        self._stack = ExitStack()
        self._late = weakref.finalize(self, _put_back_late, self._stack)
        self._late.atexit = False

    def __enter__(self) -> nn.Module:
        """Record the state, last things first: what is entered last is left first."""
        try:
            deliver, turn = self._stack.enter_context(_deferred_signals()), Turn("states")
            self._stack.callback(turn.end)
            self._stack.callback(Turn("passes").end)  # if it has not ended
            while not turn.take(0.1):
                deliver()
            module = self._enter()
            deliver()
            return module
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, *raised: Any) -> None:
        """Put everything back."""
        self._late.detach()
        self._stack.__exit__(*raised)

    def _enter(self) -> nn.Module:
        module = unwrapped(self._given)
        parts = list(named_parts(module).values())
        if any(isinstance(part, torch.jit.ScriptModule) for part in parts):
            raise UnsupportedModule(
                "nothing can be seen or substituted in a TorchScript module: pass the nn.Module it was made from"
            )
        held = [value for part in parts for value in (*part._parameters.values(), *part._buffers.values())]
        tensors = [value for value in held if value is not None]
        if any(map(is_lazy, {type(value): value for value in tensors}.values())):  # by their class
            raise UnsupportedModule(
                "the network has lazy modules without parameters: run it once on a batch before scoring it"
            )
        if any(value.is_meta for value in tensors):
            raise UnsupportedModule(
                "the network is on the meta device, where it has no values: move it to the CPU or a GPU (to_empty) and "
                "initialise its weights"
            )
        device = tensors[0].device if tensors else torch.device("cpu")
        if self._runs or any(map(computed_weights, parts)):
            snapshot = Snapshot(module, self._parameters)
            self._stack.callback(snapshot.restore)
            self._stack.enter_context(snapshot.lending())
        self._stack.enter_context(_switches(device))
        self._stack.callback(GlobalStates(device).restore)
        return module


def _put_back_late(stack: ExitStack) -> None:
    """Put everything back where nobody has left the context, as a tracer's exception can bring about."""
    stack.close()


_RESTORING = frozenset(part.__code__ for part in (_Isolation.__enter__, _Isolation.__exit__, _put_back_late))


# The functions themselves, and not those of Python that call them: between two of their calls comes no signal.
_SIGNALS = sorted(map(int, signal.valid_signals()))
_handler_of: Callable[[int], Any] = getattr(signal.getsignal, "__wrapped__", signal.getsignal)
_handle_by: Callable[[int, Any], Any] = getattr(signal.signal, "__wrapped__", signal.signal)


@contextmanager
def _deferred_signals() -> Iterator[Callable[[], None]]:
    """Let signals (Ctrl-C) wait while a module is taken or given back, and handle them then.

    Only the main thread gets signals, and only those that Python handles are of interest.

    Yields:
        A function that handles those that wait now.
    """
    waiting: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: found for number in _SIGNALS if callable(found := _handler_of(number))}

    def handle(number: int, frame: Any) -> None:
        within = frame
        while within is not None and within.f_code not in _RESTORING:
            within = within.f_back
        if within is None:
            before[number](number, frame)
        else:
            waiting.append(number)

    def deliver() -> None:
        while waiting:
            number = waiting.pop(0)
            before[number](number, None)

    try:
        deque(map(_handle_by, before, [handle] * len(before)), 0)
        yield deliver
    finally:
        try:
            deliver()
        finally:
            ours = [number for number in before if _handler_of(number) is handle]
            deque(map(_handle_by, ours, map(before.get, ours)), 0)
            deliver()
