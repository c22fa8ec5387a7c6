"""Scoring processes inside the workers of a Dask cluster (extra ``[dask]``), on as many machines as it has.

A Dask task is one architecture, and its result is the outcome as plain values. What the local engine does for a
process that hangs or dies is done in the Dask worker (:mod:`._dask_worker`); what is left for this side is Dask workers
that die or leave, which Dask's scheduler sees to, and a scheduler that gives a task up.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import _dask_cluster, _dask_worker
from naslib_zc_plugin.campaign.engines.base import EngineError
from naslib_zc_plugin.campaign.outcome import Outcome, Task, failed, outcome

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

LOSSES_ALLOWED = 3
"""How often Dask may give a task up, each time after several of its workers died of it, before it has failed."""
_COUNT_EVERY, _HINT_AFTER, _FAREWELL = 2.0, 10.0, 1.0
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
logger = logging.getLogger(__name__)


class DaskEngine:
    """Scores on a Dask cluster.

    Args:
        config: the campaign.
        client: of the cluster; closed with the engine.
        cluster: closed as well, if it is the engine's own.
        resources: of a worker that a task occupies, such as ``{"GPU": 1}``.
    """

    def __init__(
        self,
        config: Config,
        client: Client,
        cluster: LocalCluster | None = None,
        resources: Mapping[str, float] | None = None,
    ) -> None:
        self._client, self._cluster, self._resources = client, cluster, dict(resources or {})
        self._address = client.scheduler.address
        self._campaign = uuid4().hex
        setup = {"campaign": self._campaign, "config": config.plain(), "versions": _dask_worker.versions()}
        self._setup = json.dumps(setup)
        self._numbers = count()
        self._waiting: deque[Task] = deque()
        self._flying: dict[str, Future[Any]] = {}
        self._inbox: Queue[tuple[Task, Any]] = Queue()
        self._losses: Counter[str] = Counter()
        self._trouble = ""
        self._slots = 0
        self._counted = self._seen = time.monotonic()
        client.sync(self._count)

    @property
    def capacity(self) -> int:
        """A task and the next for each thread of the workers that are there now; never none, so that clusters grow."""
        return 2 * max(1, self._slots)

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._waiting.append(task)
        self._dispatch()

    def collect(self, timeout: float) -> Sequence[Outcome]:
        """What was finished since the last call, see :class:`~.base.Engine`.

        Raises:
            EngineError: the scheduler is gone, or a worker cannot score; the message says why and what to do.
        """
        self._look_round()
        self._dispatch()
        done: list[Outcome] = []
        with suppress(Empty):
            done += self._received(*self._inbox.get(timeout=timeout))
            while True:
                done += self._received(*self._inbox.get_nowait())
        if self._client.status == "closed":
            self._trouble = f"the Dask scheduler at {self._address} is gone; start one, and go on with the same command"
        if self._trouble and not done:
            raise EngineError(f"{self._trouble} (nothing that was scored is lost)")
        return done

    def close(self) -> None:
        """End all scoring at once, and the cluster if it is the engine's own."""
        self._waiting.clear()
        with suppress(asyncio.TimeoutError, OSError):
            if self._client.status == "running":
                self._client.sync(self._say_goodbye, callback_timeout=_FAREWELL)
        with suppress(asyncio.TimeoutError, OSError):
            self._client.close(timeout=_FAREWELL)
        if self._cluster:
            # On a busy machine it takes longer; what is left of it ends with this process.
            with suppress(asyncio.TimeoutError, OSError):
                self._cluster.close(timeout=_FAREWELL)

    def _dispatch(self) -> None:
        while self._waiting and self._client.status == "running":
            task = self._waiting.popleft()
            future = self._client.submit(
                _dask_worker.score,
                self._setup,
                json.dumps({"key": task.key, "labels": task.labels}),
                key=f"score-{self._campaign}-{next(self._numbers)}",
                pure=False,
                resources=self._resources or None,
            )
            self._flying[task.key] = future
            self._client.loop.add_callback(self._follow, task, future)

    async def _follow(self, task: Task, future: Future[Any]) -> None:
        """Put what becomes of a task into the inbox; runs in the client's thread, so that no one else ever waits."""
        try:
            self._inbox.put((task, await future))
        except (Exception, *_CANCELLED) as error:
            self._inbox.put((task, error))

    def _received(self, task: Task, answer: Any) -> list[Outcome]:
        from distributed import KilledWorker

        future = self._flying.pop(task.key)
        if isinstance(answer, (KilledWorker, *_CANCELLED)):
            logger.debug("%s was lost: %s", future.key, answer)
            self._losses[task.key] += 1
            if self._losses[task.key] >= LOSSES_ALLOWED:
                reason = f"given up by Dask {LOSSES_ALLOWED} times: its workers died, or it was cancelled"
                return [failed(task, reason)]
            self._waiting.append(task)
        elif isinstance(answer, Exception):
            self._trouble = f"a Dask worker cannot score: {type(answer).__name__}: {answer}"
        elif "refused" in answer:
            self._trouble = f"a Dask worker cannot score {answer['refused']}"
        else:
            return [outcome(answer)]
        return []

    def _look_round(self) -> None:
        """Count the workers anew now and then, and say so if none comes."""
        now = time.monotonic()
        if now - self._counted >= _COUNT_EVERY and self._client.status == "running":
            self._counted = now
            self._client.loop.add_callback(self._count)
        if self._slots:
            self._seen = now
        elif now - self._seen >= _HINT_AFTER:
            self._seen = float("inf")
            offer = "".join(f" --resources '{name}={number:g}'" for name, number in self._resources.items())
            logger.warning("no Dask worker yet; waiting for one: dask worker %s --nthreads 1%s", self._address, offer)

    async def _count(self) -> None:
        with suppress(OSError):
            workers = (await self._client.scheduler.identity())["workers"].values()
            self._slots = sum(_slots(worker, self._resources) for worker in workers)

    async def _say_goodbye(self) -> None:
        await self._client.cancel(list(self._flying.values()), force=True)
        await self._client.run(_dask_worker.release, self._campaign, on_error="ignore")


def _slots(worker: Mapping[str, Any], resources: Mapping[str, float]) -> int:
    """How many tasks a worker scores at a time: its threads, or what its resources are enough for."""
    enough = (int(worker["resources"].get(name, 0) // number) for name, number in resources.items())
    return min([int(worker["nthreads"]), *enough])


def engine(
    config: Config,
    address: str | None = None,
    workers: int | None = None,
    resources: Mapping[str, float] | None = None,
) -> DaskEngine:
    """The engine ``dask``.

    Args:
        config: the campaign.
        address: of a scheduler, such as ``tcp://node01:8786``; it and its workers need the same versions of torch and
            of this package, and the workers the images under the same path. TLS is set up in Dask's own configuration.
        workers: without an address, number of worker processes on this machine (1).
        resources: with an address, what a task occupies of a worker, such as ``{"GPU": 1}``. Only workers that offer it
            score (``dask worker … --nthreads 1 --resources "GPU=1"``, each with a ``CUDA_VISIBLE_DEVICES`` of its own).

    Raises:
        ImportError: Dask Distributed is not installed.
        ValueError: options that do not go together.
        EngineError: no scheduler answers at the address.
    """
    if workers is not None and (address or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers must be a whole number of at least 1, and goes without address, not {workers!r}")
    if resources and (not address or not all(number > 0 for number in resources.values())):
        raise ValueError(f"resources must be numbers above 0 by name, and go with an address, not {dict(resources)!r}")
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ImportError("the engine dask needs Dask Distributed: pip install 'naslib-zc-plugin[dask]'") from error
    if address:
        return DaskEngine(config, _dask_cluster.connected(address), resources=resources)
    return DaskEngine(config, *_dask_cluster.started(workers or 1))
