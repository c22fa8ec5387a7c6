"""Proxies' scores, from tables of campaigns or computed when they are asked for; and a score as the fitness.

A strategy with a proxy gets its scores from here as well, with every evaluator. The score of an aggregate, such as
``recommended``, is the number of an architecture in a random sample of the space, which is drawn by the seed of the
scores; its members' scores are those of the table, or are kept in the journal, so that it is the same after a stop.
"""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.aggregates import SAMPLE, Aggregate, Reference, aggregate_named
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.constraints import Known, Limit, machine_of
from naslib_zc_plugin.latency import latency_here
from naslib_zc_plugin.search.journal import Journal, ProxyScore, scores_of
from naslib_zc_plugin.search.loop import Evaluation
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.embedded import is_embedded
from naslib_zc_plugin.strategies import SearchSpace
from naslib_zc_plugin.table import STATUSES, Column

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import ProxyConfig, SearchConfig

_DRAWS = 50  # for each architecture of a sample
_KEPT = ("preset", "images", "dataset", "builder", "software", "network", "seed", "threads", "device", "torch")
_PENDING = STATUSES[0]
_STORED = {_PENDING: "left"}  # the status in journals, which keep its first name


class ProxyEvaluator:
    """An evaluator with a proxy's score as the fitness, without training (Lightweight NAS, NASWOT's random search).

    An undefined score never wins. Each evaluation is charged, repeated ones as well.

    Args:
        config: the search.
        data: not used.
        scores: where the scores come from.
        proxy: the proxy.
    """

    metric_names = ()

    def __init__(
        self, config: SearchConfig, data: str | Path | None, scores: SearchScores, *, proxy: ProxyConfig
    ) -> None:
        self._scores, self._proxy = scores, proxy_label(proxy)
        self.costly = isinstance(scores, LiveScores)

    def __call__(self, key: str) -> Evaluation:
        """Return the score of a key."""
        found = self._scores(self._proxy, key)
        return Evaluation(found.fitness, found.seconds, found.reason)

    def provenance(self) -> dict[str, Any]:
        """Return the proxy; the search adds the provenance of the scores."""
        return {"proxy": self._proxy}

    def notes(self) -> list[str]:
        """Return a line about the fitness."""
        return [f"fitness: the score of {self._proxy}; nothing is trained, an evaluation is charged its seconds"]


EVALUATOR = ProxyEvaluator


def proxy_label(proxy: ProxyConfig) -> str:
    """Return the name of a proxy among the scores."""
    return proxy if isinstance(proxy, str) else str(proxy.get("label") or proxy.get("name"))


def load_scores(config: SearchConfig) -> SearchScores | None:
    """Return the scores that a search uses; None if it uses none.

    Raises:
        ValueError: their source is missing, or a table does not have them.
        DataError, StoreError: a table cannot be read.
    """
    wanted = config.proxies()
    if not wanted:
        return None
    given = config.scores.model_dump(exclude_unset=True)
    sample = given.pop("sample", config.scores.sample)
    if "table" in given and set(given) <= {"table", "seconds"}:
        tables = given["table"]
        return TableScores(tables, [proxy_label(each) for each in wanted], config.space, given.get("seconds"), sample)
    if not {"images", "preset"} <= set(given) or {"table", "seconds"} & set(given):
        raise ValueError(
            f"scores of {', '.join(map(proxy_label, wanted))}: give either table, or images and preset and perhaps "
            f"batch, network, seed, threads, device; found {', '.join(given) or 'nothing'}"
        )
    return LiveScores(Config(space=config.space, architectures="all", proxies=_different(wanted), **given), sample)


class SearchScores(ABC):
    """Scores of architectures by proxies and by aggregates.

    Args:
        proxies: labels of proxies, and names of aggregates.
        sample: number of architectures that an aggregate ranks in.
    """

    def __init__(self, proxies: Iterable[str], sample: int) -> None:
        named = ((proxy, self._aggregate(proxy)) for proxy in proxies)
        self._aggregates = {proxy: found for proxy, found in named if found is not None}
        self._sample_size = sample
        self._references: dict[str, tuple[Reference, float]] = {}

    def __call__(self, proxy: str, key: str) -> ProxyScore:
        """Return the score of a key by a proxy, or by an aggregate."""
        if proxy not in self._aggregates:
            return self._scores((proxy,), key)[proxy]
        reference, _ = self._reference(proxy)
        found = self._scores(self._aggregates[proxy].labels, key)
        value = reference.value({label: _known(score) for label, score in found.items()})
        seconds = self._charge([each.seconds for each in found.values()])
        if not math.isnan(value):
            return ProxyScore(value, "ok", "", seconds)
        label = next(label for label in reference.used if found[label].status not in ("ok", "undefined"))
        return ProxyScore(None, found[label].status, f"{label}: {found[label].reason}", seconds)

    def upfront(self, proxies: Iterable[str]) -> float:
        """Return the seconds that the samples of some proxies took, those that are aggregates."""
        return sum(self._reference(proxy)[1] for proxy in proxies if proxy in self._aggregates)

    def _joint(
        self, proxy: str, known: Mapping[str, Mapping[str, float | None]], keys: Sequence[str]
    ) -> dict[str, float]:
        """Return the scores of keys by an aggregate, of those that have one.

        Args:
            proxy: the aggregate.
            known: by label of a member the scores of keys, as a reference takes them.
            keys: the keys.
        """
        aggregate = self._aggregates[proxy]
        sample = self._sample(aggregate)
        if not all(key in known[label] for label in aggregate.labels for key in sample):
            return {}
        rows = {key: {label: known[label].get(key, math.nan) for label in aggregate.labels} for key in [*sample, *keys]}
        reference = Reference(aggregate, [rows[key] for key in sample])
        found = {key: reference.value(rows[key]) for key in keys}
        return {key: value for key, value in found.items() if not math.isnan(value)}

    def _aggregate(self, proxy: str) -> Aggregate | None:
        """Return the aggregate of a name; None where it is a proxy's."""
        return aggregate_named(proxy)

    def _reference(self, proxy: str) -> tuple[Reference, float]:
        if proxy not in self._references:
            aggregate = self._aggregates[proxy]
            found = [self._scores(aggregate.labels, key) for key in self._sample(aggregate)]
            known = [{label: _known(score) for label, score in each.items()} for each in found]
            seconds = sum(self._charge([each.seconds for each in scores.values()]) for scores in found)
            self._references[proxy] = Reference(aggregate, known), seconds
        return self._references[proxy]

    def _charge(self, seconds: Sequence[float]) -> float:
        """Return the seconds of an aggregate's score, given those of its members."""
        return sum(seconds)

    @abstractmethod
    def _scores(self, labels: Sequence[str], key: str) -> dict[str, ProxyScore]:
        """Return the scores of a key by proxies."""

    @abstractmethod
    def _sample(self, aggregate: Aggregate) -> Sequence[str]:
        """Return the keys that an aggregate ranks in."""

    @abstractmethod
    def known(self, proxy: str, keys: Iterable[str], store: str | Path) -> dict[str, float]:
        """Return the scores of keys by a proxy that are known without scoring, of those that have one."""

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Return everything that the scores depend on."""

    @abstractmethod
    def notes(self) -> list[str]:
        """Return notes for readers of the results."""


def _known(score: ProxyScore) -> float | None:
    """Return a member's score as a reference takes it."""
    return score.fitness if score.status == "ok" else None if score.status == "undefined" else math.nan


class TableScores(SearchScores):
    """Scores of campaigns.

    Args:
        paths: exports, stores or names of scores in the package; the first with a label is taken. Missing files are
            skipped if one exists, so that a small table can stand in for one that is not yet made.
        labels: of the proxies that are used.
        space: search space of the keys.
        seconds: charged for each score, such as a paper's number; the campaign's own seconds unless given.
        sample: number of architectures that an aggregate ranks in.

    Raises:
        ValueError: a label that no table has, or a table of another space.
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: Sequence[str],
        space: str,
        seconds: float | None = None,
        sample: int = SAMPLE,
    ) -> None:
        self._charged = seconds
        there = [path for path in paths if is_embedded(path) or Path(path).exists()]
        tables = [read_table(path) for path in there or paths]
        for table in tables:
            if table.facts.get("space") != space:
                raise ValueError(f"{table.name} has scores of {table.facts.get('space')}, not of {space}")
        self._columns: dict[str, Column] = {}
        self._rows: dict[str, dict[str, int]] = {}
        self._provenance: dict[str, Any] = {}
        columns = {column for each in tables for column in each.columns}
        super().__init__([label for label in labels if label not in columns], sample)
        aggregates = self._aggregates.items()
        plain = [label for label in labels if label not in self._aggregates]
        for name in dict.fromkeys([*plain, *(label for _, each in aggregates for label in each.labels)]):
            having = [each for each in tables if name in each.columns]
            if not having:
                known = ", ".join(sorted(columns))
                raise ValueError(f"no table has scores called {name!r}; there are {known}; --only leaves a search out")
            table = having[0]
            self._columns[name] = table[name]
            self._rows[name] = {key: row for row, key in enumerate(table.keys)}
            made = {part: table.facts[part] for part in _KEPT if part in table.facts}
            proxy = table.facts.get("proxies", {}).get(name)
            self._provenance[name] = {**made, "proxy": proxy, "scored": _counts(table[name])}
            if seconds is not None:
                self._provenance[name]["charged"] = seconds

    def _scores(self, labels: Sequence[str], key: str) -> dict[str, ProxyScore]:
        return {label: self._score(label, key) for label in labels}

    def _score(self, proxy: str, key: str) -> ProxyScore:
        column, row = self._columns[proxy], self._rows[proxy].get(key)
        if row is None:
            return ProxyScore(None, _PENDING, "the table does not have it", 0.0)
        status, seconds = STATUSES[column.status[row]], float(column.seconds[row])
        value = float(column.values[row]) * (1 if column.higher_is_better else -1)
        reason = "" if status == "ok" else f"{proxy} is {status} in the table"
        charged = self._charged if self._charged is not None else seconds if seconds == seconds else 0.0
        return ProxyScore(value if status == "ok" else None, status, reason, charged)

    def _charge(self, seconds: Sequence[float]) -> float:
        return sum(seconds) if self._charged is None else self._charged

    def _sample(self, aggregate: Aggregate) -> Sequence[str]:
        keys = self.scored_keys(aggregate.labels)
        return Random(f"{sorted(aggregate.labels)} sample").sample(keys, min(self._sample_size, len(keys)))

    def known(self, proxy: str, keys: Iterable[str], store: str | Path) -> dict[str, float]:
        """Return the scores of keys by a proxy, of those that have one."""
        found = {key: self(proxy, key).fitness for key in keys}
        return {key: fitness for key, fitness in found.items() if fitness is not None}

    def scored_keys(self, labels: Iterable[str] | None = None) -> list[str]:
        """Return the keys with a score in every column, or in some, be it undefined or failed."""
        found = [
            {key for key, row in self._rows[name].items() if STATUSES[self._columns[name].status[row]] != _PENDING}
            for name in (self._rows if labels is None else labels)
        ]
        return sorted(set.intersection(*found))

    def provenance(self) -> dict[str, Any]:
        """Return the provenance of each column, its number of scores, and the size of aggregates' samples."""
        size = self._sample_size
        joined = {name: {"members": each.labels, "sample": size} for name, each in self._aggregates.items()}
        return {**self._provenance, **joined}

    def notes(self) -> list[str]:
        """Return a line about each column."""
        return [
            f"scores of {name} from a campaign ({made['preset'].get('name', '')}, {made['dataset']}): {made['scored']}"
            + (f"; each is charged {self._charged:g} s" if self._charged is not None else "")
            for name, made in self._provenance.items()
        ] + _joined_notes(self._aggregates, self._sample_size)


class LiveScores(SearchScores):
    """Scores computed on demand, by the same code and from the same seeds as a campaign's.

    Args:
        config: a campaign's configuration; its architectures, engine and store are not used.
        sample: number of architectures that an aggregate ranks in.

    Attributes:
        journal: a cache of scores; None: they are computed anew.
    """

    def __init__(self, config: Config, sample: int = SAMPLE) -> None:
        from naslib_zc_plugin.campaign.scorer import Scorer
        from naslib_zc_plugin.proxies import describe

        super().__init__([each for each in config.proxies if isinstance(each, str)], sample)
        self.journal: Journal | None = None
        self._config = config
        self._space = space(config.space)
        self._score = Scorer(config)
        self._signs = {
            name: 1 if describe(request.name).higher_is_better else -1 for name, request in config.requests().items()
        }

    def _scores(self, labels: Sequence[str], key: str) -> dict[str, ProxyScore]:
        """Return the journal's scores of a key, or else those of a fresh network."""
        from naslib_zc_plugin.campaign.engines import Task

        key = self._space.canonical(key)
        there = {label: self.journal.find_score(self._stored(label), key) if self.journal else None for label in labels}
        found = {label: score for label, score in there.items() if score is not None}
        missing = tuple(label for label in labels if label not in found)
        for row in self._score(Task(key, missing)).rows if missing else ():
            fitness = None if row.value is None else row.value * self._signs[row.label]
            found[row.label] = ProxyScore(fitness, row.status, row.reason, row.seconds or 0.0)
            if self.journal:
                self.journal.add_score(self._stored(row.label), key, found[row.label])
        return {label: found[label] for label in labels}

    def latency(self, limit: Limit, key: str) -> Known:
        """Return the latency of a key on this machine, measured once: the journal keeps it with the fingerprint.

        The first measurement's yardstick stands for the machine in all later ones.
        """
        key, made = self._space.canonical(key), machine_of(limit, self._config.device).digest()
        low, high, yardstick = (f"{limit.label} {what} {made} {self._digest}" for what in ("low", "high", "yardstick"))
        there = [self.journal.find_score(name, key) if self.journal else None for name in (low, high)]
        if there[0] and there[1]:
            return Known(there[0].fitness, there[1].fitness, there[0].reason)
        first = self.journal.find_score(yardstick, self._home) if self.journal else None
        try:
            net, inputs = self._score.network(key)
            found = latency_here(net, inputs, reference=first.fitness if first else None, **limit.settings)
            known = Known(found.low, found.high)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            known = Known(None, None, f"{type(error).__name__}: {error}")
        if self.journal:
            status = "failed" if known.reason else "ok"
            for name, end in ((low, known.low), (high, known.high)):
                self.journal.add_score(name, key, ProxyScore(end, status, known.reason, 0.0))
            if not known.reason and first is None:
                self.journal.add_score(yardstick, self._home, ProxyScore(found.yardstick, "ok", "", 0.0))
        return known

    @cached_property
    def _home(self) -> str:
        """The key under which the journal keeps what is of the machine alone."""
        return self._space.canonical(self._space.sample(Random(0)))

    def _stored(self, label: str) -> str:
        """Return a proxy's name in the journal."""
        return f"{label} {self._digest}"

    def _sample(self, aggregate: Aggregate) -> Sequence[str]:
        rng, keys = Random(f"{self._config.seed} sample"), dict[str, None]()
        for _ in range(_DRAWS * self._sample_size):  # in a space of few architectures there are not as many
            if len(keys) < self._sample_size:
                keys[self._space.canonical(self._space.sample(rng))] = None
        return list(keys)

    def known(self, proxy: str, keys: Iterable[str], store: str | Path) -> dict[str, float]:
        """Return the scores of keys by a proxy that a journal's file holds, of those that have one."""
        names = {key: self._space.canonical(key) for key in keys}
        if proxy in self._aggregates:
            there = {label: scores_of(store, self._stored(label)) for label in self._aggregates[proxy].labels}
            joint = self._joint(proxy, there, list(names.values()))
            return {key: joint[name] for key, name in names.items() if name in joint}
        held = scores_of(store, self._stored(proxy))
        found = {key: held.get(name) for key, name in names.items()}
        return {key: fitness for key, fitness in found.items() if fitness is not None and not math.isnan(fitness)}

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        from naslib_zc_plugin.campaign.config import provenance

        made = provenance(self._config)  # reads and hashes the images
        plain = {name: value for name, value in made.items() if name not in ("architectures", "truth", "singletons")}
        return {**plain, **({"sample": self._sample_size} if self._aggregates else {})}

    @cached_property
    def _digest(self) -> str:
        """The part of a score's name in the journal that stands for its provenance."""
        return hashlib.sha256(json.dumps(self._provenance, sort_keys=True).encode()).hexdigest()[:16]

    def provenance(self) -> dict[str, Any]:
        """Return the provenance of a campaign with these scores."""
        return self._provenance

    def notes(self) -> list[str]:
        """Return a line about the protocol and the images."""
        images = self._provenance["images"]["name"]
        made = f"{', '.join(self._signs)}: scored as asked for, {self._config.preset} protocol, images of {images}"
        return [made, *_joined_notes(self._aggregates, self._sample_size)]


def _joined_notes(aggregates: Mapping[str, Aggregate], sample: int) -> list[str]:
    return [
        f"{name}: {', '.join(each.labels)}, joined by their ranks in a random sample of {sample} architectures"
        for name, each in aggregates.items()
    ]


class ScoredSubset:
    """A search space from which only some keys are drawn; mutations and neighbours are those of the whole space.

    If a campaign has scored a random part of a space, random draws from this part are random draws from the whole.

    Args:
        whole: the space.
        keys: the keys to draw.

    Raises:
        ValueError: there are no keys.
    """

    def __init__(self, whole: SearchSpace, keys: Iterable[str]) -> None:
        self._whole, self._keys = whole, sorted(keys)
        self.size = len(self._keys)
        if not self._keys:
            raise ValueError("draw: scored: there is no architecture with a score")

    def key(self, index: int) -> str:
        """Return the key at a position, from 0."""
        return self._keys[index]

    def sample(self, rng: Random) -> str:
        """Return a random one of the keys."""
        return rng.choice(self._keys)

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """Change a key as in the whole space."""
        return self._whole.mutate(key, rng, rule) if rule else self._whole.mutate(key, rng)

    def neighbours(self, key: str) -> list[str]:
        """Return the neighbours in the whole space."""
        return self._whole.neighbours(key)


def _counts(column: Column) -> str:
    """Return the numbers of scores by status, as text."""
    counts = ((_STORED.get(name, name), column.count(name)) for name in STATUSES if name != "ok")
    return ", ".join([f"{column.count('ok'):,} scored", *(f"{number:,} {name}" for name, number in counts if number)])


def _different(proxies: Iterable[ProxyConfig]) -> tuple[ProxyConfig, ...]:
    """Return each proxy once."""
    found: dict[str, Mapping[str, Any] | str] = {}
    for proxy in proxies:
        plain = proxy if isinstance(proxy, str) else dict(proxy)
        if found.setdefault(proxy_label(proxy), plain) != plain:
            raise ValueError(f"{proxy_label(proxy)!r} is asked for with different options: give one a label")
    return tuple(found.values())
