"""The network is only borrowed: what a pass does to it, to random states or to torch's switches is undone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from naslib_zc_plugin.observe.snapshot import Snapshot


class Refused(Exception):
    """A network that no pass can run on; the message says what to do."""


def _weight_hooks(part: nn.Module) -> dict[int, Any]:
    """Those of the older weight_norm and spectral_norm, by their keys."""
    hooks = part._forward_pre_hooks.items()
    return {key: hook for key, hook in hooks if type(hook).__module__.startswith("torch.nn.utils.")}


def _computes_weights(part: nn.Module) -> bool:
    return parametrize.is_parametrized(part) or bool(part._forward_pre_hooks and _weight_hooks(part))


def make_weights_plain(part: nn.Module) -> None:
    """Give a module whose weights are computed (parametrizations, the older weight_norm) the values as parameters.

    Proxies are about the weight that the layer multiplies with, and passes substitute weights by name.
    """
    if parametrize.is_parametrized(part):
        names = list(part.parametrizations)  # type: ignore[arg-type]
        values = {name: getattr(part, name).detach() for name in names}
        part.__class__ = type(part).__mro__[1]
        del part._modules["parametrizations"]
    else:
        values = {}
        for key, hook in _weight_hooks(part).items():
            hook(part, None)
            values[hook.name] = part.__dict__.pop(hook.name).detach()
            del part._forward_pre_hooks[key]
            for suffix in ("_g", "_v", "_orig"):
                part._parameters.pop(hook.name + suffix, None)
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
def borrowed(module: nn.Module, runs: bool = True) -> Iterator[nn.Module]:
    """``module`` for passes to run on, bitwise as it was afterwards, also after an error.

    That is: parameters, buffers, gradients, modes, hooks, attributes, dtype, device; torch's, numpy's and Python's
    random states; torch's switches. Hooks of the user's run once per pass. Wrappers (DataParallel, ``torch.compile``)
    are taken off.

    Args:
        module: any.
        runs: whether it will be run; if not, nothing of it need be noted, which takes most of the time then.

    Raises:
        Refused: a lazy module that has no parameters yet, or a TorchScript module.
    """
    module = unwrapped(module)
    parts = list(module.modules())
    if any(isinstance(part, torch.jit.ScriptModule) for part in parts):
        raise Refused("nothing can be seen or substituted in a TorchScript module: pass the nn.Module it was made from")
    held = [value for part in parts for value in (*part._parameters.values(), *part._buffers.values())]
    tensors = [value for value in held if value is not None]
    if any(map(is_lazy, tensors)):
        raise Refused("the network has lazy modules without parameters: run it once on a batch before scoring it")
    computed = [part for part in parts if _computes_weights(part)]
    snapshot = Snapshot(module) if runs or computed else None
    try:
        with _switches(tensors[0].device if tensors else torch.device("cpu")):
            for part in computed:
                make_weights_plain(part)
            yield module
    finally:
        if snapshot is not None:
            snapshot.restore()
