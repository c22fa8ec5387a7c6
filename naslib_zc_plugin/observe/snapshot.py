"""A module as it is, to be put back: attributes, containers, tensors that a forward pass could write to."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

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
