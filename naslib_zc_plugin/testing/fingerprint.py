"""The state that scoring must not change, as values to compare before and after."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Fingerprint:
    """Facts by path.

    Attributes:
        facts: path from the root → its value, or the identity of its object.
    """

    facts: dict[str, Any]
    # Identities mean nothing once their objects are gone.
    _alive: list[Any] = field(compare=False, repr=False)

    def changes(self, later: Fingerprint) -> list[str]:
        """Return one line per path at which ``later`` differs; none if nothing does."""
        paths = [path for path in {**self.facts, **later.facts} if self.facts.get(path) != later.facts.get(path)]
        return [f"{path}: {self._short(path)} became {later._short(path)}" for path in paths]

    def _short(self, path: str) -> str:
        text = repr(self.facts.get(path, "nothing"))
        return text if len(text) < 100 else f"{text[:97]}..."


def fingerprint(net: nn.Module) -> Fingerprint:
    """Return the network bit by bit: every module's attributes, to any depth of containers.

    Of modules: identity, class and attributes (modes and hooks are among them). Of tensors: identity, type, device,
    bytes, ``requires_grad``, the gradient likewise, and of parameters the version counter, on which a backward run
    under way relies. Of anything else: the value where it is plain, otherwise the identity.

    >>> net = nn.Linear(2, 1)
    >>> before = fingerprint(net)
    >>> net.eval() is net and before.changes(fingerprint(net))
    ["net.training: 'True' became 'False'"]
    """
    alive: list[Any] = []
    return Fingerprint(dict(_walk("net", net, alive, set())), alive)


def _walk(path: str, value: Any, alive: list[Any], seen: set[int]) -> Iterator[tuple[str, Any]]:
    alive.append(value)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield path, repr(value)
        return
    yield path, (type(value).__name__, id(value))
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Tensor):
        yield from _tensor(path, value, alive)
    elif isinstance(value, (list, tuple, deque)):
        yield f"{path}.len", len(value)
        for index, item in enumerate(value):
            yield from _walk(f"{path}[{index}]", item, alive, seen)
    elif isinstance(value, (set, frozenset)):
        yield f"{path}.items", sorted(map(repr, value))
    else:
        items = value if isinstance(value, Mapping) else vars(value) if isinstance(value, nn.Module) else {}
        yield f"{path}.keys", [repr(key) for key in items]
        for key, item in items.items():
            yield from _walk(f"{path}[{key!r}]" if items is value else f"{path}.{key}", item, alive, seen)


def _tensor(path: str, tensor: Tensor, alive: list[Any]) -> Iterator[tuple[str, Any]]:
    yield f"{path}.kind", (tensor.dtype, str(tensor.device), tuple(tensor.shape), tensor.stride(), tensor.requires_grad)
    yield f"{path}.bytes", tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(tensor, nn.Parameter):
        yield f"{path}.version", tensor._version
    gradient = tensor.grad if tensor.is_leaf else None
    alive.append(gradient)
    yield f"{path}.grad", None if gradient is None else id(gradient)
    if gradient is not None:
        yield from _tensor(f"{path}.grad", gradient, alive)


def global_state() -> dict[str, Any]:
    """Return the random states of torch, numpy and Python, and torch's switches, by name."""
    kind, keys, *rest = np.random.get_state()
    state: dict[str, Any] = {
        "torch's random state": torch.get_rng_state().numpy().tobytes(),
        "numpy's random state": (kind, np.asarray(keys).tobytes(), rest),
        "Python's random state": random.getstate(),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": torch.mm(torch.ones(1, 1), torch.ones(1, 1)).dtype,
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "TF32": (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        "cuDNN": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "flash attention": torch.backends.cuda.flash_sdp_enabled(),
        "memory-efficient attention": torch.backends.cuda.mem_efficient_sdp_enabled(),
    }
    if torch.cuda.is_initialized():
        state["CUDA's random states"] = [device.numpy().tobytes() for device in torch.cuda.get_rng_state_all()]
    return state
