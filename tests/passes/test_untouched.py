"""A network comes back as it was: wherever scoring ends, however it ends, and in however many threads."""

from __future__ import annotations

import copy
import os
import random
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.overrides import TorchFunctionMode

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing import fingerprint, global_state

ALL = zc.list_proxies()
SOME = ["naswot", "grad_norm", "gradsign", "synflow", "epsilon", "flops", "params"]
LABELS = torch.arange(6) % 3


# A network that holds what can change --------------------


class Meter:
    """A plain object that counts, with a property and an object inside."""

    def __init__(self) -> None:
        self.count, self.seen, self.inner = 0, [0.0], None

    @property
    def calls(self) -> int:
        return self.count

    @calls.setter
    def calls(self, value: int) -> None:
        self.count = value


class Slotted:
    """A plain object without a dictionary."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


class Ticks:
    """Counts what a network does, and calls ``act`` at one of them. No network holds it, so nobody puts it back."""

    def __init__(self) -> None:
        self.count, self.at, self.act = 0, -1, lambda: None

    def __call__(self) -> None:
        self.count += 1
        if self.count == self.at:
            self.act()


TICKS = Ticks()


class Owner(nn.Module):
    """A network with computed weights, hooks, generators, counters and memories, all of which change in a run."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.mid = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)
        self.normed, self.head = nn.Linear(4, 4), nn.Linear(4, 3)
        parametrizations.weight_norm(self.normed)
        prune.l1_unstructured(self.head, "weight", amount=0.2)
        self.python, self.numpy, self.older = random.Random(0), np.random.default_rng(0), np.random.RandomState(0)
        self.torchs = torch.Generator().manual_seed(0)
        self.meter, self.slotted, self.history, self.last = Meter(), Slotted(), list[float](), deque([0.0], maxlen=3)
        self.meter.inner = Meter()
        self.kept: dict[str, Any] = {"meters": [Meter()], "generator": random.Random(1), "maps": torch.zeros(2)}
        self.register_buffer("steps", torch.zeros(1))
        self.mid.register_forward_hook(lambda module, inputs, output: output + 0)

    def forward(self, x: Tensor) -> Tensor:
        drawn = [self.python.random(), float(self.numpy.random()), float(self.older.rand())]
        drawn += [float(torch.rand((), generator=self.torchs)), self.kept["generator"].random()]
        drawn += [random.random(), float(np.random.rand()), float(torch.rand(()))]
        for meter in (self.meter, self.meter.inner, *self.kept["meters"]):
            meter.calls += 1
            meter.seen.append(sum(drawn))
        self.slotted.calls += 1
        self.history.append(sum(drawn))
        self.last.append(sum(drawn))
        self.kept["maps"] += 1
        self.kept["new"] = drawn
        self.steps += 1
        with torch.no_grad():
            self.mid.weight.clamp_(-0.1, 0.1)
            self.stem.bias.data.mul_(0.9)
        maps = torch.relu(self.mid(torch.relu(self.norm(self.stem(x)))))
        if maps.requires_grad and type(maps) is Tensor and not torch._C._functorch.is_functorch_wrapped_tensor(maps):
            maps.register_hook(lambda gradient: TICKS())
        return self.head(torch.relu(self.normed(maps.mean((2, 3)) * (1 + 0.1 * drawn[0]))))


def owner() -> Owner:
    torch.manual_seed(0)
    return Owner()


def images() -> Tensor:
    return torch.randn(6, 3, 6, 6, generator=torch.Generator().manual_seed(5))


def held(net: Owner) -> dict[str, Any]:
    """What a fingerprint does not follow: generators, and attributes of plain objects."""
    meters = [net.meter, net.meter.inner, *net.kept["meters"]]
    return {
        "state_dict": {key: value.clone().numpy().tobytes() for key, value in net.state_dict().items()},
        "random.Random": [net.python.getstate(), net.kept["generator"].getstate()],
        "numpy's Generator": repr(net.numpy.bit_generator.state),
        "numpy's RandomState": repr(net.older.get_state()),
        "torch.Generator": net.torchs.get_state().numpy().tobytes(),
        "meters": copy.deepcopy([(meter.count, meter.seen) for meter in meters]),
        "slots": net.slotted.calls,
        "memories": copy.deepcopy([net.history, list(net.last), sorted(net.kept)]),
        "hooks": [
            (name, list(part._forward_hooks), list(part._forward_pre_hooks)) for name, part in net.named_modules()
        ],
    }


@contextmanager
def untouched(*nets: Owner) -> Iterator[None]:
    """Check that the networks, and all global states, are afterwards as they were."""
    before, state = [(fingerprint(net), held(net)) for net in nets], global_state()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    yield
    changed = []
    for net, (found, inside) in zip(nets, before):
        changed += found.changes(fingerprint(net))
        try:
            now = held(net)
        except (AttributeError, KeyError, TypeError) as error:
            changed.append(f"it cannot be read: {error}")
        else:
            changed += [name for name, value in inside.items() if now[name] != value]
    changed += [name for name, value in global_state().items() if state[name] != value]
    changed += [str(number) for number, handler in handlers.items() if signal.getsignal(number) != handler]
    if changed:
        raise AssertionError(f"changed: {changed}")


@pytest.mark.parametrize("name", ALL)
def test_what_a_network_holds_is_put_back(name: str) -> None:
    net = owner()
    with untouched(net):
        zc.score(net, (images(), LABELS), [name])


def test_repeats_and_company_begin_as_the_network_was() -> None:
    net, batch = owner(), (images(), LABELS)
    with untouched(net):
        together = {name: score.value for name, score in zc.score(net, batch, SOME).items()}
        assert None not in together.values()
        assert {name: zc.score(net, batch, [name])[name].value for name in SOME} == together
        (still,) = zc.score(net, batch, ["naswot"], repeats=3).values()
    assert still.spread == pytest.approx(0, abs=1e-9)
    assert still.value == pytest.approx(together["naswot"])


# Errors inside the network --------------------


class Counting(TorchFunctionMode):
    """Ticks at every function that is called while a network runs."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        frame, depth = sys._getframe(1), 0
        while frame is not None and depth < 12:
            if frame.f_code is Owner.forward.__code__:
                TICKS()
                break
            frame, depth = frame.f_back, depth + 1
        return function(*args, **(kwargs or {}))


def ticks(net: nn.Module, names: list[str], at: int = -1, act: Callable[[], None] = lambda: None) -> int:
    """Score, act at one of the ticks, and return their number."""
    TICKS.count, TICKS.at, TICKS.act = 0, at, act
    try:
        with Counting():
            zc.score(net, (images(), LABELS), names)
        return TICKS.count
    finally:
        TICKS.at = -1


def throw(error: type[BaseException]) -> Callable[[], None]:
    def act() -> None:
        raise error("in the middle")

    return act


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError, GeneratorExit])
def test_an_error_at_any_function_of_the_network_leaves_no_trace(error: type[BaseException]) -> None:
    net = owner()
    number = ticks(net, ALL)
    assert number > 100
    for at in sorted({1, 2, number, *range(3, number, number // 14)}):
        with untouched(net):
            if issubclass(error, Exception):
                ticks(net, ALL, at, throw(error))
            else:
                with pytest.raises(error):
                    ticks(net, ALL, at, throw(error))


# Signals at any line of the package --------------------

FOLDER = os.path.dirname(zc.__file__) + os.sep
OBSERVATIONS, PROXIES = (os.path.join(FOLDER, name, "") for name in ("observations", "proxies"))
CONTEXTS = contextmanager.__code__.co_filename


class Lines:
    """Counts the lines that the package runs, and calls ``act`` before one of them, and perhaps once more.

    Args:
        at: number of the line, from 1; 0: none.
        act: what to do there.
        again: how many calls of the package later to do it again; 0: never.
    """

    def __init__(self, at: int = 0, act: Callable[[], None] = lambda: None, again: int = 0) -> None:
        self.at, self.act, self.again, self.seen = at, act, again, list[tuple[str, int]]()

    def __enter__(self) -> Lines:
        sys.settrace(self._called)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)
        sys.setprofile(None)

    def _called(self, frame: Any, event: str, argument: Any) -> Any:
        return self._line if self._ours(frame) else None

    def _ours(self, frame: Any) -> bool:
        if frame.f_code.co_filename == CONTEXTS:
            return frame.f_back is not None and frame.f_back.f_code.co_filename.startswith(FOLDER)
        return frame.f_code.co_filename.startswith(FOLDER)

    def _line(self, frame: Any, event: str, argument: Any) -> Any:
        if event == "line":
            self.seen.append((frame.f_code.co_filename, frame.f_lineno))
            if len(self.seen) == self.at:
                if self.again:  # an error in a tracing function ends the tracing, but no profiling
                    sys.setprofile(self._profiled)
                self.act()
        return self._line

    def _profiled(self, frame: Any, event: str, argument: Any) -> None:
        if event in ("call", "c_call") and self._ours(frame):
            self.again -= 1
            if self.again == 0:
                self.act()


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def alarm() -> None:
    signal.raise_signal(signal.SIGALRM)


@contextmanager
def handlers() -> Iterator[None]:
    """Make SIGINT a KeyboardInterrupt, SIGTERM a SystemExit and SIGALRM a RuntimeError."""

    def exits(number: int, frame: Any) -> None:
        raise SystemExit("terminated")

    def fails(number: int, frame: Any) -> None:
        raise RuntimeError("out of time")

    wanted = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: exits, signal.SIGALRM: fails}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


NUMERICAL = ("capture", "forward", "layer_calls", "per_sample", "constant_weights", "inputs", "degenerate", "registry")


def lines_of(net: nn.Module, names: list[str]) -> list[int]:
    """Return at which line of a scoring each distinct line is run last.

    All lines that borrow the network and give it back are among them, and every tenth of those that only compute.
    """
    zc.score(net, (images(), LABELS), names)
    with Lines() as lines:
        zc.score(net, (images(), LABELS), names)
    last: dict[tuple[str, int], int] = {line: number for number, line in enumerate(lines.seen, 1)}
    computes = {
        line
        for line in last
        if os.path.basename(line[0])[:-3] in NUMERICAL or line[0].startswith((OBSERVATIONS, PROXIES))
    }
    return sorted(
        {last[line] for line in last if line not in computes} | {last[line] for line in sorted(computes)[::10]}
    )


def faults(points: list[int], names: list[str], act: Callable[[], None], again: Callable[[int], int]) -> list[str]:
    """Score with a signal at each of these lines; return what was wrong afterwards."""
    net, found = owner(), list[str]()
    for place, at in enumerate(points):
        ended = "scores"
        try:
            with untouched(net):
                try:
                    with Lines(at, act, again(place)):
                        zc.score(net, (images(), LABELS), names)
                except (KeyboardInterrupt, SystemExit, RuntimeError) as error:
                    ended = type(error).__name__
            if ended not in ENDS[act]:
                raise AssertionError("the signal was swallowed")
        except AssertionError as error:
            found.append(f"line {at} of {points[-1]}, {ended}: {str(error)[:200]}")
            net = owner()
    return found


ENDS = {interrupt: {"KeyboardInterrupt"}, terminate: {"SystemExit"}, alarm: {"RuntimeError", "scores"}}


@pytest.mark.parametrize("names", [["naswot"], ["params"]], ids=str)
@pytest.mark.parametrize("act", ENDS)
def test_a_signal_at_any_line_finds_the_network_given_back(act: Callable[[], None], names: list[str]) -> None:
    with handlers():
        points = lines_of(owner(), names)
        assert faults(points if act is interrupt else points[::4], names, act, lambda place: 0) == []


@pytest.mark.parametrize("act", ENDS)
def test_a_second_signal_finds_the_network_given_back(act: Callable[[], None]) -> None:
    with handlers():
        points = lines_of(owner(), ["naswot"])
        chosen = points[::3] if act is interrupt else points[::12]
        assert faults(chosen, ["naswot"], act, lambda place: 1 + place % 23) == []


@pytest.mark.parametrize("act", ENDS)
def test_a_signal_amid_samples_finds_the_network_given_back(act: Callable[[], None]) -> None:
    with handlers():
        points = lines_of(owner(), ["gradsign", "synflow", "epsilon"])
        assert faults(points[::25], ["gradsign", "synflow", "epsilon"], act, lambda place: 0) == []


# Signals from what the network owns, while it is given back --------------------


class LoudList(list[Any]):
    """A list that calls ``TICKS`` where it is written to as a whole."""

    def clear(self) -> None:
        TICKS()
        super().clear()
        TICKS()

    def extend(self, values: Any) -> None:
        TICKS()
        super().extend(values)
        TICKS()


class LoudDictionary(dict[str, Any]):
    def clear(self) -> None:
        TICKS()
        super().clear()
        TICKS()

    def update(self, *values: Any, **named: Any) -> None:
        TICKS()
        super().update(*values, **named)
        TICKS()


class LoudRandom(random.Random):
    def setstate(self, state: Any) -> None:
        TICKS()
        super().setstate(state)
        TICKS()


class LoudMeter(Meter):
    def __setattr__(self, name: str, value: Any) -> None:
        TICKS()
        super().__setattr__(name, value)
        TICKS()


def loud_owner() -> Owner:
    net = owner()
    net.history, net.python, net.meter.inner = LoudList(), LoudRandom(0), LoudMeter()
    net.kept = LoudDictionary(net.kept)
    return net


@pytest.mark.parametrize("act", ENDS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_from_what_the_network_owns_finds_it_given_back(act: Callable[[], None], times: int) -> None:
    net, found = loud_owner(), list[str]()
    TICKS.count, TICKS.at = 0, -1
    zc.score(net, (images(), LABELS), ["naswot", "grad_norm"])
    number = TICKS.count
    assert number

    def again() -> None:
        if TICKS.count < first + times - 1:
            TICKS.at = TICKS.count + 1
        act()

    with handlers():
        for first in range(1, number + 1, max(1, number // 30)):
            try:
                with untouched(net):
                    TICKS.count, TICKS.at, TICKS.act = 0, first, again
                    try:
                        zc.score(net, (images(), LABELS), ["naswot", "grad_norm"])
                        assert act is alarm, "the signal was swallowed"
                    except (KeyboardInterrupt, SystemExit, RuntimeError) as error:
                        assert type(error).__name__ in ENDS[act]
                    finally:
                        TICKS.at = -1
            except AssertionError as error:
                found.append(f"tick {first} of {number}: {str(error)[:200]}")
                net = loud_owner()
    assert found == []


def test_a_handler_of_ones_own_is_called_and_stays() -> None:
    net, called = owner(), list[int]()

    def count(number: int, frame: Any) -> None:
        called.append(number)

    before = signal.signal(signal.SIGINT, count)
    try:
        for at in lines_of(net, ["naswot"])[::25]:
            called.clear()
            with untouched(net), Lines(at, interrupt):
                scores = zc.score(net, (images(), LABELS), ["naswot"])
            assert scores["naswot"].status == "ok"
            assert called == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


# Threads --------------------


def in_threads(number: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the work in threads that begin together; return what each gave, or the exception that ended it."""
    barrier = threading.Barrier(number)

    def begin(index: int) -> Any:
        barrier.wait(60)
        try:
            return work(index)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return [future.result(timeout=240) for future in [pool.submit(begin, index) for index in range(number)]]


def values(net: nn.Module, names: list[str], seed: int = 0) -> dict[str, tuple[Any, ...]]:
    scores = zc.score(net, (images(), LABELS), names, seed=seed)
    return {name: (score.status, score.value, score.reason) for name, score in scores.items()}


def distinct(index: int) -> Owner:
    torch.manual_seed(index)
    return Owner()


@pytest.mark.parametrize("number", [2, 4])
def test_threads_give_the_scores_of_one_after_another(number: int) -> None:
    nets = [distinct(index) for index in range(number)]
    expected = [values(net, ALL) for net in nets]
    with untouched(*nets):
        for _ in range(2):
            assert in_threads(number, lambda index: values(nets[index], ALL)) == expected


def test_threads_may_score_one_network() -> None:
    net = owner()
    expected = [values(net, SOME + ["zen", "ntk"], seed) for seed in range(4)]
    with untouched(net):
        assert in_threads(4, lambda index: values(net, SOME + ["zen", "ntk"], index)) == expected


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_a_thread_that_ends_early_leaves_the_others_alone(error: type[BaseException]) -> None:
    class Failing(Owner):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise error("in the middle")

    nets = [distinct(0), Failing(), distinct(1), Failing()]
    expected = [values(nets[0], SOME), values(nets[2], SOME)]
    with untouched(*nets):
        found = in_threads(4, lambda index: values(nets[index], SOME))
    assert found[::2] == expected
    for outcome in found[1::2]:
        if error is RuntimeError:
            assert outcome["naswot"] == ("failed", None, "RuntimeError: in the middle")
        else:
            assert isinstance(outcome, error)


def test_switches_of_a_thread_stay_its_own() -> None:
    nets = [distinct(index) for index in range(4)]
    expected = [values(net, SOME) for net in nets]

    def work(index: int) -> Any:
        with torch.set_grad_enabled(index % 2 == 0), torch.autocast("cpu", dtype=torch.bfloat16, enabled=index > 1):
            before = torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")
            found = values(nets[index], SOME)
            assert (torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")) == before
        return found

    with untouched(*nets):
        assert in_threads(4, work) == expected
