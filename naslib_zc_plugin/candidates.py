"""Candidates of a ranking: each built, described and scored under some draws of weights, and let go again.

What is known of a candidate is a :data:`Record`, plain values that a file can hold.
"""

from __future__ import annotations

import time
import warnings
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Union

from naslib_zc_plugin.constraints import Known, Limit, broken
from naslib_zc_plugin.latency import Busy, latency_here
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.scoring import Score, score

if TYPE_CHECKING:
    from torch import Tensor, nn

    from naslib_zc_plugin.passes import Batch

    Candidate = Union[nn.Module, Callable[[], nn.Module]]
    Candidates = Union[Mapping[str, Candidate], Iterable[tuple[str, Candidate]]]

Record = dict[str, Any]
"""``failed``: the reason why a candidate has no scores; or ``scores``: for each draw label → the fields of its
:class:`~.scoring.Score`, and ``layout`` (:func:`~.observations.modules.layout`; None: not known). And ``seconds``.
Where there are limits, ``known``: label → the ends of a value's interval; ``yardstick``: milliseconds of that of
:func:`~.latency.latency_here`."""

BEYOND = "beyond a limit: "
"""How the reason begins why a candidate that is not within the limits has no scores."""


def named(candidates: Candidates) -> Iterator[tuple[str, Candidate]]:
    """Yield name and candidate, one by one.

    Raises:
        TypeError: something else is given than names with modules or functions.
        ValueError: a name is there twice.
    """
    pairs = candidates.items() if isinstance(candidates, Mapping) else candidates
    if not hasattr(type(pairs), "__iter__"):
        raise TypeError(
            f"candidates must be a mapping from names to networks, or pairs of both, not a {type(candidates).__name__}"
        )
    seen: set[str] = set()
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise TypeError(f"a candidate must be a pair of its name and a network or a function, not {pair!r:.80}")
        name, candidate = pair
        if not callable(candidate):  # modules are
            raise TypeError(f"{name}: a network, or a function that builds it, not a {type(candidate).__name__}")
        if name in seen:
            raise ValueError(f"there are two candidates called {name!r}: give each a name of its own")
        seen.add(name)
        yield name, candidate


def stand_in(shape: Sequence[int] | None, example: Any, samples: int, seed: int) -> Any:
    """Return inputs of noise, for candidates that are ranked without data.

    Args:
        shape: of a sample of images or features, such as (3, 32, 32): N(0, 1) is drawn.
        example: instead of it an input that networks take, a tensor or a mapping, with the samples first: noise takes
            the place of real numbers, values that the tensor holds that of integers (tokens, masks).
        samples: how many.
        seed: of the draws.

    Raises:
        ValueError: not one of both is given, or the example is no such input.

    >>> stand_in((3, 8, 8), None, 2, 0).shape
    torch.Size([2, 3, 8, 8])
    """
    import torch

    from naslib_zc_plugin.passes.inputs import tensors, tree_map
    from naslib_zc_plugin.passes.seeding import derived_seed

    if (shape is None) == (example is None):
        raise ValueError(
            "there is no batch: give the shape of an input, such as shape=(3, 32, 32), or example=, an input by itself"
        )
    generator = torch.Generator("cpu").manual_seed(derived_seed(seed, "stand-in"))

    def drawn(like: Tensor) -> Tensor:
        size = (samples, *like.shape[1:])
        if like.is_floating_point():
            return torch.randn(size, generator=generator, dtype=torch.float32).to(like.dtype)
        held = like.detach().cpu().flatten()
        return held[torch.randint(len(held), size, generator=generator)]

    if example is None:
        return torch.randn((samples, *map(int, shape or ())), generator=generator)
    found = tensors(example)
    if not found or not all(each.ndim and each.numel() for each in found):
        raise ValueError("the example must be a tensor, or a mapping or sequence of tensors, with the samples first")
    return tree_map(drawn, dict(example) if isinstance(example, Mapping) else example)


@dataclass(frozen=True)
class Scoring:
    """How candidates are scored, all alike.

    Attributes:
        requests: the proxies.
        batch: (x, y), or x alone.
        seeds: of the draws of weights, one score each.
        weights: ``"fresh"`` or ``"given"``.
        loss: as for :func:`naslib_zc_plugin.score`.
        logits: likewise.
        limits: what a candidate must keep to be scored.
        yardstick: milliseconds of it that stand for the machine: one number, or none before the first measurement.
    """

    requests: Sequence[ProxyRequest]
    batch: Any
    seeds: Sequence[int]
    weights: str = "fresh"
    loss: Any = None
    logits: Any = None
    limits: Sequence[Limit] = ()
    yardstick: list[float] = field(default_factory=list, compare=False)

    def record(self, candidate: Candidate) -> Record:
        """Build a candidate, describe and score it if it is within the limits; its errors are in the record."""
        from naslib_zc_plugin.passes.engine import as_error, message

        start, what = time.perf_counter(), "it cannot be built: "
        made: Record
        known: Record = {}
        try:
            net = built(candidate, self.seeds[0])
            what = ""
            layout = self._layout(net)
            if layout is not None and layout["faults"]:
                made = {"failed": layout["faults"][0]}
            elif beyond := broken(self.limits, lambda limit: self._value(net, limit, known)):
                made = {"failed": f"{BEYOND}{beyond}"}
            else:
                made = {"scores": [self._scores(net, seed, self.requests) for seed in self.seeds], "layout": layout}
        except Busy:
            raise
        except BaseException as raised:
            error = as_error(raised)
            made = {"failed": f"{what}{type(error).__name__}: {message(error)}"}
        return {**made, **known, "seconds": time.perf_counter() - start}

    def _value(self, net: nn.Module, limit: Limit, record: Record) -> Known:
        """Return the value that a limit looks at, and put it into a record."""
        if limit.request:
            found = self._scores(net, self.seeds[0], [limit.request])[limit.label]
            known = Known.exactly(found["value"], found["reason"])
        else:
            inputs = self.batch[0] if isinstance(self.batch, tuple) else self.batch
            timed = latency_here(net, inputs, reference=next(iter(self.yardstick), None), **limit.settings)
            self.yardstick[:] = self.yardstick or [timed.yardstick]
            record["yardstick"] = self.yardstick[0]
            known = Known(timed.low, timed.high)
        record.setdefault("known", {})[limit.label] = [known.low, known.high]
        return known

    def _scores(self, net: nn.Module, seed: int, requests: Sequence[ProxyRequest]) -> dict[str, dict[str, Any]]:
        with warnings.catch_warnings():  # the record has the reason
            warnings.filterwarnings("ignore", "nothing could be scored")
            found = score(net, self.batch, requests, seed, self.loss, self.logits, weights=self.weights)
        return {label: asdict(each) for label, each in found.items()}

    def _layout(self, net: nn.Module) -> dict[str, list[str]] | None:
        from naslib_zc_plugin.observations.modules import layout
        from naslib_zc_plugin.passes import observe

        with self._isolated(net) as (network, batch):
            found = observe(network, batch, [layout()], self.seeds[0])[layout()]
        return None if found.error is not None else dict(found.value)

    def modules_read(self, candidate: Candidate) -> dict[str, list[str]]:
        """Return the names of the modules that each proxy reads of a candidate, in the network's order.

        A proxy that looks at inputs and outputs of the network alone reads ``""``, the network itself.

        Raises:
            ValueError: it cannot be built.
        """
        from naslib_zc_plugin.observations.modules import recording
        from naslib_zc_plugin.passes import observe
        from naslib_zc_plugin.proxies import PROXIES

        try:
            net = built(candidate, self.seeds[0])
        except Exception as error:
            raise ValueError(f"the network cannot be built: {error}") from error
        read: dict[str, list[str]] = {}
        with self._isolated(net) as (network, batch):
            names = [name for name, _ in network.module.named_modules()]
            for request in self.requests:
                found: set[str] = set()
                needs = PROXIES.load(request.name).observations(request.options)
                if not any(need.labels for need in needs) or batch.labels is not None:
                    observe(network, batch, [recording(need, found) for need in needs], self.seeds[0])
                read[request.label] = [name for name in names if name in found] or [""]
        return read

    @contextmanager
    def _isolated(self, net: nn.Module) -> Iterator[tuple[Any, Batch]]:
        from naslib_zc_plugin.passes import Network, isolated, with_fresh_weights
        from naslib_zc_plugin.scoring import taken_batch

        batch, _ = taken_batch(self.batch, self.loss)
        with isolated(net) as module:
            network = Network(module, self.logits)
            if self.weights == "fresh":
                network = with_fresh_weights(network, self.seeds[0])
            yield network, batch.to(network.device, network.dtype)


def built(candidate: Candidate, seed: int) -> nn.Module:
    """Return the network of a candidate; random states are afterwards as before.

    Raises:
        TypeError: the function returns none. Its own errors are raised as well.
    """
    from torch import nn

    from naslib_zc_plugin.passes.seeding import Turn, kept_random_states, seed_everything

    if isinstance(candidate, nn.Module):
        return candidate
    with Turn("states"), kept_random_states():
        seed_everything(seed, "candidate")
        net = candidate()
    if not isinstance(net, nn.Module):
        raise TypeError(f"the function returned a {type(net).__name__}, not a torch.nn.Module")
    return net


def kept(candidate: Candidate) -> Callable[[], Candidate]:
    """Return a function that gives a candidate again, and that keeps no network alive.

    Raises:
        ValueError: when it is called, the network is gone.
    """
    from torch import nn

    if not isinstance(candidate, nn.Module):
        return lambda: candidate
    there = weakref.ref(candidate)

    def again() -> Candidate:
        net = there()
        if net is None:
            raise ValueError("the network is gone: rank a mapping of networks, or functions that build them")
        return net

    return again


def scores_by_draw(record: Record) -> list[dict[str, Score]]:
    """Return the scores of a record, for each draw by label."""
    return [
        {label: Score(**{**each, "detours": tuple(each.get("detours", ()))}) for label, each in found.items()}
        for found in record["scores"]
    ]
