"""The score of a study's networks, by a proxy, an aggregate or a function, and the random sample it is compared with.

An aggregate, such as ``"recommended"``, is a rank in that sample, and :func:`.pruning.prune` compares with it. It is
drawn once for a study and a proxy, uniformly from what ``build`` asks for, and kept in a reserved study.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Union
from weakref import WeakKeyDictionary

from optuna import Study
from optuna.storages import BaseStorage

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.hosts._scoring import JoinedProxies, NamedProxy, first_batch, proxy_fitness
from naslib_zc_plugin.hosts.optuna.candidates import Build, CandidateTrial, at_random, network
from naslib_zc_plugin.hosts.optuna.reserved import PROGRESS, once
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.scoring import Score, score
from naslib_zc_plugin.strategies import AllFailed, NoScore

if TYPE_CHECKING:
    from torch import nn

Proxy = Union[NamedProxy, Callable[["nn.Module"], float]]
PREFIX = "zc_"
BY = "zc_by"
CONTROL = "control"
"""What :data:`BY` says of a trial that was chosen without the score, and scored."""
REASON = "zc_reason"
PRUNED = "zc_pruned"
"""User attributes of trials: the score's name begins with the first; who chose it, why it has no score, the proxy by
which it was pruned."""
logger = logging.getLogger("optuna.zero_cost")  # shown where Optuna shows its own lines


class Judge:
    """Scores networks, higher better.

    Args:
        proxy: name; a mapping with ``name`` and the proxy's options; what :func:`naslib_zc_plugin.proxy` makes; an
            aggregate's name, such as ``"recommended"``; or a function of a network, higher is better.
        batch: inputs and labels, inputs alone, or a DataLoader, whose first batch is taken once.
        seed: of weights and draws.
        sample: number of networks in the fixed sample.
        loss, logits: as for :func:`naslib_zc_plugin.score`.

    Attributes:
        label: the proxy's name.
        is_rank: whether the score is a rank in a sample.
        attribute: the user attribute that holds the score.

    Raises:
        ValueError: the proxy is unknown, or has no batch.
        TypeError: the proxy has no such option.
    """

    def __init__(
        self, proxy: Proxy, batch: Any = None, *, seed: int = 0, sample: int = SAMPLE, loss: Any = None,
        logits: Any = None,
    ) -> None:  # fmt: skip
        self.seed, self.sample, self._proxy = seed, sample, proxy
        self._function = proxy_fitness(proxy) if callable(proxy) else None
        joined = self.joined()
        self.label = joined.label if joined else str(getattr(proxy, "__name__", type(proxy).__name__))
        self.is_rank = joined is not None and joined.aggregate is not None
        if joined and batch is None:
            raise ValueError(f"{self.label} needs batch=: inputs and labels, inputs alone, or a DataLoader")
        self._batch, self._more = None if batch is None else _first_once(batch), {"loss": loss, "logits": logits}
        self._alone = joined
        self.attribute = PREFIX + self.label

    def joined(self) -> JoinedProxies | None:
        """Return what joins the proxies' scores, with a sample of its own; None for a function."""
        if self._function is not None:
            return None
        asked: Any = self._proxy
        return JoinedProxies(asked, self.sample)

    def settings(self) -> dict[str, Any]:
        """Return what a kept sample depends on, as values that JSON knows."""
        asked = [f"{each.name} {each.options}" for each in self._alone.requests] if self._alone else [self.label]
        return {"proxies": asked, "sample": self.sample, "seed": self.seed}

    def fitness(self, net: nn.Module, kept: Sample | None = None) -> float:
        """Return the score of a network.

        Args:
            net: the network, left as it is.
            kept: the sample in which an aggregate ranks it.

        Raises:
            NoScore: there is none.
        """
        return self.joined_fitness(self.scores(net), None if kept is None else kept.joined)

    def scores(self, net: nn.Module) -> dict[str, Score] | float:
        """Return the scores of a network by the proxies' labels; a function's number.

        Raises:
            NoScore: the function gives none.
        """
        if self._function is not None:
            return self._function(net)
        assert self._alone is not None
        asked, weights = self._alone.requests, self._alone.weights
        return score(net, self._batch, asked, seed=self.seed, weights=weights, **self._more)

    def joined_fitness(self, found: Mapping[str, Score] | float, joined: JoinedProxies | None = None) -> float:
        """Return the number of a network's scores, higher better.

        Raises:
            NoScore: there is none.
        """
        if isinstance(found, (int, float)):
            return float(found)
        joined = joined or self._alone
        assert joined is not None
        return joined.fitness(joined.joined(found, _no_sample))


_FIRST: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _first_once(batch: Any) -> Any:
    """Return a batch as it is, or the first of a DataLoader, the same one every time: it may shuffle."""
    if isinstance(batch, (tuple, list, Mapping)) or hasattr(batch, "shape"):
        return first_batch(batch)
    if batch not in _FIRST:
        _FIRST[batch] = first_batch(batch)
    return _FIRST[batch]


def _no_sample(count: int) -> Iterable[Mapping[str, Score]]:
    raise AssertionError("an aggregate ranks in a kept sample")


class Sample:
    """What the proxy says of a fixed random sample of the networks that a study's ``build`` makes.

    Attributes:
        joined: ranks a network in it; None for a function.
        values: the sample's own scores, ascending, −∞ where they are undefined.
    """

    def __init__(self, judge: Judge, kept: Mapping[str, Any]) -> None:
        self.joined = judge.joined()
        if self.joined is not None:
            self.joined.load_state_dict(kept["reference"])
        self.values = sorted(-math.inf if value is None else float(value) for value in kept["values"])

    def bound(self, keep: float) -> float:
        """Return the score that the best share ``keep`` of the sample has, at least one network."""
        return self.values[-max(1, math.ceil(keep * len(self.values) - 1e-9))]  # .1 of 30 is a little more than 3


_SAMPLES: WeakKeyDictionary[BaseStorage, dict[tuple[int, str, str], Sample]] = WeakKeyDictionary()


def sample_of(study: Study, judge: Judge, build: Build | None) -> Sample:
    """Return the sample of a study, drawn and scored by the first that asks for it.

    Raises:
        ValueError: there is none yet and no ``build`` to draw it by, or it was made with other settings.
        AllFailed: no network of it has a score.
    """
    known = _SAMPLES.setdefault(study._storage, {})
    place = study._study_id, judge.label, str(judge.settings())
    if place not in known:
        made = once(study, f"sample {judge.label}", judge.settings(), lambda scratch, _: _draw(scratch, judge, build))
        known[place] = Sample(judge, made.user_attrs["sample"])
    return known[place]


def _draw(scratch: Study, judge: Judge, build: Build | None) -> None:
    if build is None:
        raise ValueError(
            f"{judge.label} is compared with a random sample of the study's networks, and there is none yet: give "
            "build=, the function that makes a network of a trial, or use ProxySampler, which has it"
        )
    found: list[Mapping[str, Score] | float | NoScore] = []
    for place in range(judge.sample):
        trial = CandidateTrial(at_random(derived_seed(judge.seed, "sample", str(place)) % 2**32))
        try:
            found.append(judge.scores(network(build, trial, judge.seed)))
        except NoScore as error:
            found.append(error)
        scratch.set_user_attr(PROGRESS, place)
    joined = judge.joined()
    scored = [each for each in found if isinstance(each, Mapping)]
    if joined is not None and scored:
        try:
            joined.joined(scored[0], lambda count: scored)  # makes an aggregate's reference
        except NoScore as error:
            raise AllFailed(f"{error}. Mend that, or take another proxy") from error
    values: list[float | None] = []
    failures: list[NoScore] = []
    for each in found:
        try:
            if isinstance(each, NoScore):
                raise each
            values.append(judge.joined_fitness(each, joined))
        except NoScore as error:
            failures.append(error)
            if not error.failed:
                values.append(None)
    if all(value is None for value in values):
        raise AllFailed(f"{judge.label} scores none of {judge.sample} random networks: {failures[0]}")
    if failures:
        logger.warning("%s scores %d of %d random networks; the first without a score: %s", judge.label,
                       judge.sample - len(failures), judge.sample, failures[0])  # fmt: skip
    kept = {"reference": joined.state_dict() if joined else None, "values": values}
    scratch.set_user_attr("sample", kept)
