"""A campaign as it runs: the plan's keys go to the engine, what comes back goes into the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Callable

from naslib_zc_plugin import __version__
from naslib_zc_plugin.campaign import plan
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import Engine
from naslib_zc_plugin.campaign.identity import GROWING, changes, facts
from naslib_zc_plugin.campaign.outcome import Outcome, Task
from naslib_zc_plugin.campaign.store import Store
from naslib_zc_plugin.spaces import space

GRACE = 1.5
"""Seconds that architectures in flight get when a campaign is asked to stop."""
_CHUNK, _PATIENCE = 500, 0.5


class Changed(ValueError):
    """The store was made with another configuration.

    Attributes:
        store: its path.
        differences: what changed, by the name of the fact.
    """

    def __init__(self, store: object, differences: dict[str, str]) -> None:
        super().__init__(store, differences)
        self.store, self.differences = store, differences

    def __str__(self) -> str:
        grown = " --extend keeps them and goes on with the new ones," if set(self.differences) <= set(GROWING) else ""
        lines = "; ".join(self.differences.values())
        return f"{self.store} holds scores of another configuration ({lines}):{grown} --fork starts another store"


@dataclass(frozen=True)
class Progress:
    """Where a campaign stands.

    Attributes:
        total: architectures that the campaign asks for.
        done: those that have every score, be it undefined or failed.
        undefined: scores of that status in the store.
        failed: scores of that status in the store.
        gained: architectures done in this run.
        seconds: that this run took so far.
    """

    total: int
    done: int
    undefined: int
    failed: int
    gained: int
    seconds: float

    @property
    def left(self) -> int:
        """Architectures that are not done."""
        return self.total - self.done

    @property
    def rate(self) -> float:
        """Architectures per second in this run."""
        return self.gained / self.seconds if self.seconds else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds left at this pace; None before the first architecture of this run is done."""
        return self.left / self.rate if self.rate else None


def prepare(
    config: Config, store: Store, extend: bool = False, command: str = "", known: Mapping[str, Any] | None = None
) -> None:
    """Make a new store this campaign's, or see that an old one is.

    Args:
        config: the campaign.
        store: its store.
        extend: let architectures and proxies be added to what is there.
        command: by which it is run, for those who read its results.
        known: what :func:`.identity.facts` says of the campaign, if that was asked already.

    Raises:
        Changed: it holds scores that were made otherwise.
        ValueError: proxies or images that cannot be had.
    """
    now, before = dict(known or facts(config)), store.facts()
    differences = changes(before, now) if before else {}
    if differences and not (extend and _grown(before, now, differences)):
        raise Changed(store.path, differences)
    store.declare({**now, "command": command} if command else now)


def _grown(before: dict[str, Any], now: dict[str, Any], differences: dict[str, str]) -> bool:
    same = all(now["proxies"].get(label) == plain for label, plain in before["proxies"].items())
    return same and set(differences) <= set(GROWING)


def origin(config: Config) -> dict[str, Any]:
    """Where scores are made, as it stands beside each of them."""
    return {
        "device": config.device,
        "threads": config.threads,
        "seed": config.seed,
        "torch": version("torch"),
        "package": __version__,
    }


def run(
    config: Config,
    store: Store,
    engine: Engine,
    report: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Score what is missing in a store that was prepared for the campaign.

    Args:
        config: the campaign.
        store: where scores go, architecture by architecture.
        engine: who scores; it is closed at the end.
        report: called often with the state of things.
        stop: asked often; once it says yes, what is in flight gets :data:`GRACE` seconds, and what is done by then is
            kept.

    Returns:
        Where the campaign stands at the end.

    Raises:
        StoreError: the store cannot be written; the same call goes on from what was committed.
        EngineError: there is no one left who scores.
        ValueError: an architecture that is not of the space.
    """
    campaign = _Run(config, store, engine, report)
    try:
        for task in campaign.tasks():
            while campaign.flying >= engine.capacity and not stop():
                campaign.take(_PATIENCE)
            if stop():
                break
            campaign.send(task)
        while campaign.flying and not stop():
            campaign.take(_PATIENCE)
        end = time.monotonic() + GRACE
        while campaign.flying and (left := end - time.monotonic()) > 0:
            campaign.take(min(_PATIENCE, left))
    finally:
        engine.close()
    return campaign.progress()


class _Run:
    def __init__(self, config: Config, store: Store, engine: Engine, report: Callable[[Progress], None]) -> None:
        self._config, self._store, self._engine, self._report = config, store, engine, report
        self._space = space(config.space)
        self._total = plan.count(config.architectures, self._space)
        self._labels = list(config.requests())
        self._origin = origin(config)
        self._in_flight: set[str] = set()
        self._waiting: Counter[str] = Counter()  # by canonical key, the keys that will be done with it
        self._passed = self._gained = 0
        self._statuses: Counter[str] = Counter()
        self._before, self._start = store.counts(), time.monotonic()

    @property
    def flying(self) -> int:
        return len(self._in_flight)

    def progress(self) -> Progress:
        before, seen = self._before, self._statuses
        return Progress(
            self._total,
            min(self._total, max(before.done, self._passed)),
            before.undefined + seen["undefined"],
            before.failed + seen["failed"],
            self._gained,
            time.monotonic() - self._start,
        )

    def tasks(self) -> Iterator[Task]:
        """What is missing, in the order of the plan; what is provably identical once."""
        keys = plan.stream(self._config.architectures, self._space, self._config.seed)
        for chunk in plan.chunks(keys, _CHUNK):
            canonical = {key: self._space.canonical(key) for key in chunk}
            missing = {task.key: task for task in self._store.ask(canonical, self._labels)}
            self._waiting.update(key for key in canonical.values() if key in missing)
            self._passed += sum(key not in missing for key in canonical.values())
            self._report(self.progress())
            yield from [task for key, task in missing.items() if key not in self._in_flight]

    def send(self, task: Task) -> None:
        self._in_flight.add(task.key)
        self._engine.submit(task)

    def take(self, timeout: float) -> None:
        """Write what is finished."""
        outcomes = self._engine.collect(timeout)
        if outcomes:
            self._store.add(outcomes, self._origin)
        for outcome in outcomes:
            self._note(outcome)
        self._report(self.progress())

    def _note(self, outcome: Outcome) -> None:
        self._in_flight.discard(outcome.key)
        shared = self._waiting.pop(outcome.key, 0)
        self._passed += shared
        self._gained += shared
        self._statuses.update(row.status for row in outcome.rows)
