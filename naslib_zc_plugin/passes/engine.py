r"""Observations are generators, and this is the one loop that drives them.

An observation is a function decorated with :func:`~.observation.observation`; called with its
arguments it gives a value, an :class:`Observation`, with the setting in which the network runs for it. Observations of
equal settings share one pass, and equal observations are made once. The function's first parameter ``p`` is its view of
the pass. What it yields are requests, and what it returns is its value:

====================  ===================================  ====================================================
setting               may be yielded, in this order        is sent
====================  ===================================  ====================================================
``Forward``           ``FORWARD``, once                    the logits of the (first) forward run, (N, …)
\                     ``(Grad(…), …)``, at most once       for each Grad its gradients, a list in the order of
                                                           ``by``; for one with a ``fold``, None
``PerSample``         ``NEXT``, again and again            the next ``Chunk``; None after the last
\                     ``AGAIN``, after that None           None; ``NEXT`` gives the first ``Chunk`` again
``ConstantWeights``   the weights, a tuple of numbers,     the outputs under each, (weights, outputs)
                      once
``NoForward``         nothing (a function without yield)
====================  ===================================  ====================================================

Anything else is a TypeError of that observation. Before its first request it registers functions that see the forward
runs (``p.on``, ``p.on_layers``). Gradients are declared to the decorator, for they cost a graph: ``order`` 1
(gradients) or 2 (a product with the Hessian), ``input_gradient`` for those by the inputs, ``labels`` for those of the
loss. A pass in which nothing is declared runs without a graph.

An error in an observation, wherever it arises, is the outcome of that observation alone, and an error of the network is
the outcome of all. An observation must leave the grad mode, the default type, torch's stacks of modes and the random
states as they are: one that changes them is failed, and they are restored (random states are looked at after each
request, not after each call that it sees, which would take too long). It draws from ``p.generator``.

Between requests a suspended function keeps its local variables alive: hold nothing large there, but fold it in a helper
into something small.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from inspect import isgeneratorfunction
from typing import Any, Callable

import torch

from naslib_zc_plugin.passes.inputs import Batch, BatchInputs
from naslib_zc_plugin.passes.isolation import GlobalStates, Stopwatch
from naslib_zc_plugin.passes.network import Network
from naslib_zc_plugin.passes.observation import NoForward, Observation, Observed, Request, Setting
from naslib_zc_plugin.passes.seeding import Turn, derived_seed

logger = logging.getLogger(__name__)


def as_error(raised: BaseException) -> Exception:
    """Return what other people's code raised as an error, whatever its class.

    >>> as_error(ValueError("no")), as_error(BaseException("panic"))
    (ValueError('no'), RuntimeError('BaseException: panic'))

    Raises:
        KeyboardInterrupt, SystemExit, GeneratorExit: these are no errors.
    """
    if isinstance(raised, (KeyboardInterrupt, SystemExit, GeneratorExit)):
        raise raised
    if isinstance(raised, Exception):
        return raised
    error = RuntimeError(f"{type(raised).__name__}: {message(raised)}")
    error.__cause__ = raised
    return error


def message(error: BaseException) -> str:
    """Return the text of an error, of any class.

    >>> message(ValueError("no"))
    'no'
    """
    try:
        return str(error)
    except Exception:
        return "(its own message cannot be made)"


class Running:
    """One observation under way, until it has a value or an error.

    Attributes:
        ended: whether it has either.
        seconds: of its own, without the pass's.
    """

    def __init__(self, observation: Observation, view: Pass) -> None:
        self.observation, self._device = observation, view.network.device
        self.ended, self.seconds = False, 0.0
        self._value: Any = None
        self._error: Exception | None = None
        self._steps: Any = None
        nothing_runs = isgeneratorfunction(observation.function)  # before it is first sent something
        made = self._timed(lambda: observation.function(view, **dict(observation.arguments)), quick=nothing_runs)
        if isinstance(made, Generator):
            self._steps = made
        else:
            self._value = made

    def send(self, answer: Any = None) -> Any:
        """Send the answer to the last request, and return the next request; None once it has ended."""
        if self._steps is None:
            return self.fail(TypeError(f"{self.observation.name} has no yield: its setting needs one to begin with"))
        return self._timed(lambda: self._step(answer))

    def expect(self, request: Request | None, asked: Any) -> None:
        """Fail it if it has not ended and has asked for something else than ``request``; None: for anything."""
        if asked is not request or request is None:
            shown = asked.name if isinstance(asked, Request) else f"a {type(asked).__name__}"
            wanted = f"where {request.name if request else 'nothing'} is to be yielded"
            self.fail(TypeError(f"{self.observation.name} yields {shown}, {wanted}"))

    def fail(self, error: Exception) -> None:
        """End it with an error, unless it has ended."""
        if not self.ended:
            self.ended, self._error, self._value = True, error, None
            steps, self._steps, states = self._steps, None, GlobalStates(self._device)
            try:
                if steps is not None:
                    steps.close()
            except BaseException as closing:
                logger.debug("an observation raised as it was closed", exc_info=as_error(closing))
            states.restore()

    def guard(self, function: Callable[..., Any], quick: bool = True) -> Callable[..., Any]:
        """Return a function whose error, or change of the global states, ends the observation; then it does nothing."""

        def guarded(*args: Any) -> Any:
            if self.ended:
                return None
            states, found = GlobalStates(self._device, quick), None
            try:
                found = function(*args)
            except BaseException as error:
                self.fail(as_error(error))
            changed = states.restore()
            if changed:
                self.ended = False
                self.fail(RuntimeError(f"{self.observation.name} changed {' and '.join(changed)}: it was put back"))
            return found

        return guarded

    def outcome(self, shared: float, detours: Sequence[str]) -> Observed:
        """Return its value or error; ``shared`` are the seconds of the pass that it needed, ``detours`` the pass's."""
        if self._steps is not None:
            self.expect(None, None)
        return Observed(self._value, self._error, shared + self.seconds, tuple(detours))

    def _step(self, answer: Any) -> Any:
        try:
            return self._steps.send(answer)
        except StopIteration as end:
            self.ended, self._value, self._steps = True, end.value, None

    def _timed(self, step: Callable[[], Any], quick: bool = False) -> Any:
        clock = Stopwatch(self._device)
        found = self.guard(step, quick)()
        self.seconds += clock.lap()
        return found


class Pass:
    """A pass as its observations see it; this one runs nothing.

    Attributes:
        setting: how the network runs.
        network: the isolated network.
        batch: the user's batch, or the part of it that the setting chooses, on the network's device.
        detours: slower ways that the pass took because an error barred the usual one, and the errors.
    """

    def __init__(
        self, setting: Any, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> None:
        self.setting, self.network, self.batch, self._seed = setting, network, batch, seed
        self.detours: list[str] = []

    def detour(self, way: str, error: Exception) -> None:
        """Note another way than the usual one, and the error that led to it."""
        logger.debug("%s: %s", way, error, exc_info=error)
        line = message(error).partition("\n")[0]
        self.detours.append(f"{way}: {type(error).__name__}: {line:.100}")

    def generator(self, name: str) -> torch.Generator:
        """Return a generator on the CPU whose draws depend on the seed and the name alone."""
        return torch.Generator("cpu").manual_seed(derived_seed(self._seed, name))

    def drive(self, running: Sequence[Running]) -> Mapping[Running, float]:
        """Run the network, answer the observations, and return the seconds of the pass that each needed.

        An error that it raises is the outcome of all.
        """
        return {}


def observe(
    network: Network, batch: Batch, observations: Iterable[Observation], seed: int = 0
) -> dict[Observation, Observed]:
    """Make all observations with as few passes as their settings allow.

    Args:
        network: of an isolated module.
        batch: on the network's device.
        observations: equal ones are made once.
        seed: everything that passes draw depends on it and on the drawing setting alone.

    Returns:
        The outcome of each; errors of the network or of an observation are outcomes, too.
    """
    passes: dict[Setting, list[Observation]] = {}
    for each in dict.fromkeys(observations):
        passes.setdefault(each.setting, []).append(each)
    for setting in list(passes):
        other = setting.can_join(passes)
        if other is not None:
            passes[other] += passes.pop(setting)
    outcomes: dict[Observation, Observed] = {}
    with Turn("passes"):
        # A network that keeps something of a run (a recurrent one its last states) begins each pass as it was.
        several = sum(setting.runs for setting in passes) > 1
        snapshot = network.snapshot if several else None
        for setting, group in passes.items():
            with setting.surroundings():
                outcomes.update(_pass(setting, network, batch, group, seed))
            if snapshot is not None:
                snapshot.restore()
    return outcomes


def _pass(
    setting: Setting, network: Network, batch: Batch, group: Sequence[Observation], seed: int
) -> dict[Observation, Observed]:
    """Make the observations of one setting."""
    clock, running = Stopwatch(network.device), []
    try:
        view = setting.view(setting, network, batch, group, seed)
        prepared = clock.lap()
        running = [Running(each, view) for each in group]
        spent = view.drive(running)
    except BaseException as raised:
        error = setting.explained(as_error(raised), lambda: network.takes(*BatchInputs().shown(batch)))
        for each in running:
            each.fail(error)
        return {each: Observed(None, error, clock.lap()) for each in group}
    return {each.observation: each.outcome(prepared + spent.get(each, 0.0), view.detours) for each in running}


NoForward.view = Pass
