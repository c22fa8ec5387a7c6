"""Proxies' scores, from tables of campaigns or computed when they are asked for; and a score as the fitness.

A strategy with a proxy gets its scores from here as well, with every evaluator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.search.journal import Journal, ProxyScore, scores_of
from naslib_zc_plugin.search.loop import Evaluation
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import SearchSpace
from naslib_zc_plugin.table import STATUSES, Column

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import ProxyConfig, SearchConfig

_KEPT = ("preset", "images", "dataset", "builder", "network", "seed", "threads", "device", "torch")
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
        self, config: SearchConfig, data: str | Path | None, scores: TableScores | LiveScores, *, proxy: ProxyConfig
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


def load_scores(config: SearchConfig) -> TableScores | LiveScores | None:
    """Return the scores that a search uses; None if it uses none.

    Raises:
        ValueError: their source is missing, or a table does not have them.
        DataError, StoreError: a table cannot be read.
    """
    wanted = config.proxies()
    if not wanted:
        return None
    given = config.scores.model_dump(exclude_unset=True)
    if "table" in given and set(given) <= {"table", "seconds"}:
        tables = given["table"]
        return TableScores(tables, [proxy_label(each) for each in wanted], config.space, given.get("seconds"))
    if not {"images", "preset"} <= set(given) or {"table", "seconds"} & set(given):
        raise ValueError(
            f"scores of {', '.join(map(proxy_label, wanted))}: give either table, or images and preset and perhaps "
            f"batch, network, seed, threads, device; found {', '.join(given) or 'nothing'}"
        )
    return LiveScores(Config(space=config.space, architectures="all", proxies=_different(wanted), **given))


class TableScores:
    """Scores of campaigns.

    Args:
        paths: exports or stores; the first with a label is taken. Missing files are skipped if one exists, so that a
            small table can stand in for one that is not yet made.
        labels: of the proxies that are used.
        space: search space of the keys.
        seconds: charged for each score, such as a paper's number; the campaign's own seconds unless given.

    Raises:
        ValueError: a label that no table has, or a table of another space.
    """

    def __init__(self, paths: Sequence[str], labels: Sequence[str], space: str, seconds: float | None = None) -> None:
        self._charged = seconds
        tables = [read_table(path) for path in [path for path in paths if Path(path).exists()] or paths]
        for table in tables:
            if table.facts.get("space") != space:
                raise ValueError(f"{table.name} has scores of {table.facts.get('space')}, not of {space}")
        self._columns: dict[str, Column] = {}
        self._rows: dict[str, dict[str, int]] = {}
        self._provenance: dict[str, Any] = {}
        for name in labels:
            having = [each for each in tables if name in each.columns]
            if not having:
                known = ", ".join(sorted({column for each in tables for column in each.columns}))
                raise ValueError(f"no table has scores called {name!r}; there are {known}; --only leaves a search out")
            table = having[0]
            self._columns[name] = table[name]
            self._rows[name] = {key: row for row, key in enumerate(table.keys)}
            made = {part: table.facts[part] for part in _KEPT if part in table.facts}
            proxy = table.facts.get("proxies", {}).get(name)
            self._provenance[name] = {**made, "proxy": proxy, "scored": _counts(table[name])}
            if seconds is not None:
                self._provenance[name]["charged"] = seconds

    def __call__(self, proxy: str, key: str) -> ProxyScore:
        """Return the score of a key by a proxy."""
        column, row = self._columns[proxy], self._rows[proxy].get(key)
        if row is None:
            return ProxyScore(None, _PENDING, "the table does not have it", 0.0)
        status, seconds = STATUSES[column.status[row]], float(column.seconds[row])
        value = float(column.values[row]) * (1 if column.higher_is_better else -1)
        reason = "" if status == "ok" else f"{proxy} is {status} in the table"
        charged = self._charged if self._charged is not None else seconds if seconds == seconds else 0.0
        return ProxyScore(value if status == "ok" else None, status, reason, charged)

    def known(self, proxy: str, keys: Iterable[str], store: str | Path) -> dict[str, float]:
        """Return the scores of keys by a proxy, of those that have one."""
        found = {key: self(proxy, key).fitness for key in keys}
        return {key: fitness for key, fitness in found.items() if fitness is not None}

    def scored_keys(self) -> list[str]:
        """Return the keys with a score in every column, be it undefined or failed."""
        found = [
            {key for key, row in rows.items() if STATUSES[self._columns[name].status[row]] != _PENDING}
            for name, rows in self._rows.items()
        ]
        return sorted(set.intersection(*found))

    def provenance(self) -> dict[str, Any]:
        """Return the provenance of each column, and its number of scores."""
        return self._provenance

    def notes(self) -> list[str]:
        """Return a line about each column."""
        return [
            f"scores of {name} from a campaign ({made['preset'].get('name', '')}, {made['dataset']}): {made['scored']}"
            + (f"; each is charged {self._charged:g} s" if self._charged is not None else "")
            for name, made in self._provenance.items()
        ]


class LiveScores:
    """Scores computed on demand, by the same code and from the same seeds as a campaign's.

    Args:
        config: a campaign's configuration; its architectures, engine and store are not used.

    Attributes:
        journal: a cache of scores; None: they are computed anew.
    """

    def __init__(self, config: Config) -> None:
        from naslib_zc_plugin.campaign.scorer import Scorer
        from naslib_zc_plugin.proxies import describe

        self.journal: Journal | None = None
        self._config = config
        self._space = space(config.space)
        self._score = Scorer(config)
        self._signs = {
            name: 1 if describe(request.name).higher_is_better else -1 for name, request in config.requests().items()
        }

    def __call__(self, proxy: str, key: str) -> ProxyScore:
        """Return the journal's score of a key by a proxy, or else that of a fresh network."""
        from naslib_zc_plugin.campaign.engines import Task

        key, name = self._space.canonical(key), f"{proxy} {self._digest}"
        found = self.journal.find_score(name, key) if self.journal else None
        if found is None:
            (row,) = self._score(Task(key, (proxy,))).rows
            fitness = None if row.value is None else row.value * self._signs[proxy]
            found = ProxyScore(fitness, row.status, row.reason, row.seconds or 0.0)
            if self.journal:
                self.journal.add_score(name, key, found)
        return found

    def known(self, proxy: str, keys: Iterable[str], store: str | Path) -> dict[str, float]:
        """Return the scores of keys by a proxy that a journal's file holds, of those that have one."""
        there = scores_of(store, f"{proxy} {self._digest}")
        found = {key: there.get(self._space.canonical(key)) for key in keys}
        return {key: fitness for key, fitness in found.items() if fitness is not None}

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        from naslib_zc_plugin.campaign.config import provenance

        made = provenance(self._config)  # reads and hashes the images
        return {name: value for name, value in made.items() if name not in ("architectures", "truth", "singletons")}

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
        return [f"{', '.join(self._signs)}: scored as asked for, {self._config.preset} protocol, images of {images}"]


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
