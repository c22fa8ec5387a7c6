"""All that a network holds, to be put back: tensors, attributes, containers, generators, other objects and their state.

The network's modules are followed through their attributes, containers, functions and objects of any class, but not
into classes, modules of Python, and what belongs to torch or to the machine (loggers, locks, files, data loaders).
What hooks keep is the record of whoever set them, and stays; only generators that they draw from are put back.
"""

from __future__ import annotations

import enum
import functools
import random
import types
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from operator import is_
from typing import Any, Callable, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

MOST = 10_000
"""So many objects that are neither modules nor tensors nor containers are followed, the nearest first."""

# Values of these types cannot change.
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, range, torch.dtype, torch.device, torch.Size})
_PLAIN = frozenset({OrderedDict, dict, list, set})
_ELSEWHERE = (type, types.ModuleType, enum.Enum, nn.Module, Tensor)
_GENERATORS = (random.Random, np.random.Generator, np.random.BitGenerator, np.random.RandomState, torch.Generator)
_CONTAINERS = (dict, list, set, deque, bytearray)
# Packages whose objects belong to the machine or to other users of the process.
_CLOSED = frozenset(
    """_asyncio _contextvars _ctypes _io _pytest _queue _socket _ssl _thread _threading_local _weakref asyncio builtins
    concurrent contextlib contextvars ctypes enum importlib inspect io logging mmap multiprocessing numpy pathlib pytest
    queue re selectors signal socket sqlite3 ssl subprocess tempfile threading torch typing unittest warnings weakref
    """.split()
)
_ORDINARY = (Tensor, nn.Parameter)
_LENT: list[Snapshot] = []
_EMPTY: Any = object()  # a cell, or a slot, without a value
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# What every module has; most of it is empty in most modules.
_STANDARD = tuple(nn.Module().__dict__)
_HOLDERS = tuple(name for name, value in nn.Module().__dict__.items() if type(value) in _PLAIN)
HOOKS = tuple(name for name in _HOLDERS if "_hooks" in name)


def own_attributes(attributes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return those of a module's attributes that not every module has, and that can hold or change something."""
    own: Iterable[tuple[str, Any]] = islice(attributes.items(), len(_STANDARD), None)
    if tuple(islice(attributes, len(_STANDARD))) != _STANDARD:  # as modules are made, with their own attributes last
        own = [(name, value) for name, value in attributes.items() if name not in _STANDARD]
    return [
        (name, value)
        for name, value in own
        if not ((kind := type(value)) in _ATOMS or (kind is tuple and _ATOMS.issuperset(map(type, value))))
    ]


class _Held(NamedTuple):
    """A tensor, what can be told of it at no cost, a view of its memory, and its values."""

    tensor: Tensor
    facts: tuple[Any, ...]
    view: Tensor
    values: Tensor
    gradient: Tensor | None
    registered: bool


class _Way(NamedTuple):
    """How the state of a class's objects is read: by a method of Snapshot, by their dictionary, by their slots."""

    record: Callable[..., Iterable[Any]] | None
    dictionary: Any
    slots: tuple[Any, ...]
    counts: bool


@contextmanager
def undisturbed() -> Iterator[None]:
    """Call torch without anybody who watches or replaces its functions."""
    with ExitStack() as stack:
        stack.enter_context(torch._C.DisableTorchFunction())
        if torch._C._len_torch_dispatch_stack():
            stack.enter_context(_disable_current_modes())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield


class Snapshot:
    """The state of a module, with all that a run can reach from it, and that :meth:`restore` puts back.

    >>> net = nn.Dropout()
    >>> snapshot = Snapshot(net.eval())
    >>> _ = net.train()
    >>> snapshot.restore()
    >>> net.training
    False

    Args:
        module: followed are its attributes, and theirs.
        parameters: whether parameters may be written to; otherwise those that are reached only as a module's own are
            left out, for passes substitute them.
    """

    def __init__(self, module: nn.Module, parameters: bool = False) -> None:
        self._quiet: list[tuple[dict[str, Any], Sequence[str]]] = []
        self._owners: list[tuple[Any, type, Any, dict[str, Any], dict[str, Any]]] = []
        self._slots: list[tuple[Any, Any, Any]] = []
        self._cells: list[tuple[Any, Any]] = []
        self._containers: list[tuple[Any, Any]] = []
        self._tensors: dict[int, _Held] = {}
        self._states: list[tuple[Callable[[Any], Any], Any]] = []
        self._seen: dict[int, Any] = {}
        self._submodules = {id(module)}
        self._idle: dict[tuple[str, ...], Sequence[str]] = {}
        self._near: dict[int, Any] = {}
        self._ways: dict[type, _Way] = {}
        self._followed = 0
        self._lent = _LENT[-1]._tensors if _LENT else {}
        self._parameters: bool = parameters or any(each._parameters for each in _LENT)
        self._pending: list[Any] = [module]
        self._module = module
        with undisturbed():
            for value in self._pending:  # grows
                if type(value) not in _ATOMS and id(value) not in self._seen:
                    self._follow(value)
        self._lent, self._pending = {}, []

    def restore(self) -> None:
        """Put everything back, also where something raises: it is raised at the end."""
        with undisturbed():
            raised = self._put_back()
            if raised is not None:
                self._put_back()  # what the first try left out
        if raised is not None:
            raise raised

    @staticmethod
    def lent(module: nn.Module) -> Snapshot | None:
        """Return the snapshot of a module that lends its copies, if there is one."""
        return _LENT[-1] if _LENT and _LENT[-1]._module is module else None

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Lend its copies of tensors to later snapshots, as long as nobody writes to them."""
        _LENT.append(self)
        try:
            yield
        finally:
            _LENT.remove(self)

    def _put_back(self) -> BaseException | None:
        raised: BaseException | None = None
        work: tuple[tuple[Callable[..., Any], Iterable[Any]], ...] = (
            (_put_attributes_back, self._owners),
            (_put_slot_back, self._slots),
            (_put_cell_back, self._cells),
            (_put_content_back, self._containers),
            (_put_quiet_back, self._quiet),
            (self._put_tensor_back, ((held,) for held in self._tensors.values())),
            (lambda put, state: put(state), self._states),
        )
        for put_back, entries in work:
            left = iter(entries)
            while True:
                try:
                    for entry in left:
                        put_back(*entry)
                    break
                except BaseException as error:
                    raised = raised or error
        return raised

    def _put_tensor_back(self, held: _Held) -> None:
        if _facts(held.tensor) == held.facts:
            if held.registered and not self._parameters:
                return  # a write by ``.data`` is seen by the values alone; to compare all takes long
            if not _comparable(held.view) or _same(held.view, held.values):
                return
        _put_tensor_back(held)

    # What is followed --------------------

    def _follow(self, value: Any) -> None:
        """Record ``value`` as it is now, and put what it holds among those to follow."""
        kind = type(value)
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = self._way(kind)
        if way.counts:
            self._followed += 1
            if self._followed > MOST:
                return
        self._seen[id(value)] = value
        if way.record is not None:
            self._pending.extend(way.record(self, value))
        if way.dictionary is not None:
            held = way.dictionary.__get__(value, kind)
            if type(held) is dict:
                self._attributes(value, kind, way.dictionary, held)
        for slot in way.slots:
            try:
                content = slot.__get__(value, kind)
            except AttributeError:
                content = _EMPTY
            self._slots.append((value, slot, content))
            self._pending.append(content)

    def _way(self, kind: type) -> _Way:
        """Find out how the objects of a class are read; generators of the class and its module are followed."""
        closed = _package(kind) in _CLOSED
        record = next((record for kinds, record in _RECORDS.items() if issubclass(kind, kinds)), None)
        opaque = closed and record is None and not issubclass(kind, nn.Module)
        if opaque or issubclass(kind, (type, types.ModuleType, enum.Enum)):
            return _Way(None, None, (), False)
        if kind in (Tensor, nn.Parameter, types.FunctionType, *_PLAIN) or issubclass(kind, np.ndarray):
            return _Way(record, vars(kind)["__dict__"] if kind is types.FunctionType else None, (), False)
        dictionary, slots = None, []
        for each in kind.__mro__:
            own = vars(each)
            if dictionary is None and type(own.get("__dict__")) in (
                types.GetSetDescriptorType,
                types.MemberDescriptorType,
            ):
                dictionary = own["__dict__"]
            if "__slots__" in own:
                slots += [slot for slot in own.values() if type(slot) is types.MemberDescriptorType]
            if _package(each) not in _CLOSED:
                for attribute in own.values():
                    self._generators_of(attribute)
        return _Way(record, dictionary, tuple(slots), record is None and not issubclass(kind, nn.Module))

    def _attributes(self, owner: Any, kind: type, dictionary: Any, held: dict[str, Any]) -> None:
        then = dict(held)
        self._owners.append((owner, kind, dictionary, held, then))
        if not issubclass(kind, nn.Module):
            self._pending += [value for value in then.values() if type(value) not in _ATOMS]
            return
        self._pending += [value for _, value in own_attributes(then)]
        busy = tuple([name for name in _HOLDERS if then.get(name)])
        if busy not in self._idle:
            self._idle[busy] = [name for name in _HOLDERS if name not in busy]
        self._quiet.append((then, self._idle[busy]))
        if busy:
            self._registries(then, busy, id(owner) in self._submodules)

    def _registries(self, attributes: dict[str, Any], busy: Iterable[str], substituted: bool) -> None:
        """Record what a module holds in torch's way; ``substituted``: in passes its parameters are not its own."""
        for name in busy:
            registry = attributes[name]
            if name == "_parameters" or name == "_buffers":
                self._containers.append((registry, registry.copy()))
                if substituted and name == "_parameters" and not self._parameters:
                    continue
                for tensor in registry.values():
                    if tensor is not None and id(tensor) not in self._tensors:
                        self._pending += self._tensor(tensor, substituted)
            elif "_hooks" in name:
                self._containers.append((registry, registry.copy()))
                for hook in registry.values():
                    self._generators_of(hook)
            else:
                self._pending.append(registry)
                if substituted and name == "_modules":
                    self._submodules.update(map(id, registry.values()))

    def _container(self, value: Any) -> Iterable[Any]:
        if isinstance(value, dict):
            content = dict.copy(value)
            self._containers.append((value, content))
            return (*content.keys(), *content.values())
        self._containers.append((value, list(value)))
        return () if isinstance(value, bytearray) else list(value)

    def _content(self, value: Iterable[Any]) -> Iterable[Any]:
        return value

    def _tensor(self, value: Tensor, registered: bool = False) -> Iterable[Any]:
        facts, held = _facts(value), self._lent.get(id(value))
        if held is None or held.facts != facts or (held.registered and not registered):
            view, gradient = value.detach(), value.grad if value.is_leaf else None
            held = _Held(value, facts, view, view.clone(), gradient, registered)
        self._tensors[id(value)] = held
        return () if held.gradient is None else (held.gradient,)

    def _array(self, value: np.ndarray[Any, Any]) -> Iterable[Any]:
        if not value.flags.writeable:
            return () if value.base is None else (value.base,)
        self._states.append((functools.partial(_put_array_back, value), value.copy()))
        return list(value.flat) if value.dtype.hasobject else ()

    def _generator(self, value: Any) -> Iterable[Any]:
        if isinstance(value, random.SystemRandom):
            return ()
        if isinstance(value, random.Random):
            self._states.append((functools.partial(random.Random.setstate, value), random.Random.getstate(value)))
        elif isinstance(value, torch.Generator):
            self._states.append((value.set_state, value.get_state()))
        elif isinstance(value, np.random.RandomState):
            self._states.append((value.set_state, value.get_state(legacy=False)))
        elif isinstance(value, np.random.BitGenerator):
            self._states.append((functools.partial(setattr, value, "state"), value.state))
        else:
            return (value.bit_generator,)
        return ()

    def _function(self, value: Any) -> Iterable[Any]:
        if _package(value) in _CLOSED:
            return ()
        held = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        for cell in value.__closure__ or ():
            content = _content_of(cell)
            self._cells.append((cell, content))
            held.append(content)
        self._generators_among(value.__globals__)
        return held

    def _method(self, value: Any) -> Iterable[Any]:
        return value.__self__, getattr(value, "__func__", None)

    def _partial(self, value: Any) -> Iterable[Any]:
        return value.func, value.args, value.keywords

    # Generators alone --------------------

    def _generators_of(self, thing: Any) -> None:
        """Follow the generators that a hook, or a class's attribute, can draw from, and nothing else of it."""
        pending = [thing]
        for each in pending:
            kind = type(each)
            if issubclass(kind, _GENERATORS):
                self._pending.append(each)
            if kind in _ATOMS or id(each) in self._near or issubclass(kind, _ELSEWHERE):
                continue
            self._near[id(each)] = each
            if kind is types.FunctionType:
                if _package(each) not in _CLOSED:
                    pending += [*(each.__defaults__ or ()), *map(_content_of, each.__closure__ or ())]
                    self._generators_among(each.__globals__)
            elif kind in (staticmethod, classmethod):
                pending.append(each.__func__)
            elif kind is property:
                pending += [each.fget, each.fset]
            elif kind in (types.MethodType, types.BuiltinMethodType):
                pending += self._method(each)
            elif kind is functools.partial:
                pending += [each.func, *each.args, *each.keywords.values()]
            elif kind in (list, tuple):
                pending += [value for value in each if issubclass(type(value), _GENERATORS)]
            elif _package(kind) not in _CLOSED:
                looked_up: Any = kind.__getattribute__
                own = getattr(each, "__dict__", {}) if looked_up is object.__getattribute__ else {}
                pending += [value for value in list(own.values()) if issubclass(type(value), _GENERATORS)]

    def _generators_among(self, names: Mapping[str, Any]) -> None:
        """Follow the generators that a module of Python holds by name."""
        if id(names) not in self._near:
            self._near[id(names)] = names
            self._pending += [value for value in list(names.values()) if issubclass(type(value), _GENERATORS)]


@contextmanager
def put_back(module: nn.Module) -> Iterator[None]:
    """Put a module back at the end, for a run that nobody may notice.

    >>> net = nn.Dropout()
    >>> with put_back(net):
    ...     _ = net.eval()
    >>> net.training
    True
    """
    snapshot = Snapshot(module)
    try:
        yield
    finally:
        snapshot.restore()


_RECORDS: dict[Any, Callable[..., Iterable[Any]]] = {
    Tensor: Snapshot._tensor,
    np.ndarray: Snapshot._array,
    _GENERATORS: Snapshot._generator,
    _CONTAINERS: Snapshot._container,
    (tuple, frozenset): Snapshot._content,
    types.FunctionType: Snapshot._function,
    (types.MethodType, types.BuiltinMethodType): Snapshot._method,
    functools.partial: Snapshot._partial,
}


def _package(thing: Any) -> str:
    """Return the package that a class or function belongs to."""
    module = thing.__module__
    return module.partition(".")[0] if isinstance(module, str) else "builtins"


def _content_of(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the variable has no value (yet)
        return _EMPTY


# How it is put back: only what differs is touched, for other threads may look at it --------------------


def _put_attributes_back(owner: Any, kind: type, dictionary: Any, held: dict[str, Any], then: dict[str, Any]) -> None:
    if type(owner) is not kind:
        object.__setattr__(owner, "__class__", kind)
    if dictionary.__get__(owner, kind) is not held:
        dictionary.__set__(owner, held)
    if not (len(held) == len(then) and all(map(is_, held.values(), then.values())) and all(map(is_, held, then))):
        held.clear()
        held.update(then)


def _put_slot_back(owner: Any, slot: Any, content: Any) -> None:
    try:
        now = slot.__get__(owner, type(owner))
    except AttributeError:
        now = _EMPTY
    if now is not content:
        if content is _EMPTY:
            slot.__delete__(owner)
        else:
            slot.__set__(owner, content)


def _put_cell_back(cell: Any, content: Any) -> None:
    if _content_of(cell) is not content:
        if content is _EMPTY:
            del cell.cell_contents
        else:
            cell.cell_contents = content


def _put_content_back(container: Any, content: Any) -> None:
    same = len(container) == len(content) and all(map(is_, container, content))
    if same and (not isinstance(container, dict) or all(map(is_, dict.values(container), content.values()))):
        return
    kind: Any = next(kind for kind in (OrderedDict, *_CONTAINERS) if isinstance(container, kind))
    if issubclass(kind, (list, bytearray)):
        kind.__setitem__(container, slice(None), content)
        return
    kind.clear(container)
    kind.extend(container, content) if kind is deque else kind.update(container, content)


def _put_array_back(array: np.ndarray[Any, Any], copy: np.ndarray[Any, Any]) -> None:
    if array.shape != copy.shape:
        array.shape = copy.shape
    np.copyto(array, copy)


def _put_quiet_back(attributes: dict[str, Any], quiet: Sequence[str]) -> None:
    if any(map(attributes.get, quiet)):
        for name in quiet:
            if attributes.get(name):
                attributes[name].clear()


def _facts(tensor: Tensor) -> tuple[Any, ...]:
    """Return what changes with most writes: the version, and where and what the memory is."""
    leaf = tensor.is_leaf
    return (
        None if tensor.is_inference() else tensor._version,
        tensor.dtype,
        tensor.shape,
        tensor.data_ptr() if type(tensor) in _ORDINARY and tensor.layout is torch.strided else tensor.device,
        leaf,
        tensor.requires_grad,
        id(tensor.grad) if leaf else 0,
    )


def _comparable(tensor: Tensor) -> bool:
    return type(tensor) is Tensor and tensor.layout is torch.strided and not (tensor.is_meta or tensor.is_quantized)


def _same(one: Tensor, other: Tensor) -> bool:
    """Return whether two comparable tensors have the same bits."""
    if one.is_complex():
        one, other = torch.view_as_real(one), torch.view_as_real(other)
    integers = _INTEGERS[one.element_size()]
    return torch.equal(one.view(integers), other.view(integers))


def _put_tensor_back(held: _Held) -> None:
    tensor, view = held.tensor, held.view
    if held.facts[4]:
        if not tensor.is_leaf:  # written to by something that has a graph
            tensor.detach_()
        tensor.requires_grad_(held.facts[5])
        if tensor.grad is not held.gradient:
            tensor.grad = held.gradient
    if _facts(tensor)[1:4] != held.facts[1:4]:
        tensor.data = view
    if view.is_meta:
        return
    if view.layout is not torch.strided:
        tensor.data = held.values.clone()
    elif not (_comparable(view) and _same(view, held.values)):
        with torch.inference_mode(view.is_inference()):
            view.copy_(held.values)
