"""What a network holds is put back, whatever kind of object holds it; what belongs to others is left alone."""

from __future__ import annotations

import array
import copy
import enum
import functools
import logging
import random
import threading
from collections import Counter, OrderedDict, UserDict, defaultdict, deque
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import isolated, snapshot
from naslib_zc_plugin.passes.snapshot import Snapshot
from naslib_zc_plugin.testing import fingerprint

X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
NAMES = ["naswot", "grad_norm", "gradsign", "synflow"]


class Paths(nn.Module):
    """A supernet of six paths; ``draw`` says which one a run takes."""

    def __init__(self, draw: Callable[[], int] = lambda: 0, **held: Any) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.paths = nn.ModuleList(nn.Linear(4, 32) for _ in range(6))
            self.head = nn.Linear(32, 3)
        self.draw = draw
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.paths[self.draw()](x)))


def values(net: nn.Module, *names: str) -> dict[str, Any]:
    return {name: score.value for name, score in zc.score(net, (X, Y), names or NAMES).items()}


def assert_repeatable(make: Callable[[], nn.Module]) -> None:
    """Equal calls give equal scores, and each proxy's is the same alone."""
    net = make()
    first = values(net)
    assert None not in first.values()
    assert values(net) == first
    for name in NAMES:
        assert values(make(), name) == {name: first[name]}
    (three,) = zc.score(net, (X, Y), ["grad_norm"], repeats=3).values()
    assert three.spread == pytest.approx(0, abs=1e-6)


# Generators --------------------


MODULE_LEVEL = random.Random(3)


class Sampler:
    """An object of the user's with a generator and a counter."""

    def __init__(self) -> None:
        self.generator, self.calls = random.Random(1), 0

    def draw(self) -> int:
        self.calls += 1
        return (self.generator.randrange(6) + self.calls) % 6


class SlottedSampler:
    __slots__ = ("_SlottedSampler__last", "calls")

    def draw(self) -> int:
        self.__last = getattr(self, "_SlottedSampler__last", 0) + 1
        return self.__last % 6


class OfTheClass(Paths):
    generator = random.Random(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.paths[self.generator.randrange(6)](x)))


class OfTheModule(Paths):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.paths[MODULE_LEVEL.randrange(6)](x)))


def of_a_method() -> nn.Module:
    generator = random.Random(6)

    class OfAMethod(Paths):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.relu(self.paths[generator.randrange(6)](x)))

    return OfAMethod()


def closing_over(generator: Any, draw: Callable[[Any], int]) -> Callable[[], int]:
    return lambda: draw(generator)


def counting() -> Callable[[], int]:
    calls = 0

    def draw() -> int:
        nonlocal calls
        calls += 1
        return calls % 6

    return draw


def with_attributes() -> Callable[[], int]:
    def draw() -> int:
        draw.calls += 1  # type: ignore[attr-defined]
        return int(draw.calls) % 6  # type: ignore[attr-defined]

    draw.calls = 0  # type: ignore[attr-defined]
    return draw


def rotating(paths: Any) -> int:
    paths.rotate()
    return int(paths[0])


def hooked() -> nn.Module:
    generator, net = torch.Generator().manual_seed(2), Paths()
    net.head.register_forward_pre_hook(lambda _, given: (given[0] * float(torch.rand((), generator=generator)),))
    return net


def bound(method: str, held: Any) -> Callable[[], int]:
    return getattr(held, method)  # type: ignore[no-any-return]


DRAWS: dict[str, Callable[[], nn.Module]] = {
    "random.Random in a lambda": lambda: Paths(closing_over(random.Random(0), lambda g: g.randrange(6))),
    "Generator in a lambda": lambda: Paths(closing_over(np.random.default_rng(0), lambda g: int(g.integers(6)))),
    "RandomState in a lambda": lambda: Paths(closing_over(np.random.RandomState(0), lambda g: int(g.randint(6)))),
    "torch.Generator in a lambda": lambda: Paths(
        closing_over(torch.Generator().manual_seed(0), lambda g: int(torch.randint(6, (), generator=g)))
    ),
    "a bound method of random.Random": lambda: Paths(functools.partial(random.Random(0).randrange, 6)),
    "a bound method of Generator": lambda: Paths(functools.partial(np.random.default_rng(1).integers, 6)),
    "a bound method of an object": lambda: Paths(Sampler().draw),
    "an object with slots": lambda: Paths(SlottedSampler().draw),
    "a class": OfTheClass,
    "a module of Python": OfTheModule,
    "a method's closure": of_a_method,
    "a variable of a closure": lambda: Paths(counting()),
    "an attribute of a function": lambda: Paths(with_attributes()),
    "a deque": lambda: Paths(functools.partial(rotating, deque(range(6)))),
    "an array": lambda: Paths(closing_over(np.zeros(1, int), lambda a: int(a.__iadd__(1)[0]) % 6)),
    "a hook": hooked,
}


@pytest.mark.parametrize("where", DRAWS)
def test_equal_calls_give_equal_scores_wherever_a_network_keeps_its_draws(where: str) -> None:
    assert_repeatable(DRAWS[where])


def test_a_generator_without_a_state_is_no_hindrance() -> None:
    net = Paths(chance=random.SystemRandom())
    assert zc.score(net, (X, Y), ["grad_norm"])["grad_norm"].status == "ok"


# Objects, containers, arrays, tensors --------------------


@dataclass
class Record:
    calls: int = 0
    seen: list[float] = field(default_factory=list)


class Marked(list[int]):
    """A list with an attribute of its own."""

    mark = 0


def states() -> dict[str, tuple[Any, Callable[[Any], None], Callable[[Any], Any]]]:
    """An object, what changes it, and what tells that it has changed, by name."""

    def renew(thing: Any) -> None:
        thing.__dict__ = {"calls": 5}

    def turn_into(thing: Any) -> None:
        thing.__class__ = Sampler

    slotted = SlottedSampler()
    slotted.calls = 1
    return {
        "an attribute": (Record(), lambda t: setattr(t, "calls", 1), lambda t: t.calls),
        "a new attribute": (Record(), lambda t: setattr(t, "extra", 1), vars),
        "a deleted attribute": (Record(), lambda t: delattr(t, "calls"), vars),
        "a list of an object": (Record(), lambda t: t.seen.append(1.0), lambda t: t.seen),
        "another dictionary": (Record(), renew, vars),
        "another class": (Record(), turn_into, type),
        "a slot": (slotted, lambda t: setattr(t, "calls", 2), lambda t: t.calls),
        "a deleted slot": (slotted, lambda t: delattr(t, "calls"), lambda t: getattr(t, "calls", None)),
        "a new slot": (SlottedSampler(), lambda t: t.draw(), lambda t: hasattr(t, "_SlottedSampler__last")),
        "a namespace": (SimpleNamespace(calls=0), lambda t: setattr(t, "calls", 1), lambda t: t.calls),
        "a Counter": (Counter("ab"), lambda t: t.update("b"), dict),
        "a defaultdict": (defaultdict(list), lambda t: t["new"].append(1), dict),
        "an OrderedDict": (OrderedDict(a=1, b=2), lambda t: t.move_to_end("a"), lambda t: list(t.items())),
        "a key": ({Record: 1}, lambda t: t.pop(Record), dict),
        "a UserDict": (UserDict(a=1), lambda t: t.update(b=2), dict),
        "a bounded deque": (deque([1, 2], 2), lambda t: t.append(3), list),
        "a set": ({1, 2}, lambda t: t.add(3), set),
        "a bytearray": (bytearray(b"ab"), lambda t: t.extend(b"c"), bytes),
        "a list's attribute": (Marked(), lambda t: setattr(t, "mark", 1), lambda t: t.mark),
        "an array": (np.zeros(3), lambda t: t.__iadd__(1), lambda t: t.tolist()),
        "an array's element": (np.array([[0], None], object), lambda t: t[0].append(1), lambda t: t.tolist()),
        "a view of an array": (np.zeros(4)[::2], lambda t: t.__iadd__(1), lambda t: t.tolist()),
        "a tensor": (torch.zeros(2), lambda t: t.add_(1), lambda t: t.tolist()),
        "a tensor's data": (torch.zeros(2), lambda t: t.data.add_(1), lambda t: t.tolist()),
        "a tensor's other data": (torch.zeros(2), lambda t: setattr(t, "data", torch.ones(3)), lambda t: t.tolist()),
        "a tensor's precision": (torch.zeros(2), lambda t: setattr(t, "data", t.double()), lambda t: t.dtype),
        "a tensor's graph": (
            torch.zeros(2),
            lambda t: t.mul_(torch.ones(2, requires_grad=True)),
            lambda t: (t.is_leaf, t.requires_grad),
        ),
        "a tensor's gradient": (
            torch.zeros(2, requires_grad=True),
            lambda t: t.sum().backward(),
            lambda t: t.grad is None,
        ),
        "NaN": (torch.full((2,), float("nan")), lambda t: t.data.fill_(0), lambda t: str(t.tolist())),
        "the sign of zero": (torch.zeros(2), lambda t: t.data.neg_(), lambda t: t.signbit().tolist()),
        "a complex tensor": (torch.zeros(2, dtype=torch.complex64), lambda t: t.data.add_(1j), lambda t: t.tolist()),
        "a sparse tensor": (torch.eye(2).to_sparse(), lambda t: t.mul_(2), lambda t: t.to_dense().tolist()),
        "a module's parameter": (nn.Linear(1, 1), lambda t: t.weight.data.add_(1), lambda t: t.weight.item()),
        "a module's type": (nn.Linear(1, 1), lambda t: t.double(), lambda t: t.weight.dtype),
    }


@pytest.mark.parametrize("where", ["attribute", "container", "object"])
@pytest.mark.parametrize("name", states())
def test_a_change_of_what_a_network_holds_is_undone(name: str, where: str) -> None:
    thing, change, facts = states()[name]
    net = nn.Module()
    net.held = {"attribute": thing, "container": {"in": [(thing,)]}, "object": SimpleNamespace(inside=thing)}[where]
    before, taken = facts(thing), Snapshot(net, parameters=where == "attribute")
    before = copy.deepcopy(before)
    for _ in range(2):
        change(thing)
        assert facts(thing) != before
        taken.restore()
        assert facts(thing) == before


def test_what_others_hold_is_left_alone() -> None:
    class Color(enum.Enum):
        RED = 1

    logger, lock = logging.getLogger("of a network"), threading.Lock()
    net = nn.Module()
    net.logger, net.lock, net.color, net.kind = logger, lock, Color.RED, Record
    taken = Snapshot(net)
    handler = logging.NullHandler()
    logger.addHandler(handler)
    Record.calls = 7
    lock.acquire()
    Color.RED.extra = 1  # type: ignore[attr-defined]
    taken.restore()
    assert logger.handlers == [handler]
    assert lock.locked()
    assert Record.calls == 7
    assert Color.RED.extra == 1  # type: ignore[attr-defined]
    logger.removeHandler(handler)
    Record.calls = 0


def test_what_a_hook_keeps_stays() -> None:
    net, seen, recorder = Paths(), [], Record()
    net.register_forward_hook(lambda *_: seen.append(1))
    net.head.register_forward_hook(lambda *_: setattr(recorder, "calls", recorder.calls + 1))
    zc.score(net, (X, Y), ["naswot"])
    assert seen
    assert recorder.calls == len(seen)


def test_objects_that_change_nothing_are_not_written_to() -> None:
    class Guarded:
        def __setattr__(self, name: str, value: Any) -> None:
            raise AssertionError("written to")

    class Named(dict[str, int]):
        def update(self, *args: Any, **kwargs: Any) -> None:
            raise AssertionError("written to")

        clear = update

    net = nn.Module()
    net.held = [Guarded(), Named(a=1)]
    version = net.register_buffer("buffer", torch.zeros(1)) or net.buffer._version
    with isolated(net):
        pass
    assert net.buffer._version == version


class Attacking(nn.Module):
    """Properties, attributes and keys that raise."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.held = nn.Linear(4, 3), [Raising()]

    @property
    def _orig_mod(self) -> Any:
        raise RuntimeError("not here")

    @property
    def anything(self) -> Any:
        raise KeyError("nor here")

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layer(x))


class Raising:
    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)

    @property
    def anything(self) -> Any:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    __hash__ = None  # type: ignore[assignment]


def test_attributes_that_raise_are_no_hindrance() -> None:
    net = Attacking()
    before = vars(net).copy()
    assert zc.score(net, (X, Y), ["naswot"])["naswot"].status == "ok"
    assert list(vars(net)) == list(before)


def test_so_many_objects_are_followed_the_nearest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MOST", 10)
    net = nn.Module()
    net.far = [[Record() for _ in range(100)]]
    net.near = Record()
    taken = Snapshot(net)
    net.near.calls = net.far[0][99].calls = 1
    taken.restore()
    assert (net.near.calls, net.far[0][99].calls) == (0, 1)


def test_an_error_amid_restoring_leaves_nothing_out() -> None:
    class Late(random.Random):
        pass

    net, order = nn.Linear(1, 1), [Record(), Record()]
    net.held = order
    before, taken = fingerprint(net), Snapshot(net)
    taken._states.append((lambda state: (_ for _ in ()).throw(KeyboardInterrupt), None))
    net.eval()
    order[0].calls = order[1].calls = 1
    with pytest.raises(KeyboardInterrupt):
        taken.restore()
    assert before.changes(fingerprint(net)) == []
    assert [each.calls for each in order] == [0, 0]


@given(st.lists(st.sampled_from(sorted(states())), min_size=1, max_size=5))
def test_changes_together_are_undone(names: list[str]) -> None:
    every = states()
    net = nn.Module()
    net.held = [every[name][0] for name in dict.fromkeys(names)]
    taken = Snapshot(net)
    before = {name: repr(every[name][2](every[name][0])) for name in names}
    for name in dict.fromkeys(names):
        if not (name == "another class" or "slot" in name):  # one slotted object serves two
            every[name][1](every[name][0])
    taken.restore()
    assert {name: repr(every[name][2](every[name][0])) for name in names} == before


# Parameters --------------------


def test_parameters_written_to_inside_an_isolation_are_put_back() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = fingerprint(net)
    with isolated(net) as module:
        module(torch.randn(4, 2)).sum().backward()
        module.double()
        for parameter in module.parameters():
            parameter.data.add_(1)
    changes = before.changes(fingerprint(net))
    assert [change for change in changes if "version" not in change] == []


def test_parameters_that_a_network_keeps_elsewhere_are_put_back() -> None:
    class Clamping(Paths):
        def __init__(self) -> None:
            super().__init__()
            self.mine = [self.head.weight]
            self.hidden = [nn.Linear(4, 4)]

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                self.mine[0].data.clamp_(-0.01, 0.01)
                self.hidden[0].weight.mul_(2)
            return super().forward(self.hidden[0](x))

    net = Clamping()
    before, hidden = net.head.weight.clone(), net.hidden[0].weight.clone()
    first = values(net)
    assert torch.equal(net.head.weight, before)
    assert torch.equal(net.hidden[0].weight, hidden)
    assert values(net) == first


def test_arrays_of_python_hold_no_state_to_follow() -> None:
    net = Paths(numbers=array.array("i", [1, 2]))
    assert values(net) == values(net)
