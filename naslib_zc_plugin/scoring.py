"""The one way a network becomes numbers: proxies share their observations, and each value gets a status."""

from __future__ import annotations

import logging
import math
import operator
import statistics
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Union

from naslib_zc_plugin.proxies import PROXIES, canonical
from naslib_zc_plugin.record import Proxy, ProxyRequest
from naslib_zc_plugin.text_table import TextTable, table_html, table_text

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
        detours: what was done otherwise than usual because an error barred the usual way (samples run one by one),
            with the error. The value is the same but for rounding.
        applies: False where it is undefined because the definition does not cover the network or the batch (no such
            layers, no labels), so that nothing follows of how good the network is.
    """

    value: float | None
    status: str
    reason: str
    seconds: float
    spread: float | None
    name: str
    version: int
    detours: tuple[str, ...] = ()
    applies: bool = True


class Scores(dict[str, Score]):
    """Scores of one network by label; printed, and in notebooks, they are a table."""

    def table(self) -> TextTable:
        """Return the scores as a table, with a line for each."""
        columns: dict[str, Callable[[Score], str]] = {
            "score": lambda found: "–" if found.value is None else f"{found.value:.6g}",
            "spread": lambda found: "–" if found.spread is None else f"{found.spread:.2g}",
            "status": lambda found: found.status,
            "seconds": lambda found: f"{found.seconds:.3f}",
            "reason": lambda found: found.reason,
        }
        empty = {
            "spread": all(found.spread is None for found in self.values()),
            "reason": not any(found.reason for found in self.values()),
        }
        shown = {name: cell for name, cell in columns.items() if not empty.get(name)}
        body = [[label, *(cell(found) for cell in shown.values())] for label, found in self.items()]
        return TextTable("", ["proxy", *shown], body, ["status", "reason"])

    def __str__(self) -> str:
        """Return the table as text."""
        return table_text(self.table()).rstrip()

    def _repr_html_(self) -> str:
        return table_html(self.table())


def score(
    net: nn.Module,
    batch: Any,
    proxies: Asked | Iterable[Asked],
    seed: int = 0,
    loss: Callable[[Any, Any], Tensor] | None = None,
    logits: None | int | str | Callable[[Any], Tensor] = None,
    repeats: int = 1,
    weights: str = "given",
) -> Scores:
    """Score a network without training it.

    The network is scored in train mode with the parameters that it holds (proxies that define their own weights use
    substituted ones), on its own device and in its own precision. Afterwards it is bitwise what it was, and so are
    all global random states, its own generators, and objects that it holds. Hooks of its own run once per pass; what
    they keep stays.

    Args:
        net: any module.
        batch: (x, y), or an iterable of such pairs (a DataLoader) of which the first is taken. x is a tensor, a
            mapping (keyword arguments) or a list (positional arguments) of tensors with the batch first; y may be
            None where no asked proxy needs labels. A tensor or a mapping by itself is x without labels: proxies that
            need some are undefined.
        proxies: names, or proxies with options as :func:`naslib_zc_plugin.proxy` makes them.
        seed: all draws depend on it and on their names, never on the other proxies of the call.
        loss: function (output, y) → scalar; cross-entropy, mean over the batch, by default. Called with single
            samples, too.
        logits: which of several returned tensors are the logits: position, key, or function of the output.
        repeats: how often to score, each time with another seed; ``value`` is the mean.
        weights: ``"given"``: those that the network holds; ``"fresh"``: drawn anew by the seed, for all proxies
            together, as torch's layers draw them when they are made, so that trained and new networks compare
            (:func:`~naslib_zc_plugin.passes.with_fresh_weights`).

    Returns:
        Scores by label, in the order asked: a proxy's label is its name as it was spelled, unless it was given another.
        ``print`` shows them as a table.

    Raises:
        ValueError: no such proxy, a label used twice, labels None or not as many as samples, a tensor without
            dimensions among the inputs, a DataLoader that gives no batch, repeats < 1, or other weights.
        TypeError: an argument of another kind, an option that a proxy does not have, or a batch that is none.

    Errors of the network or of a proxy raise nothing: they are the scores' reasons. Their tracebacks are logged (level
    debug, logger ``naslib_zc_plugin``). Where one error is the reason of all scores, it is warned of.

    Random states and some of torch's switches belong to the whole process: threads that score wait for each other, and
    while one does, no other should draw from the global generators. An interrupt (Ctrl-C) leaves the network whole.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    >>> scores = score(net, (torch.randn(4, 3, 2, 2), None), ["params", "nwot"])
    >>> scores["params"].value, scores["nwot"].name
    (77.0, 'naswot')
    """
    _check_kinds(net, loss, logits)
    seed, repeats = _integer("seed", seed), _integer("repeats", repeats)
    asked = {label: _Planned.of(request) for label, request in proxy_requests(proxies).items()}
    shown, labelled = taken_batch(batch, loss)
    users = [label for label, each in asked.items() if any(seen.labels for seen in each.needs)]
    _check_labels(shown, users if labelled else ())
    if not labelled:
        asked.update({label: asked[label].without_labels() for label in users})
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, not {repeats}")
    if weights not in ("given", "fresh"):
        raise ValueError(f"weights must be 'given' or 'fresh', not {weights!r}")
    first = {label: next(one for one, other in asked.items() if other.same(each)) for label, each in asked.items()}
    distinct = {label: asked[label] for label in first.values()}
    trials = _trials(distinct, net, shown, logits, seed, repeats, weights == "fresh")
    scores = Scores({label: combined(trials[one]) for label, one in first.items()})
    reasons = {found.reason for found in scores.values()}
    if len(reasons) == 1 and all(found.status == "failed" for found in scores.values()):
        warnings.warn(
            f"nothing could be scored, for one error: {reasons.pop()}. Run net(...) on the batch, in train mode, and "
            "the loss, if you gave one, by hand; the traceback is in the log naslib_zc_plugin at the level debug",
            stacklevel=2,
        )
    return scores


def _trials(
    asked: Mapping[str, _Planned], net: nn.Module, batch: Batch, logits: Any, seed: int, repeats: int, fresh: bool
) -> dict[str, list[Score]]:
    """Return the scores of every repeat; errors, of whatever class, are in them."""
    from naslib_zc_plugin.passes import Network, Observed, isolated, observe, with_fresh_weights
    from naslib_zc_plugin.passes.engine import as_error
    from naslib_zc_plugin.passes.seeding import derived_seed

    wanted = [seen for each in asked.values() for seen in each.needs]
    trials: dict[str, list[Score]] = {label: [] for label in asked}
    runs = fresh or any(seen.setting.runs for seen in wanted)
    try:
        with isolated(net, runs, not all(map(_substitutes, wanted))) as module:
            network = Network(module, logits)
            batch = batch.to(network.device, network.dtype)
            before = network.snapshot if repeats > 1 and runs else None
            for repeat in range(repeats):
                repeat_seed = derived_seed(seed, repeat) if repeat else seed
                drawn = with_fresh_weights(network, repeat_seed) if fresh else network
                try:
                    outcomes = observe(drawn, batch, wanted, repeat_seed)
                except BaseException as raised:  # of a third party's setting, which serves several proxies
                    outcomes = dict.fromkeys(wanted, Observed(None, as_error(raised), 0.0))
                for label, found in trials.items():
                    found.append(asked[label].evaluate({seen: outcomes[seen] for seen in asked[label].needs}))
                if before is not None:
                    before.restore()
    except BaseException as raised:
        error = Observed(None, as_error(raised), 0.0).error
        return {label: [_judged(None, error, 0.0, each.record)] for label, each in asked.items()}
    return trials


def _substitutes(seen: Observation) -> bool:
    """Return whether an observation is this package's, whose passes write to no parameter of the network."""
    ours = {__name__.partition(".")[0], "builtins", "torch"}
    things = (seen.function, type(seen.setting), *map(type, vars(seen.setting).values()))
    return all(thing.__module__.partition(".")[0] in ours for thing in things)


# What is given --------------------


def _check_kinds(net: Any, loss: Any, logits: Any) -> None:
    from torch import nn

    if not isinstance(net, nn.Module):
        what = f"the class {net.__name__}: make one" if isinstance(net, type) else f"a {type(net).__name__}"
        raise TypeError(f"net must be a torch.nn.Module, not {what}")
    if loss is not None and not callable(loss):
        raise TypeError(f"loss must be a function of (output, y), not a {type(loss).__name__}")
    if not (logits is None or isinstance(logits, (int, str)) or callable(logits)):
        raise TypeError(f"logits must be a position, a key or a function of the output, not a {type(logits).__name__}")


def _integer(name: str, value: Any) -> int:
    try:
        return int(operator.index(value))
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None


def _taken(what: str, take: Callable[[], Any]) -> Any:
    """Return what a caller's iterable gives; its errors are the caller's to know, in words."""
    from naslib_zc_plugin.passes.engine import as_error, message

    try:
        return take()
    except BaseException as raised:
        error = as_error(raised)
        raise ValueError(f"{what}: {type(error).__name__}: {message(error)}") from error


def proxy_requests(asked: Asked | Iterable[Asked]) -> dict[str, ProxyRequest]:
    """Return the requests by label, names as the proxies have them; errors are those of :func:`score`."""
    items: Any = [asked] if isinstance(asked, (str, ProxyRequest)) else asked
    if not hasattr(type(items), "__iter__"):
        raise TypeError(f"proxies must be names, or what zc.proxy() makes, not {items!r}")
    if not isinstance(items, (list, tuple)):
        given = items
        items = _taken("the proxies cannot be listed", lambda: list(given))
    requests: dict[str, ProxyRequest] = {}
    for item in items:
        request = item if isinstance(item, ProxyRequest) else ProxyRequest(item)
        if not isinstance(request.name, str):
            raise TypeError(f"a proxy must be a name, or what zc.proxy() makes, not {request.name!r}")
        name, usual = canonical(request.name)
        if request.label in requests:
            raise ValueError(f"{request.label!r} is asked for twice: give one a label, zc.proxy({name!r}, label=...)")
        requests[request.label] = ProxyRequest(name, {**usual, **request.options}, request.label)
    return requests


def taken_batch(batch: Any, loss: Callable[[Any, Any], Tensor] | None = None) -> tuple[Batch, bool]:
    """Return the batch as passes take it, and whether it was given with labels (or None for them).

    Args:
        batch: as :func:`score` takes it; its errors are raised.
        loss: likewise.
    """
    from torch import Tensor

    from naslib_zc_plugin.passes.inputs import Batch, tensors
    from naslib_zc_plugin.passes.seeding import Turn, kept_random_states

    if not isinstance(batch, (tuple, list, Tensor, Mapping)) and hasattr(type(batch), "__iter__"):
        with Turn("states"), kept_random_states():  # a DataLoader draws a seed for its workers
            given = batch
            batch = _taken("no batch can be taken from what was given for it", lambda: next(iter(given), None))
    labelled = not isinstance(batch, (Tensor, Mapping))
    batch = batch if labelled else (batch, None)
    if not isinstance(batch, (tuple, list)) or len(batch) != 2 or not tensors(batch[0]):
        raise TypeError(
            "batch must be a pair (x, y) of tensors, y None where no labels are needed, x by itself, or a DataLoader "
            "of such"
        )
    inputs = tensors(batch[0])
    if not all(tensor.ndim for tensor in inputs):
        raise ValueError(
            "the inputs have a tensor without dimensions (a time step, say), and samples are also scored one by one: "
            "expand it to one value per sample, value.expand(len(x))"
        )
    lengths = {len(tensor) for tensor in inputs}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(
            f"the inputs have {sorted(lengths)} samples: all tensors need the same first dimension, at least 1"
        )
    if any(tensor.is_meta for tensor in (*inputs, *tensors(batch[1]))):
        raise ValueError("the batch is on the meta device, where it has no values: make it on the CPU or a GPU")
    return Batch(batch[0], batch[1], loss), labelled


def _check_labels(batch: Batch, users: Sequence[str]) -> None:
    from naslib_zc_plugin.passes.inputs import tensors

    labels = tensors(batch.labels)
    if users and batch.labels is not None and not labels:
        raise TypeError(f"labels must be tensors, not a {type(batch.labels).__name__}: torch.as_tensor(y) makes one")
    if users and not labels:
        raise ValueError(f"labels are needed by {', '.join(users)}: pass batch=(x, y)")
    if any(len(tensor) != batch.size for tensor in labels if tensor.ndim):
        raise ValueError(f"{batch.size} samples, but labels of shape {', '.join(str(tuple(t.shape)) for t in labels)}")


@dataclass(frozen=True)
class _Planned:
    """A request, the proxy's record, and the observations that it needs with the request's options, or an error."""

    request: ProxyRequest
    record: Proxy
    needs: Sequence[Observation]
    error: Exception | None = None

    @classmethod
    def of(cls, request: ProxyRequest) -> _Planned:
        """Look up the record and check the options."""
        from naslib_zc_plugin.passes.engine import as_error

        record = PROXIES.load(request.name)
        try:
            return cls(request, record, record.observations(request.options))
        except (TypeError, ValueError):
            raise
        except BaseException as raised:  # of a third party's function that chooses the observations
            return cls(request, record, (), as_error(raised))

    def without_labels(self) -> _Planned:
        """Return it for a batch of inputs alone."""
        from naslib_zc_plugin.passes import NotApplicable

        error = NotApplicable("labels are needed, and the batch has inputs alone: pass batch=(x, y)")
        return replace(self, needs=(), error=error)

    def same(self, other: _Planned) -> bool:
        """Return whether both ask for one number, whatever their labels."""
        return self.record is other.record and self.request.options == other.request.options

    def evaluate(self, seen: Mapping[Observation, Observed]) -> Score:
        """Compute the number from the observations."""
        import torch

        from naslib_zc_plugin.passes import Observed
        from naslib_zc_plugin.passes.engine import as_error
        from naslib_zc_plugin.passes.isolation import Stopwatch

        clock = Stopwatch(torch.device("cpu"))
        errors = (self.error, *(outcome.error for outcome in seen.values()))
        value, error = None, next((error for error in errors if error is not None), None)
        if error is None:
            try:
                value = float(self.record(*(outcome.value for outcome in seen.values()), **self.request.options))
            except BaseException as raised:
                error = Observed(None, as_error(raised), 0.0).error
        # Observations of one setting share its pass: the dearest one's time holds it in full.
        passes: dict[Setting, float] = {}
        for observation, outcome in seen.items():
            passes[observation.setting] = max(outcome.seconds, passes.get(observation.setting, 0.0))
        found = _judged(value, error, clock.lap() + sum(passes.values()), self.record)
        return replace(found, detours=tuple(dict.fromkeys(way for outcome in seen.values() for way in outcome.detours)))


def _judged(value: float | None, error: Exception | None, seconds: float, record: Proxy) -> Score:
    from naslib_zc_plugin.passes import NotApplicable, Undefined
    from naslib_zc_plugin.passes.engine import message

    applies = not isinstance(error, NotApplicable)
    status, reason = "ok", ""
    if isinstance(error, Undefined):
        status, reason = "undefined", message(error)
    elif error is not None:
        status, reason = "failed", f"{type(error).__name__}: {message(error)}"
    elif value is not None and not math.isfinite(value):
        status, reason = "undefined", f"the value is {value}"
    kept = value if status == "ok" else None
    return Score(kept, status, reason, seconds, None, record.name, record.version, applies=applies)


def combined(trials: Sequence[Score]) -> Score:
    """Return one score for repeats: mean and spread, or the first reason why one has no value."""
    first = trials[0]
    if len(trials) == 1:
        return first
    seconds = sum(trial.seconds for trial in trials)
    detours = tuple(dict.fromkeys(way for trial in trials for way in trial.detours))
    values = [trial.value for trial in trials if trial.value is not None]
    if len(values) == len(trials):
        mean, spread = statistics.fmean(values), statistics.stdev(values)
        return replace(first, value=mean, seconds=seconds, spread=spread, detours=detours)
    worst = next((trial for trial in trials if trial.status == "failed"), next(t for t in trials if t.value is None))
    reason = f"{len(trials) - len(values)} of {len(trials)} repeats: {worst.reason}"
    applies = worst.status == "failed" or all(trial.applies for trial in trials)
    return replace(worst, value=None, reason=reason, seconds=seconds, detours=detours, applies=applies)
