"""Scoring processes inside the workers of a Dask cluster (extra ``[dask]``), on as many machines as it has.

A Dask task is one architecture, and its result is the outcome as plain values. Each thread of a Dask worker keeps one
scoring process through the local engine, so time limits, memory, crashes and poisonous architectures are treated as
they are on one machine. A scoring process ends with its Dask worker, with its campaign, and when it was idle for a
while: nothing stays behind on a cluster that belongs to others as well. This side handles Dask workers that die or
leave, and a scheduler that gives a task up.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from multiprocessing import resource_tracker
from pathlib import Path
from queue import Empty, Queue
from socket import gethostname
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakSet

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines import EngineError, Outcome, Task, versions
from naslib_zc_plugin.campaign.engines.local import WORKER, LocalEngine, expectations

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster, Security

LOSSES_ALLOWED = 3
"""How often Dask may give a task up, each time after several of its workers died of it, before it has failed."""
CONNECT = 10.0
"""Seconds for reaching a scheduler, the first time and after it was lost."""
IDLE = 60.0
"""Seconds after which an idle scoring process is ended, such as one of a campaign with a killed driver."""
_PATIENCE, _COUNT_EVERY, _HINT_AFTER, _FAREWELL = 0.1, 2.0, 10.0, 1.0
_TLS, _FILES = "tls://", ("tls_ca_file", "tls_client_cert", "tls_client_key")
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
logger = logging.getLogger(__name__)


# On the campaign's side --------------------


class DaskEngine:
    """An engine that scores on a Dask cluster.

    Args:
        config: the campaign.
        client: of the cluster; closed with the engine.
        cluster: closed as well, if it is the engine's own.
        resources: of a worker that a task occupies, such as ``{"GPU": 1}``.
        command: of a scoring process, see :class:`~.local.LocalEngine`.
    """

    def __init__(
        self,
        config: Config,
        client: Client,
        cluster: LocalCluster | None = None,
        resources: Mapping[str, float] | None = None,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._client, self._cluster, self._resources = client, cluster, dict(resources or {})
        self._address = client.scheduler.address
        self._campaign = uuid4().hex
        self._setup = json.dumps(
            {
                "campaign": self._campaign,
                "config": config.plain(),
                "expected": expectations(config),
                "command": list(command),
            }
        )
        self._numbers = count()
        self._waiting: deque[Task] = deque()
        self._flying: dict[str, Future[Any]] = {}
        self._inbox: Queue[tuple[Task, Any]] = Queue()
        self._losses: Counter[str] = Counter()
        self._trouble = ""
        self._closed = False
        self._slots = 0
        self._counted = self._seen = time.monotonic()
        client.sync(self._count)

    @property
    def capacity(self) -> int:
        """Two tasks for each thread of the present workers; never 0, so that clusters grow."""
        return 2 * max(1, self._slots)

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._waiting.append(task)
        self._dispatch()

    def collect(self, timeout: float) -> Sequence[Outcome]:
        """Return the outcomes since the last call, see :class:`~.Engine`.

        Raises:
            EngineError: the scheduler is gone, or a worker cannot score; the message gives the reason and a remedy.
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
        if self._closed:
            return
        self._closed = True
        self._waiting.clear()
        with suppress(asyncio.TimeoutError, OSError):
            if self._client.status == "running":
                self._client.sync(self._say_goodbye, callback_timeout=_FAREWELL)
        with suppress(asyncio.TimeoutError, OSError):
            self._client.close(timeout=_FAREWELL)
        if self._cluster:
            # On a busy machine it takes longer; the rest of it ends with this process.
            with suppress(asyncio.TimeoutError, OSError):
                self._cluster.close(timeout=_FAREWELL)

    def _dispatch(self) -> None:
        while self._waiting and self._client.status == "running":
            task = self._waiting.popleft()
            future = self._client.submit(
                score_task,
                self._setup,
                json.dumps({"key": task.key, "labels": task.labels}),
                key=f"score-{self._campaign}-{next(self._numbers)}",
                pure=False,
                resources=self._resources or None,
            )
            self._flying[task.key] = future
            self._client.loop.add_callback(self._follow, task, future)

    async def _follow(self, task: Task, future: Future[Any]) -> None:
        """Put the answer to a task, or its error, into the inbox; run in the client's thread, so that no one waits."""
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
                return [Outcome.failed(task, reason)]
            self._waiting.append(task)
        elif isinstance(answer, Exception):
            self._trouble = f"a Dask worker cannot score: {type(answer).__name__}: {answer}"
        elif "refused" in answer:
            self._trouble = f"a Dask worker cannot score {answer['refused']}"
        else:
            return [Outcome.of(answer)]
        return []

    def _look_round(self) -> None:
        """Count the workers anew now and then, and log a hint if none comes."""
        now = time.monotonic()
        if now - self._counted >= _COUNT_EVERY and self._client.status == "running":
            self._counted = now
            self._client.loop.add_callback(self._count)
        if self._slots:
            self._seen = now
        elif now - self._seen >= _HINT_AFTER:
            self._seen = float("inf")
            offer = "".join(f" --resources '{name}={number:g}'" for name, number in self._resources.items())
            if self._address.startswith(_TLS):
                offer += " --tls-ca-file … --tls-cert … --tls-key …"
            logger.warning("no Dask worker yet; waiting for one: dask worker %s --nthreads 1%s", self._address, offer)

    async def _count(self) -> None:
        with suppress(OSError):
            workers = (await self._client.scheduler.identity())["workers"].values()
            slots = 0
            for worker in workers:  # it scores as many at a time as it has threads, or as its resources allow
                offers = (worker["resources"].get(name, 0) // number for name, number in self._resources.items())
                slots += int(min([worker["nthreads"], *offers]))
            self._slots = slots

    async def _say_goodbye(self) -> None:
        await self._client.cancel(list(self._flying.values()), force=True)
        await self._client.run(release, self._campaign, on_error="ignore")


def engine(
    config: Config,
    address: str | None = None,
    workers: int | None = None,
    resources: Mapping[str, float] | None = None,
    security: bool | Mapping[str, Any] | Security | None = None,
) -> DaskEngine:
    """Start the engine ``dask``.

    Args:
        config: the campaign.
        address: of a scheduler, such as ``tcp://node01:8786``; it and its workers need the same versions of torch and
            of this package, and the workers the images under the same path.
        workers: without an address, number of worker processes on this machine (1).
        resources: with an address, the share of a worker that a task occupies, such as ``{"GPU": 1}``. Only workers
            that offer it score (``dask worker … --nthreads 1 --resources "GPU=1"``, each with a
            ``CUDA_VISIBLE_DEVICES`` of its own).
        security: for a scheduler with TLS, whose address begins with ``tls://``: the files ``tls_ca_file``,
            ``tls_client_cert`` and ``tls_client_key``, or the ``security`` of a cluster; unless given, those of Dask's
            own configuration, ``distributed.comm.tls``. Without an address, True: with TLS, by certificates that are
            made for this cluster.

    Raises:
        ImportError: Dask Distributed is not installed, or what makes certificates.
        ValueError: options that do not go together, or certificates that cannot be used.
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
    certificates = _certificates(security, address)
    if address:
        return DaskEngine(config, connect(address, certificates), resources=resources)
    return DaskEngine(config, *start_cluster(workers or 1, certificates))


def connect(address: str, security: Security | None = None) -> Client:
    """Return a client of the scheduler at an address such as ``tcp://node01:8786``.

    Args:
        address: the address.
        security: certificates for ``tls://``; None: those of Dask's configuration.

    Raises:
        EngineError: no scheduler answers there.
        ValueError: it wants certificates, and there are none.
    """
    from distributed import Client

    client = Client.__new__(Client)
    try:
        client.__init__(address, timeout=CONNECT, set_as_default=False, security=security)
        return client
    except TypeError as error:  # Dask's, for want of certificates
        raise ValueError(
            f"{address} needs certificates: give security: {{{': …, '.join(_FILES)}: …}}, or set distributed.comm.tls "
            f"in Dask's own configuration ({error})"
        ) from error
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no Dask scheduler answers at {address} ({error}): is it running, and the address (tcp://host:port, or "
            "tls:// for one with TLS) right?"
        ) from error
    finally:
        # What did not connect is closed here: garbage collection would do it anywhere, such as while another client
        # starts, and wait for that one for ever.
        if client.status not in ("running", "closed"):
            client.close()


def _certificates(given: bool | Mapping[str, Any] | Security | None, address: str | None) -> Security | None:
    """Return certificates for a client, or for a cluster; None: as Dask's configuration has them.

    Raises:
        ImportError: none can be made, for want of cryptography.
        ValueError: there is no such option or file, or a file is none that can be used.
    """
    from distributed import Security

    if isinstance(given, bool) and (given is False or address):
        raise ValueError(f"security must be a mapping with {', '.join(_FILES)}, or true where no address is given")
    if given is None or isinstance(given, Security):
        return given
    if given is True:
        return Security.temporary()
    for name, value in given.items():
        if name.startswith("tls_") and "\n" not in str(value) and not Path(str(value)).is_file():
            raise ValueError(f"security: {name}: there is no file {value}")
    try:
        found = Security(require_encryption=True, **given)
        found.get_connection_args("client")
    except TypeError as error:
        raise ValueError(f"security must be a mapping with {', '.join(_FILES)}: {error}") from error
    except OSError as error:  # an SSLError is one
        raise ValueError(f"security: {', '.join(map(str, given.values()))} cannot be used: {error}") from error
    return found


def start_cluster(workers: int, security: Security | None = None) -> tuple[Client, LocalCluster]:
    """Start a cluster of worker processes that only this machine can reach; return its client and the cluster.

    Ctrl-C reaches all processes of a terminal; Dask's end by it, but whether to stop is the driver's decision. So they
    are started by a thread that blocks the signal, which they inherit, also those that replace dead ones.
    """
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # of its web server, which it starts even so
        security=security,
        memory_limit=None,  # the scoring processes have theirs
        silence_logs=logging.CRITICAL,
    )
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # it comes with the first process, and would unblock the signal
        cluster.loop.add_callback(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT})
    cluster.scale(workers)
    return Client(cluster, timeout=CONNECT, set_as_default=False), cluster


# Inside a Dask worker --------------------


def score_task(setup: str, task: str) -> dict[str, Any]:
    """Score an architecture in the scoring process of this thread.

    Args:
        setup: the engine's, as JSON: its id, the configuration, the driver's :func:`~.local.expectations`, and the
            command of a scoring process.
        task: key and labels, as JSON.

    Returns:
        The outcome as plain values, or ``{"refused": reason}``; empty if the campaign has ended meanwhile.
    """
    given = json.loads(setup)
    if (theirs := given["expected"]["versions"]) != versions():
        return _refused(f"it has {_shown(versions())}, but the driver {_shown(theirs)}")
    child = _child(given)
    try:
        found = child.score(Task(**json.loads(task)))
    except EngineError as error:
        return _refused(str(error))
    return found.plain() if found else {}


def release(campaign: str) -> None:
    """End the scoring processes of a campaign in this Dask worker, also busy ones."""
    _ended.add(campaign)
    for child in list(_children):
        if child.campaign == campaign:
            child.rest()


class _Child:
    """The scoring process of a thread of a Dask worker, started when it is needed."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self.campaign: str = setup["campaign"]
        self._config, self._setup = Config.trusted(setup["config"]), setup
        self._engine: LocalEngine | None = None
        self._busy = threading.Lock()
        self._alarm = threading.Timer(IDLE, self.rest)

    def score(self, task: Task) -> Outcome | None:
        """Return the outcome of a task; None once the campaign has ended."""
        self._alarm.cancel()
        found = None
        with self._busy:
            try:
                self._engine = self._engine or LocalEngine(
                    self._config, command=self._setup["command"], expected=self._setup["expected"]
                )
                self._engine.submit(task)
                while found is None and self.campaign not in _ended:
                    found = next(iter(self._engine.collect(_PATIENCE)), None)
            finally:
                if found is None:
                    self._close()
        self._alarm = threading.Timer(IDLE, self.rest)
        self._alarm.daemon = True
        self._alarm.start()
        return found

    def rest(self) -> None:
        """End the process if it is idle; one at work is ended by its own thread, which sees that the campaign ended."""
        if self._busy.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._busy.release()

    def _close(self) -> None:
        if self._engine:
            self._engine.close()
            self._engine = None


_here = threading.local()
_children: WeakSet[_Child] = WeakSet()
_ended: set[str] = set()


def _child(setup: Mapping[str, Any]) -> _Child:
    """Return this thread's scoring process, and end that of an earlier campaign."""
    child: _Child | None = getattr(_here, "child", None)
    if child is None or child.campaign != setup["campaign"]:
        if child:
            child.rest()
        child = _here.child = _Child(setup)
        _children.add(child)
    return child


def _refused(why: str) -> dict[str, Any]:
    return {"refused": f"on {gethostname()}: {why}"}


def _shown(found: dict[str, str]) -> str:
    return " and ".join(f"{name} {number}" for name, number in found.items())
