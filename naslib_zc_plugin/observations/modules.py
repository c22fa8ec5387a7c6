"""The modules of a network: what networks have in common, and which of them an observation reads."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Callable

from torch import Tensor, nn

from naslib_zc_plugin.passes import FORWARD, Forward, ForwardPass, Observation, PerSample, Steps, observation
from naslib_zc_plugin.passes.capture import EVERY
from naslib_zc_plugin.passes.inputs import TwoSamples, tensors
from naslib_zc_plugin.passes.network import module_of

# What networks have in common --------------------

_PLAIN = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.modules.dropout._DropoutNd)
_SIZES = 2  # dimensions after which come those of space: samples and channels


@observation(setting=Forward(inputs=TwoSamples()))
def layout(p: ForwardPass) -> Steps[dict[str, list[str]]]:
    """Describe a network by its modules without children, as they are called: mapping of texts.

    ``operations``: their kinds; a convolution of one channel each is a kind of its own. ``skeleton``: the first of
    them, those that change the size of a map, with the sizes and the number of channels, and the width of what the
    last linear layer reads. ``kept``: parameters that fresh weights did not reach (:class:`~.passes.network.Network`).
    ``faults``: why no score of the network means anything, in words: its outputs are NaN.

    >>> layout().data
    False
    """
    operations: dict[str, None] = {}
    skeleton: list[str] = []
    widths = [""]
    faults: list[str] = []

    def look(part: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if not faults and any(bool(each.isnan().any()) for each in tensors(output)):
            faults.append("its outputs are NaN")

    def see(part: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        kind = _kind(part)
        if not operations:
            skeleton.append(f"begins with {kind} to {_channels(output)}")
        operations.setdefault(kind)
        given = args[0] if args else None
        if isinstance(part, nn.Linear) and isinstance(given, Tensor):
            widths[0] = f"ends in {given.shape[-1]} features"
        sizes = [_space(given), _space(output)]
        if all(sizes) and sizes[0] != sizes[1]:
            change = f"{sizes[0]} to {sizes[1]} at {_channels(given)} channels"
            skeleton.extend([] if change in skeleton else [change])

    leaves = [part for part in p.network.module.modules() if not part._modules and not isinstance(part, _PLAIN)]
    hooks = [part.register_forward_hook(see) for part in leaves]
    hooks.append(p.network.module.register_forward_hook(look))
    try:
        yield FORWARD
    finally:
        for hook in hooks:
            hook.remove()
    described = {"operations": sorted(operations), "skeleton": [*skeleton, *filter(None, widths)]}
    return {**described, "kept": p.network.kept, "faults": faults}


def _kind(part: nn.Module) -> str:
    name = type(part).__name__
    groups = getattr(part, "groups", 1)
    return f"depthwise {name}" if isinstance(groups, int) and groups > 1 and groups == part.in_channels else name


def _space(value: Any) -> str:
    return "×".join(map(str, value.shape[_SIZES:])) if isinstance(value, Tensor) and value.ndim > _SIZES + 1 else ""


def _channels(value: Any) -> int:
    tensor = value if isinstance(value, Tensor) else next((v for v in value if isinstance(v, Tensor)), None)
    if tensor is None or tensor.ndim < _SIZES:
        return 0
    return int(tensor.shape[1] if tensor.ndim > _SIZES + 1 else tensor.shape[-1])


# What an observation reads --------------------


def recording(observed: Observation, found: set[str]) -> Observation:
    """Return an observation that adds the names of the modules that it reads to a set.

    A module is read where its output is seen, or its weight, or the gradient by it; and where a function is called
    that is seen (an activation), the innermost module that calls it. ``""`` is the network itself. An observation that
    sees everything and reads little of it says what it reads by :func:`note_read`.

    Args:
        observed: any observation.
        found: the names, as ``named_modules`` has them.
    """

    @wraps(observed.function)
    def function(p: Any, **arguments: Any) -> Any:
        view = _RecordingPass(p)
        made = observed.function(view, **arguments)
        if isinstance(observed.setting, PerSample):
            view.read.update(map(module_of, p.network.layers))
        if isinstance(made, Generator):
            return _steps(view, made, found)
        found.update(view.read or view.listed)
        return made

    return replace(observed, function=function)


def note_read(p: Any, name: str | None = None) -> None:
    """Say, while the network runs, that a module's output is read, where an observation sees more than it reads.

    Args:
        p: the pass.
        name: of the module; None: the innermost that is being called.
    """
    if isinstance(p, _RecordingPass):
        p.noted.add(name if name is not None else p.caller)


def _steps(view: _RecordingPass, made: Generator[Any, Any, Any], found: set[str]) -> Steps[Any]:
    """Go on with an observation; modules that it has put hooks on until its first request are read."""
    parts = dict(view.network.module.named_modules())
    before = {name: _hooks(part) for name, part in parts.items()}
    try:
        request = next(made)
        view.read.update(name for name, part in parts.items() if _hooks(part) > before[name])
        with _callers(parts, view.callers):
            while True:
                request = made.send((yield request))
    except StopIteration as end:
        return end.value
    finally:
        made.close()
        found.update(view.noted or view.read or view.listed)


def _hooks(part: nn.Module) -> int:
    return len(part._forward_hooks) + len(part._forward_pre_hooks)


@contextmanager
def _callers(parts: Mapping[str, nn.Module], callers: list[str]) -> Iterator[None]:
    """Keep the names of the modules that are being called, the innermost last."""

    def begin(name: str, part: nn.Module, args: Any) -> None:
        callers.append(name)

    def end(name: str, part: nn.Module, args: Any, output: Any) -> None:
        while callers and callers.pop() != name:  # one that ended by an error which the network caught
            pass

    hooks = [part.register_forward_pre_hook(partial(begin, name)) for name, part in parts.items()]
    hooks += [part.register_forward_hook(partial(end, name)) for name, part in parts.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _RecordingPass:
    """A pass as an observation sees it, with a record of what it reads.

    Attributes:
        noted: what it says that it reads.
        read: what it reads by itself.
        listed: what it reads if there is nothing else, for it sees everything.
        callers: names of the modules that are being called, the innermost last.
    """

    def __init__(self, p: Any) -> None:
        self._p = p
        self.noted, self.read, self.listed = set[str](), set[str](), set[str]()
        self.callers: list[str] = []
        self.network: Any = _RecordingNetwork(p.network, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._p, name)

    @property
    def layers(self) -> list[Tensor]:
        self.read.update(map(module_of, self._p.network.layers))
        layers: list[Tensor] = self._p.layers
        return layers

    @property
    def weights(self) -> Mapping[str, Tensor]:
        return _RecordingMapping(self._p.weights, self)

    @property
    def caller(self) -> str:
        return self.callers[-1] if self.callers else ""

    def on(self, calls: Any, see: Callable[..., Any]) -> None:
        into = self.listed if not isinstance(calls, str) and EVERY in calls else self.read

        def seen(*args: Any) -> Any:
            into.add(self.caller)
            return see(*args)

        self._p.on(calls, seen)

    def on_modules(self, see: Callable[..., Any]) -> None:
        def seen(name: str, output: Any) -> Any:
            self.listed.add(name)
            return see(name, output)

        self._p.on_modules(seen)

    def on_layers(self, see: Callable[..., Any]) -> None:
        def seen(call: Any) -> Any:
            self.read.add(module_of(call.name))
            return see(call)

        self._p.on_layers(seen)


class _RecordingNetwork:
    """A network at rest, likewise."""

    def __init__(self, network: Any, view: _RecordingPass) -> None:
        self._network, self._view = network, view

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._network, name)
        return _RecordingMapping(value, self._view) if name in ("parameters", "stored") else value


class _RecordingMapping(dict[str, Any]):
    """Parameters by name: a parameter that is looked up is read, and all are listed where they are."""

    def __init__(self, values: Mapping[str, Any], view: _RecordingPass) -> None:
        super().__init__(values)
        self._view = view

    def __getitem__(self, name: str) -> Any:
        self._view.read.add(module_of(name))
        return super().__getitem__(name)

    def values(self) -> Any:
        self._view.listed.update(map(module_of, self))
        return super().values()

    def items(self) -> Any:
        self._view.listed.update(map(module_of, self))
        return super().items()
