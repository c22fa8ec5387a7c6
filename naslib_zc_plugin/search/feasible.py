"""The part of a search space that is within limits: drawn, mutated and listed without what is beyond them.

What limits look at is known without training; so it filters before a proxy ranks anything and before anything is
trained, for every strategy alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.constraints import HERE, TABLE, Known, Limit, broken
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.search.evaluators.proxy import LiveScores, SearchScores
from naslib_zc_plugin.strategies import SearchSpace, Seed

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import SearchConfig

Value = Callable[[Limit, str], Known]
"""The value of an architecture, given by its key, that a limit looks at."""

DRAWS = 10_000
"""Random draws after which a space counts as empty, where values stand in tables."""
LIVE_DRAWS = 1_000
"""The same where a value is computed from a network."""
_SAMPLE, _TIMED_SAMPLE = 100, 20  # random architectures whose share within the limits stands for the space's; if timed
_COUNTED = 100_000  # in spaces up to this size all architectures are looked at, where values stand in tables
_CHANGES = 100  # mutations after which a random architecture takes the place of a child
_NORMAL = 1.959964  # 97.5 % of the normal distribution


class Infeasible(ValueError):
    """No architecture was found that is within the limits; the message names them, and what came nearest."""


@dataclass(frozen=True)
class Share:
    """The part of a space that is within limits.

    Attributes:
        inside: architectures within the limits.
        seen: of so many.
        all: whether these are the whole space, or random draws.
    """

    inside: int
    seen: int
    all: bool

    def __str__(self) -> str:
        """Return it as text; of draws with the 95 % interval of Wilson's score."""
        share = self.inside / self.seen
        if self.all:
            return f"{self.inside:,} of {self.seen:,} architectures ({share:.1%})"
        z = _NORMAL**2 / self.seen
        middle, half = (share + z / 2) / (1 + z), math.sqrt(z * share * (1 - share) + z**2 / 4) / (1 + z)
        return (
            f"{self.inside:,} of {self.seen:,} random architectures ({share:.1%} "
            f"[{max(0.0, middle - half):.1%}, {min(1.0, middle + half):.1%}])"
        )


class FeasibleSpace:
    """A search space without the architectures that are beyond limits.

    Random draws are those of the whole space among which the others are left out, so that what is left keeps its
    distribution. A mutation is drawn again until it is within the limits, at most a hundred times; then a random
    architecture takes its place. An architecture without such a neighbour is its own.

    Args:
        whole: the space.
        limits: at least one.
        value: returns the value of a key that a limit looks at; each is asked for once.
        computed: whether values are computed from networks, and not looked up.
        seed: of the draws that say how much of the space is within the limits.

    Attributes:
        whole: the space.

    >>> from naslib_zc_plugin.constraints import limits_of
    >>> from naslib_zc_plugin.spaces import space
    >>> limits = limits_of({"params": "<= 2"})
    >>> small = FeasibleSpace(space("nats_sss"), limits, lambda limit, key: Known.exactly(key.count("64")))
    >>> small.sample(Random(1)).count("64") <= 2, str(small.share)
    (True, '32,242 of 32,768 architectures (98.4%)')
    """

    def __init__(
        self, whole: SearchSpace, limits: Sequence[Limit], value: Value, computed: bool = False, seed: Seed = 0
    ) -> None:
        self.whole, self._limits, self._value = whole, limits, value
        self._computed, self._seed = computed, seed
        self._broken: dict[str, str] = {}
        self._values: dict[str, list[Known]] = {limit.label: [] for limit in limits}

    def beyond(self, key: str) -> str:
        """Return the limit that an architecture is beyond, as text; empty where it is within all."""
        if key not in self._broken:
            self._broken[key] = broken(self._limits, lambda limit: self._known(limit, key))
        return self._broken[key]

    def _known(self, limit: Limit, key: str) -> Known:
        found = self._value(limit, key)
        self._values[limit.label].append(found)
        return found

    @cached_property
    def share(self) -> Share:
        """How much of the space is within the limits: all of a small space of tables, or random draws.

        Raises:
            Infeasible: nothing is.
        """
        keys = [] if self._computed else _every(self.whole)
        if keys:
            inside = sum(not self.beyond(key) for key in keys)
            found = Share(inside, len(keys), all=True)
        else:
            rng, inside, seen = Random(f"{self._seed} feasible"), 0, 0
            least = _TIMED_SAMPLE if any(limit.name == HERE for limit in self._limits) else _SAMPLE
            while seen < least or (not inside and seen < self._most):
                inside += not self.beyond(self.whole.sample(rng))
                seen += 1
            found = Share(inside, seen, all=False)
        if not found.inside:
            raise Infeasible(self._nothing(found))
        return found

    @property
    def _most(self) -> int:
        return LIVE_DRAWS if self._computed else DRAWS

    def _nothing(self, found: Share) -> str:
        """Return why nothing is within the limits, and what came nearest."""
        nearest = []
        for limit in self._limits:
            values = self._values[limit.label]
            known = [value for value in values if value.low is not None and value.high is not None]
            if not known:
                reason = values[0].reason if values else "nothing is within the others"
                nearest.append(f"{limit}: not known of any ({reason})")
                continue
            lows, highs = [cast(float, each.low) for each in known], [cast(float, each.high) for each in known]
            inside = sum(limit.allows(each) for each in known)
            nearest.append(f"{limit}: {inside:,} of {len(known):,}, found from {min(lows):.6g} to {max(highs):.6g}")
        what = "" if found.all else "random "
        return (
            f"none of {found.seen:,} {what}architectures is within the limits ({'; '.join(nearest)}): give wider ones"
        )

    @property
    def size(self) -> int | None:
        """Number of architectures within the limits; None where it was not counted."""
        return self.share.inside if self.share.all else None

    def sample(self, rng: Random) -> str:
        """Return a random key within the limits.

        Raises:
            Infeasible: none was found in so many draws.
        """
        for _ in range(self._most):
            key = self.whole.sample(rng)
            if not self.beyond(key):
                return key
        raise Infeasible(f"{self._most:,} draws gave no architecture within the limits: give wider ones")

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """Change a key as in the whole space until it is within the limits, or draw a random one."""
        for _ in range(_CHANGES):
            changed = self.whole.mutate(key, rng, rule) if rule else self.whole.mutate(key, rng)
            if not self.beyond(changed):
                return changed
        return self.sample(rng)

    def neighbours(self, key: str) -> list[str]:
        """Return the neighbours in the whole space that are within the limits; the key itself where none is."""
        return [each for each in self.whole.neighbours(key) if not self.beyond(each)] or [key]

    def notes(self) -> list[str]:
        """Return lines about the limits, and how much of the space is within them."""
        here = ["a latency that is measured is beyond a limit where its whole 95 % interval is"]
        return [
            f"limits: {', '.join(map(str, self._limits))}; {self.share} are within them, and nothing else is scored or "
            "evaluated; finding out is not charged",
            *(here if any(limit.name == HERE for limit in self._limits) else []),
        ]


def _every(space: Any) -> Sequence[str]:
    """Return all keys of a space that is small enough; none of any other."""
    size = getattr(space, "size", None)
    return [] if size is None or size > _COUNTED else [space.key(index) for index in range(size)]


def feasible(
    whole: SearchSpace,
    limits: Sequence[Limit],
    config: SearchConfig,
    scores: SearchScores | None,
    data: str | Path | None,
) -> FeasibleSpace:
    """Return the part of a search's space that is within limits, whose values its scores and tables have.

    Raises:
        ValueError, DataError: as :func:`values_of`.
    """
    value = values_of(limits, config, scores, data)
    computed = isinstance(scores, LiveScores) and any(limit.name != TABLE for limit in limits)
    return FeasibleSpace(whole, limits, value, computed, config.seed)


def values_of(
    limits: Sequence[Limit], config: SearchConfig, scores: SearchScores | None, data: str | Path | None
) -> Value:
    """Return the values that limits look at, from a search's scores and tables.

    Raises:
        ValueError: a limit whose values nothing has.
        DataError: a table of latencies that cannot be read.
    """
    tables: dict[str, dict[str, float]] = {}
    for limit in limits:
        if limit.name == TABLE:
            if config.space != "nasbench201":
                raise ValueError(
                    f"{limit}: there is a table of latencies of nasbench201 alone, not of {config.space}; {HERE} "
                    "measures them"
                )
            dataset, device = limit.settings.get("dataset", "cifar10"), limit.settings["device"]
            tables[limit.label] = benchmark(config.space, data).column(f"{dataset}_{device}_latency_ms")
        elif limit.name == HERE and not isinstance(scores, LiveScores):
            raise ValueError(f"{limit}: networks to be measured are made from images and preset, given under scores")

    def value(limit: Limit, key: str) -> Known:
        if limit.name == TABLE:
            return Known.exactly(tables[limit.label].get(key), "the table has none")
        assert scores is not None  # limits on proxies are among the proxies that scores are loaded for
        if limit.request is None:
            assert isinstance(scores, LiveScores)
            return scores.latency(limit, key)
        found = scores(limit.label, key)
        sign = 1 if describe(limit.request.name).higher_is_better else -1
        return Known.exactly(None if found.fitness is None else sign * found.fitness, found.reason)

    return value
