"""Where a search's proxy scores come from: tables of campaigns, or networks that are scored when they are asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.read import read_table
from naslib_zc_plugin.search.config import Asked, Search
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.table import STATUSES, Column

_KEPT = ("preset", "images", "dataset", "network", "seed", "threads", "device", "torch")
_LIVE = ("images", "preset", "batch", "network", "seed", "threads", "device")


@dataclass(frozen=True)
class Scored:
    """A proxy's score of an architecture.

    Attributes:
        worth: the value with its sign turned where lower is better, so that higher is; None unless the status is ok.
        status: ``ok``, ``undefined``, ``failed``, or ``left``: the table does not have it.
        reason: why there is no value.
        seconds: of every pass that the proxy needed.
    """

    worth: float | None
    status: str
    reason: str
    seconds: float


class Scores(Protocol):
    """Scores by proxy and key."""

    def __call__(self, proxy: str, key: str) -> Scored:
        """The score of a key by the proxy of that label."""

    def facts(self) -> dict[str, Any]:
        """What the scores depend on, as values that JSON knows."""

    def notes(self) -> list[str]:
        """What a reader must know of them, a line each."""


class Memory(Protocol):
    """Remembers scores by the name of what made them."""

    def score(self, proxy: str, key: str) -> Scored | None:
        """The score, if there is one."""

    def note(self, proxy: str, key: str, found: Scored) -> None:
        """Remember a score."""


def label(proxy: Asked) -> str:
    """What a proxy is called among the scores."""
    return proxy if isinstance(proxy, str) else str(proxy.get("label") or proxy.get("name"))


def scores(search: Search) -> Scores | None:
    """The scores that a search uses; None if it uses none.

    Raises:
        ValueError: it does not say where they come from, or a table does not have them.
        DataError, StoreError: a table that cannot be read.
    """
    wanted = search.proxies()
    if not wanted:
        return None
    given = dict(search.scores)
    if "table" in given and set(given) <= {"table", "seconds"}:
        return TableScores(given["table"], [label(each) for each in wanted], search.space, given.get("seconds"))
    unknown = set(given) - set(_LIVE)
    if unknown or not {"images", "preset"} <= set(given):
        raise ValueError(
            f"scores of {', '.join(map(label, wanted))}: give either table, or images and preset and perhaps "
            f"{', '.join(_LIVE[2:])}; found {', '.join(given) or 'nothing'}"
        )
    return LiveScores(Config(space=search.space, architectures="all", proxies=_different(wanted), **given))


class TableScores:
    """Scores that campaigns left behind.

    Args:
        paths: exports or stores; the first that has a label is taken. Where some are there, the others are passed over,
            so that a small table can stand in for one that is not yet made.
        labels: of the proxies that are wanted.
        space: search space of the keys.
        seconds: what a score is charged, such as a paper's; what it took the campaign unless given.

    Raises:
        ValueError: a label that no table has, a table of another space, or seconds below 0.
    """

    def __init__(self, paths: Sequence[str], labels: Sequence[str], space: str, seconds: float | None = None) -> None:
        if seconds is not None and not (isinstance(seconds, (int, float)) and seconds >= 0):
            raise ValueError(f"scores: seconds must be a number, at least 0, not {seconds!r}")
        self._charged = seconds
        there = [path for path in paths if Path(path).exists()]
        tables = [read_table(path) for path in there or paths]
        for table in tables:
            if table.facts.get("space") != space:
                raise ValueError(f"{table.name} has scores of {table.facts.get('space')}, not of {space}")
        self._columns: dict[str, Column] = {}
        self._rows: dict[str, dict[str, int]] = {}
        self._facts: dict[str, Any] = {}
        for name in labels:
            having = [each for each in tables if name in each.columns]
            if not having:
                known = ", ".join(sorted({column for each in tables for column in each.columns}))
                raise ValueError(f"no table has scores called {name!r}; there are {known}; --only leaves a search out")
            table = having[0]
            self._columns[name] = table[name]
            self._rows[name] = {key: row for row, key in enumerate(table.keys)}
            made = {part: table.facts[part] for part in _KEPT if part in table.facts}
            asked = table.facts.get("proxies", {}).get(name)
            self._facts[name] = {**made, "proxy": asked, "scored": _counts(table[name])}
            if seconds is not None:
                self._facts[name]["charged"] = seconds

    def __call__(self, proxy: str, key: str) -> Scored:
        """The score in the table."""
        column, row = self._columns[proxy], self._rows[proxy].get(key)
        if row is None:
            return Scored(None, "left", "the table does not have it", 0.0)
        status, seconds = STATUSES[column.status[row]], float(column.seconds[row])
        value = float(column.values[row]) * (1 if column.higher_is_better else -1)
        why = "" if status == "ok" else f"{proxy} is {status} in the table"
        charged = self._charged if self._charged is not None else seconds if seconds == seconds else 0.0
        return Scored(value if status == "ok" else None, status, why, charged)

    def judged(self) -> list[str]:
        """Keys that every column has been scored for, also where the score is undefined."""
        found = [
            {key for key, row in rows.items() if STATUSES[self._columns[name].status[row]] != "left"}
            for name, rows in self._rows.items()
        ]
        return sorted(set.intersection(*found))

    def facts(self) -> dict[str, Any]:
        """How the columns were made, and how many scores they have."""
        return self._facts

    def notes(self) -> list[str]:
        """How many scores each column has."""
        return [
            f"scores of {name} from a campaign ({made['preset'].get('name', '')}, {made['dataset']}): {made['scored']}"
            + (f"; each is charged {self._charged:g} s" if self._charged is not None else "")
            for name, made in self._facts.items()
        ]


class LiveScores:
    """Scores made when they are asked for, by the same code and from the same seeds as a campaign's.

    Args:
        config: a campaign's, of which the architectures, the engine and the store have no part.

    Attributes:
        memory: where scores are looked for before they are made, and noted afterwards.
    """

    def __init__(self, config: Config) -> None:
        from naslib_zc_plugin.campaign.scorer import Scorer
        from naslib_zc_plugin.proxies import describe

        self.memory: Memory | None = None
        self._config = config
        self._space = space(config.space)
        self._score = Scorer(config)
        self._signs = {
            name: 1 if describe(request.name).higher_is_better else -1 for name, request in config.requests().items()
        }

    def __call__(self, proxy: str, key: str) -> Scored:
        """Score a fresh network, unless it is remembered."""
        key, name = self._space.canonical(key), f"{proxy} {self._digest}"
        found = self.memory.score(name, key) if self.memory else None
        if found is None:
            found = self._made(proxy, key)
            if self.memory:
                self.memory.note(name, key, found)
        return found

    def _made(self, proxy: str, key: str) -> Scored:
        from naslib_zc_plugin.campaign.outcome import Task

        (row,) = self._score(Task(key, (proxy,))).rows
        worth = None if row.value is None else row.value * self._signs[proxy]
        return Scored(worth, row.status, row.reason, row.seconds or 0.0)

    @cached_property
    def _digest(self) -> str:
        """Tells scores made in another way apart."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:16]

    def facts(self) -> dict[str, Any]:
        """Those of the campaign."""
        from naslib_zc_plugin.campaign.identity import facts

        made = facts(self._config)
        return {name: value for name, value in made.items() if name not in ("architectures", "truth", "singletons")}

    def notes(self) -> list[str]:
        """The protocol."""
        images = self.facts()["images"]["name"]
        return [f"{', '.join(self._signs)}: scored as asked for, {self._config.preset} protocol, images of {images}"]


def _counts(column: Column) -> str:
    found = ((name, column.count(name)) for name in STATUSES if name != "ok")
    return ", ".join([f"{column.count('ok'):,} scored", *(f"{number:,} {name}" for name, number in found if number)])


def _different(proxies: Iterable[Asked]) -> tuple[Asked, ...]:
    """Each once."""
    found: dict[str, Asked] = {}
    for proxy in proxies:
        plain = proxy if isinstance(proxy, str) else dict(proxy)
        if found.setdefault(label(proxy), plain) != plain:
            raise ValueError(f"{label(proxy)!r} is asked for with different options: give one a label")
    return tuple(found.values())


def options(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """A strategy's options, without what an experiment itself takes from its mapping."""
    return {name: value for name, value in strategy.items() if name not in ("name", "proxy")}
