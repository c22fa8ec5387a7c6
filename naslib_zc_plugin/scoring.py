"""The one way a network becomes numbers: proxies share their observations, and each value gets a status."""

from __future__ import annotations

import logging
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Union

from naslib_zc_plugin.proxies import PROXIES, canonical
from naslib_zc_plugin.record import Proxy, ProxyRequest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from naslib_zc_plugin.passes import Batch, Observation, Observed, Setting

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
        seed: all draws depend on it and on their names, never on the other proxies of the call.
        loss: function (output, y) → scalar; cross-entropy, mean over the batch, by default. Called with single
            samples, too.
        logits: which of several returned tensors are the logits: position, key, or function of the output.
        repeats: how often to score, each time with another seed; ``value`` is the mean.

    Returns:
        Scores by label, in the order asked: a proxy's label is its name as it was spelled, unless it was given another.

    Raises:
        ValueError: no such proxy, a label used twice, labels missing or not as many as samples, or repeats < 1.
        TypeError: an option that a proxy does not have, or a batch that is none.

    Errors of the network or of a proxy raise nothing: they are the scores' reasons. Their tracebacks are logged (level
    debug, logger ``naslib_zc_plugin``).

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    >>> scores = score(net, (torch.randn(4, 3, 2, 2), None), ["params", "nwot"])
    >>> scores["params"].value, scores["nwot"].name
    (77.0, 'naswot')
    """
    from naslib_zc_plugin.passes import Network, Observed, UnsupportedModule, isolated, observe
    from naslib_zc_plugin.passes.isolation import Snapshot
    from naslib_zc_plugin.passes.seeding import derived_seed

    asked = {label: _Planned.of(request) for label, request in _requests(proxies).items()}
    shown = _batch(batch, loss)
    _check_labels(shown, [label for label, each in asked.items() if any(seen.labels for seen in each.needs)])
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, not {repeats}")
    first = {label: next(one for one, other in asked.items() if other.same(each)) for label, each in asked.items()}
    wanted = [seen for each in asked.values() for seen in each.needs]
    trials: dict[str, list[Score]] = {label: [] for label in first.values()}
    runs = any(seen.setting.runs for seen in wanted)
    try:
        with isolated(net, runs) as module:
            network = Network(module, logits)
            shown = shown.to(network.device, network.dtype)
            fresh = Snapshot(module) if repeats > 1 and runs else None
            for repeat in range(repeats):
                repeat_seed = derived_seed(seed, repeat) if repeat else seed
                try:
                    outcomes = observe(network, shown, wanted, repeat_seed)
                except Exception as error:  # of a third party's setting, which serves several proxies
                    outcomes = dict.fromkeys(wanted, Observed(None, error, 0.0))
                for label, found in trials.items():
                    found.append(asked[label].evaluate({seen: outcomes[seen] for seen in asked[label].needs}))
                if fresh is not None:
                    fresh.restore()
    except UnsupportedModule as error:
        return {label: _judged(None, error, 0.0, each.record) for label, each in asked.items()}
    return {label: _combined(trials[one]) for label, one in first.items()}


def _requests(asked: Asked | Iterable[Asked]) -> dict[str, ProxyRequest]:
    """Return the requests by label, names as the proxies have them."""
    items = [asked] if isinstance(asked, (str, ProxyRequest)) else list(asked)
    requests: dict[str, ProxyRequest] = {}
    for item in items:
        given = item if isinstance(item, ProxyRequest) else ProxyRequest(item)
        name, usual = canonical(given.name)
        if given.label in requests:
            raise ValueError(f"{given.label!r} is asked for twice: give one a label, zc.proxy({name!r}, label=...)")
        requests[given.label] = ProxyRequest(name, {**usual, **given.options}, given.label)
    return requests


def _batch(batch: Any, loss: Callable[[Any, Any], Tensor] | None) -> Batch:
    from torch import Tensor

    from naslib_zc_plugin.passes.inputs import Batch, tensors
    from naslib_zc_plugin.passes.seeding import kept_random_states

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
    from naslib_zc_plugin.passes.inputs import tensors

    labels = tensors(batch.labels)
    if users and not labels:
        raise ValueError(f"labels are needed by {', '.join(users)}: pass batch=(x, y)")
    if any(len(tensor) != batch.size for tensor in labels if tensor.ndim):
        raise ValueError(f"{batch.size} samples, but labels of shape {', '.join(str(tuple(t.shape)) for t in labels)}")


@dataclass(frozen=True)
class _Planned:
    """A request, the proxy's record, and the observations that it needs with the request's options."""

    request: ProxyRequest
    record: Proxy
    needs: Sequence[Observation]

    @classmethod
    def of(cls, request: ProxyRequest) -> _Planned:
        """Look up the record and check the options."""
        record = PROXIES.load(request.name)
        return cls(request, record, record.observations(request.options))

    def same(self, other: _Planned) -> bool:
        """Return whether both ask for one number, whatever their labels."""
        return self.record is other.record and self.request.options == other.request.options

    def evaluate(self, seen: Mapping[Observation, Observed]) -> Score:
        """Compute the number from the observations."""
        import torch

        from naslib_zc_plugin.passes.isolation import Stopwatch

        clock = Stopwatch(torch.device("cpu"))
        value, error = None, next((outcome.error for outcome in seen.values() if outcome.error is not None), None)
        if error is None:
            try:
                value = float(self.record(*(outcome.value for outcome in seen.values()), **self.request.options))
            except Exception as raised:
                logger.debug("%s failed", self.request.label, exc_info=raised)
                error = raised.with_traceback(None)
        # Observations of one setting share its pass: the dearest one's time holds it in full.
        passes: dict[Setting, float] = {}
        for observation, outcome in seen.items():
            passes[observation.setting] = max(outcome.seconds, passes.get(observation.setting, 0.0))
        return _judged(value, error, clock.lap() + sum(passes.values()), self.record)


def _judged(value: float | None, error: Exception | None, seconds: float, record: Proxy) -> Score:
    from naslib_zc_plugin.passes import Undefined

    status, reason = "ok", ""
    if isinstance(error, Undefined):
        status, reason = "undefined", str(error)
    elif error is not None:
        status, reason = "failed", f"{type(error).__name__}: {error}"
    elif value is not None and not math.isfinite(value):
        status, reason = "undefined", f"the value is {value}"
    return Score(value if status == "ok" else None, status, reason, seconds, None, record.name, record.version)


def _combined(trials: Sequence[Score]) -> Score:
    """Return one score for the repeats: mean and spread, or the first reason why one has no value."""
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
