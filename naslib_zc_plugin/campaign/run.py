"""A campaign as it runs: the plan's keys go to the engine, its outcomes into the store."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import Any, Callable

from naslib_zc_plugin import __version__
from naslib_zc_plugin.campaign import plan
from naslib_zc_plugin.campaign.config import Config, options_of_images, provenance
from naslib_zc_plugin.campaign.engines import Engine, Outcome, Task
from naslib_zc_plugin.campaign.engines.local import LocalEngine
from naslib_zc_plugin.campaign.store import Store
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.provenance import EXTENDABLE, changes

GRACE = 1.5
"""Seconds that architectures in flight get when a campaign is asked to stop."""
_CHUNK, _PATIENCE = 500, 0.5


class Changed(ValueError):
    """The store was made with another configuration.

    Attributes:
        store: its path.
        differences: the changes, by the name of the fact.
    """

    def __init__(self, store: object, differences: dict[str, str]) -> None:
        super().__init__(store, differences)
        self.store, self.differences = store, differences

    def __str__(self) -> str:
        offer = " --extend keeps them and goes on with the new ones," if set(self.differences) <= {*EXTENDABLE} else ""
        lines = "; ".join(self.differences.values())
        return f"{self.store} holds scores of another configuration ({lines}):{offer} --fork starts another store"


@dataclass(frozen=True)
class Progress:
    """The state of a campaign.

    Attributes:
        total: architectures that the campaign asks for.
        done: those that have every score, undefined and failed ones included.
        undefined: scores of that status in the store.
        failed: scores of that status in the store.
        gained: architectures done in this run.
        seconds: duration of this run so far.
    """

    total: int
    done: int
    undefined: int
    failed: int
    gained: int
    seconds: float

    @property
    def pending(self) -> int:
        """The number of architectures that are not done."""
        return self.total - self.done

    @property
    def rate(self) -> float:
        """Architectures per second in this run."""
        return self.gained / self.seconds if self.seconds else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds that remain at this pace; None before the first architecture of this run is done."""
        return self.pending / self.rate if self.rate else None


def prepare(config: Config, store: Store, extend: bool = False, command: str = "") -> None:
    """Make a new store this campaign's, or check that an old one is.

    Args:
        config: the campaign.
        store: its store.
        extend: allow that architectures and proxies are added.
        command: the command that runs it, for readers of the results.

    Raises:
        Changed: it holds scores that were made otherwise.
        ValueError: proxies or images that are not available.
    """
    now, before, counts = provenance(config), store.facts(), store.counts()
    if before and not counts.ok + counts.undefined + counts.failed:
        store.clear()  # no score depends on it
        before = {}
    if before and (found := changes(before, now)):
        kept = all(now["proxies"].get(label) == plain for label, plain in before["proxies"].items())
        if not (extend and kept and set(found) <= {*EXTENDABLE}):
            raise Changed(store.path, found)
    if before and not config.declared:
        # The same images under the name of another file are still what they were.
        dataset = before["dataset"]
        truth = config.truth or config.protocol.truth_of(dataset)
        now.update(images=before["images"], dataset=dataset, truth=truth)
    notes = {"command": command, "image_options": options_of_images(config)}
    store.declare({**now, **{name: note for name, note in notes.items() if note}})


def origin(config: Config) -> dict[str, Any]:
    """Return the device, threads, seed and versions that are stored beside each score."""
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
    """Score the missing architectures of a store that was prepared for the campaign.

    Args:
        config: the campaign.
        store: where scores go, architecture by architecture.
        engine: where it is scored; closed at the end.
        report: called often with the progress.
        stop: called often; once it returns True, architectures in flight get :data:`GRACE` seconds, and those done by
            then are kept.

    Returns:
        The progress at the end.

    Raises:
        StoreError: the store cannot be written; the same call goes on from the last commit.
        EngineError: no process is left that could score.
        ValueError: an architecture that is not of the space.
    """
    with closing(engine):
        campaign = _Run(config, store, engine, report)
        for task in campaign.tasks():
            while len(campaign.in_flight) >= engine.capacity and not stop():
                campaign.take(_PATIENCE)
            if stop():
                break
            campaign.send(task)
        while campaign.in_flight and not stop():
            campaign.take(_PATIENCE)
        end = time.monotonic() + GRACE
        while campaign.in_flight and (left := end - time.monotonic()) > 0:
            campaign.take(min(_PATIENCE, left))
    return campaign.progress()


class _Run:
    """A campaign in progress: tasks for the engine, and the numbers of done architectures and scores.

    Attributes:
        in_flight: keys at the engine.
    """

    def __init__(self, config: Config, store: Store, engine: Engine, report: Callable[[Progress], None]) -> None:
        self._config, self._store, self._engine, self._report = config, store, engine, report
        self._space = space(config.space)
        self._total = config.total()
        self._labels = list(config.requests())
        self._origin = origin(config)
        self.in_flight: set[str] = set()
        self._waiting: Counter[str] = Counter()  # by canonical key, the keys that will be done with it
        self._passed = self._gained = 0
        self._statuses: Counter[str] = Counter()
        self._before, self._start = store.counts(), time.monotonic()

    def progress(self) -> Progress:
        """Return the progress."""
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
        """Yield the missing scores, in the order of the plan; provably identical architectures once."""
        keys = plan.stream(self._config.architectures, self._space, self._config.seed)
        for chunk in plan.chunks(keys, _CHUNK):
            canonical = {key: self._space.canonical(key) for key in chunk}
            missing = {task.key: task for task in self._store.ask(canonical, self._labels)}
            self._waiting.update(key for key in canonical.values() if key in missing)
            self._passed += sum(key not in missing for key in canonical.values())
            self._report(self.progress())
            yield from [task for key, task in missing.items() if key not in self.in_flight]

    def send(self, task: Task) -> None:
        """Submit a task to the engine."""
        self.in_flight.add(task.key)
        self._engine.submit(task)

    def take(self, timeout: float) -> None:
        """Wait for outcomes, and write them."""
        outcomes = self._engine.collect(timeout)
        if outcomes:
            self._store.add(outcomes, self._origin)
        for outcome in outcomes:
            self.in_flight.discard(outcome.key)
            shared = self._waiting.pop(outcome.key, 0)
            self._passed += shared
            self._gained += shared
            self._statuses.update(row.status for row in outcome.rows)
        self._report(self.progress())


# Before it runs --------------------


@dataclass(frozen=True)
class Estimate:
    """Cost of a campaign, measured in one process on this machine.

    Attributes:
        architectures: how many the campaign asks for.
        measured: how many were scored for this.
        seconds: mean over the architectures, in one worker.
        spread: standard deviation of the seconds (n − 1).
        memory: bytes of a worker at its largest; None where it cannot be measured.
        failed: those of the measured with a failed score: key → reason.
    """

    architectures: int
    measured: int
    seconds: float
    spread: float
    memory: int | None
    failed: dict[str, str]


def estimate(config: Config, sample: int = 5) -> Estimate:
    """Score the first architectures of a campaign, store nothing, and return the cost.

    Raises:
        EngineError: no worker can score.
        ValueError: the campaign's architectures, proxies or images are not available.
    """
    chosen = space(config.space)
    stream = plan.stream(config.architectures, chosen, config.seed)
    tasks = [Task(chosen.canonical(key), tuple(config.requests())) for key in islice(stream, sample)]
    outcomes: list[Outcome] = []
    with closing(LocalEngine(config)) as engine:
        for task in (tasks[0], *tasks):
            engine.submit(task)
        while len(outcomes) <= len(tasks):
            outcomes += engine.collect(1.0)
    del outcomes[0]  # it was also the worker's warm-up
    seconds = [outcome.seconds for outcome in outcomes if outcome.seconds is not None]
    memory = [outcome.memory for outcome in outcomes if outcome.memory is not None]
    failed = {o.key: row.reason for o in outcomes for row in o.rows if row.status == "failed"}
    return Estimate(
        config.total(),
        len(outcomes),
        statistics.fmean(seconds) if seconds else float("nan"),
        statistics.stdev(seconds) if len(seconds) > 1 else 0.0,
        max(memory) if memory else None,
        failed,
    )
