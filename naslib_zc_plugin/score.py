"""The one way a network becomes numbers: proxies share their observations, and each value gets a status."""

from __future__ import annotations

import logging
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Union

from naslib_zc_plugin.proxies import proxy
from naslib_zc_plugin.request import ProxyRequest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from naslib_zc_plugin.observe import Batch, Observation, Outcome, Setting
    from naslib_zc_plugin.record import Proxy

Asked = Union[str, ProxyRequest]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Score:
    """A proxy's value for a network, or why there is none.

    Attributes:
        value: the score (the mean over repeats); None unless the status is ``"ok"``. Always finite.
        status: ``"ok"``; ``"undefined"``: the score does not exist for this network and batch (no ReLU, a singular
            kernel, an infinite value …); ``"failed"``: computing it raised an error.
        reason: why there is no value; empty if there is one.
        seconds: own arithmetic and every pass that the proxy needed, in full, over all repeats. Proxies share passes,
            so the seconds of several proxies add up to more than the time that passed.
        spread: standard deviation over repeats (n − 1); None with a single one.
        name: the proxy's name.
        version: the proxy's version.
    """

    value: float | None
    status: str
    reason: str
    seconds: float
    spread: float | None
    name: str
    version: int


def score(
    net: nn.Module,
    batch: Any,
    proxies: Asked | Iterable[Asked],
    seed: int = 0,
    loss: Callable[[Any, Any], Tensor] | None = None,
    logits: None | int | str | Callable[[Any], Tensor] = None,
    repeats: int = 1,
) -> dict[str, Score]:
    """Score a network without training it.

    The network is scored in train mode with the parameters that it holds (proxies that define their own weights use
    substituted ones), on its own device and in its own precision. Afterwards it is bitwise what it was, and so are
    all global random states. Hooks of its own run once per pass.

    Args:
        net: any module.
        batch: (x, y), or an iterable of such pairs (a DataLoader) of which the first is taken. x is a tensor, a
            mapping (keyword arguments) or a list (positional arguments) of tensors with the batch first; y may be
            None where no asked proxy needs labels.
        proxies: names, or proxies with options as :func:`naslib_zc_plugin.proxy` makes them.
        seed: everything drawn depends on it and on what is drawn, never on which other proxies are asked for.
        loss: function (output, y) → scalar; cross-entropy, mean over the batch, by default. Called with single
            samples, too.
        logits: which of several returned tensors are the logits: position, key, or function of the output.
        repeats: how often to score, each time with another seed; ``value`` is the mean.

    Returns:
        Scores by name, or by label where one was given, in the order asked.

    Raises:
        ValueError: no such proxy, a label used twice, labels missing or not as many as samples, or repeats < 1.
        TypeError: an option that a proxy does not have, or a batch that is none.

    Errors of the network or of a proxy raise nothing: they are the scores' reasons. Their tracebacks are logged (level
    debug, logger ``naslib_zc_plugin``).
    """
    from naslib_zc_plugin.observe import Network, Refused, borrowed, observe
    from naslib_zc_plugin.observe.seeding import derived_seed
    from naslib_zc_plugin.observe.snapshot import Snapshot
    from naslib_zc_plugin.proxies._registry import load

    asked = _requests(proxies)
    records = {label: load(request.name) for label, request in asked.items()}
    needs = {label: records[label].observations(request.options) for label, request in asked.items()}
    shown = _batch(batch, loss)
    _check_labels(shown, [label for label in asked if any(observation.labels for observation in needs[label])])
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, not {repeats}")
    trials: dict[str, list[Score]] = {label: [] for label in asked}
    runs = any(seen.under.runs for label in asked for seen in needs[label])
    try:
        with borrowed(net, runs) as module:
            network = Network(module, logits)
            shown = shown.to(network.device, network.dtype)
            fresh = Snapshot(module) if repeats > 1 and runs else None
            for repeat in range(repeats):
                repeat_seed = derived_seed(seed, repeat) if repeat else seed
                outcomes = observe(network, shown, [seen for label in asked for seen in needs[label]], repeat_seed)
                for label, request in asked.items():
                    seen = {observation: outcomes[observation] for observation in needs[label]}
                    trials[label].append(_evaluate(records[label], request, seen))
                if fresh is not None:
                    fresh.restore()
    except Refused as error:
        return {label: _judged(None, error, 0.0, records[label]) for label in asked}
    return {label: _combined(found) for label, found in trials.items()}


def _requests(asked: Asked | Iterable[Asked]) -> dict[str, ProxyRequest]:
    items = [asked] if isinstance(asked, (str, ProxyRequest)) else list(asked)
    requests: dict[str, ProxyRequest] = {}
    for item in items:
        request = item if isinstance(item, ProxyRequest) else proxy(item)
        if request.label in requests:
            raise ValueError(
                f"{request.label!r} is asked for twice: give one a label, zc.proxy({request.name!r}, label=...)"
            )
        requests[request.label] = request
    return requests


def _batch(batch: Any, loss: Callable[[Any, Any], Tensor] | None) -> Batch:
    from torch import Tensor

    from naslib_zc_plugin.observe.batch import Batch, tensors
    from naslib_zc_plugin.observe.borrow import kept_random_states

    if not isinstance(batch, (tuple, list, Tensor, dict)) and hasattr(batch, "__iter__"):
        with kept_random_states():  # a DataLoader draws a seed for its workers
            batch = next(iter(batch), None)
    if not isinstance(batch, (tuple, list)) or len(batch) != 2 or not tensors(batch[0]):
        raise TypeError(
            "batch must be a pair (x, y) of tensors, y None where no labels are needed, or a DataLoader of such pairs"
        )
    shown = Batch(batch[0], batch[1], loss)
    lengths = {len(tensor) for tensor in tensors(batch[0])}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(
            f"the inputs have {sorted(lengths)} samples: all tensors need the same first dimension, at least 1"
        )
    return shown


def _check_labels(batch: Batch, users: Sequence[str]) -> None:
    from naslib_zc_plugin.observe.batch import tensors

    labels = tensors(batch.labels)
    if users and not labels:
        raise ValueError(f"labels are needed by {', '.join(users)}: pass batch=(x, y)")
    if any(len(tensor) != batch.size for tensor in labels if tensor.ndim):
        raise ValueError(f"{batch.size} samples, but labels of shape {', '.join(str(tuple(t.shape)) for t in labels)}")


def _evaluate(record: Proxy, request: ProxyRequest, seen: Mapping[Observation, Outcome]) -> Score:
    import torch

    from naslib_zc_plugin.observe.clock import Stopwatch

    clock = Stopwatch(torch.device("cpu"))
    value, error = None, next((outcome.error for outcome in seen.values() if outcome.error is not None), None)
    if error is None:
        try:
            value = float(record(*(outcome.value for outcome in seen.values()), **request.options))
        except Exception as raised:
            logger.debug("%s failed", request.label, exc_info=raised)
            error = raised.with_traceback(None)
    # Observations of one setting share its pass: the dearest one's time holds it in full.
    passes: dict[Setting, float] = {}
    for observation, outcome in seen.items():
        passes[observation.under] = max(outcome.seconds, passes.get(observation.under, 0.0))
    seconds = clock.lap() + sum(passes.values())
    return _judged(value, error, seconds, record)


def _judged(value: float | None, error: Exception | None, seconds: float, record: Proxy) -> Score:
    from naslib_zc_plugin.observe import Undefined

    status, reason = "ok", ""
    if isinstance(error, Undefined):
        status, reason = "undefined", str(error)
    elif error is not None:
        status, reason = "failed", f"{type(error).__name__}: {error}"
    elif value is not None and not math.isfinite(value):
        status, reason = "undefined", f"the value is {value}"
    return Score(value if status == "ok" else None, status, reason, seconds, None, record.name, record.version)


def _combined(trials: Sequence[Score]) -> Score:
    """One score from the repeats: mean and spread, or the first reason why one has no value."""
    first = trials[0]
    if len(trials) == 1:
        return first
    seconds = sum(trial.seconds for trial in trials)
    values = [trial.value for trial in trials if trial.value is not None]
    if len(values) == len(trials):
        return Score(statistics.fmean(values), "ok", "", seconds, statistics.stdev(values), first.name, first.version)
    worst = next((trial for trial in trials if trial.status == "failed"), next(t for t in trials if t.value is None))
    reason = f"{len(trials) - len(values)} of {len(trials)} repeats: {worst.reason}"
    return Score(None, worst.status, reason, seconds, None, first.name, first.version)
