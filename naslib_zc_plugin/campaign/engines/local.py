"""Supervised processes on this machine."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from queue import Empty, Queue
from typing import Any

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines.base import EngineError
from naslib_zc_plugin.campaign.outcome import Outcome, Task, failed, outcome
from naslib_zc_plugin.campaign.supervised import Message, Supervised

# Faults of the process itself repeat; other deaths may be somebody's doing (kill -9, the system short of memory).
FAULTS = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")
FAULTS_ALLOWED, DEATHS_ALLOWED = 2, 5
STILLBIRTHS_ALLOWED = 10


class LocalEngine:
    """Keeps ``workers`` scoring processes at work, and replaces those that die.

    An architecture that kills its process (2 times by a fault such as a segmentation fault, 5 times by whatever else)
    has failed; one over the time limit has failed at once.

    Args:
        config: the campaign.
        workers: number of processes.

    Raises:
        ValueError: fewer than one worker.
    """

    def __init__(self, config: Config, workers: int = 1) -> None:
        if not isinstance(workers, int) or workers < 1:
            raise ValueError(f"workers must be a whole number of at least 1, not {workers!r}")
        self._config = config
        self._inbox: Queue[Message] = Queue()
        self._waiting: deque[Task] = deque()
        self._done: list[Outcome] = []
        self._deaths: Counter[str] = Counter()
        self._stillbirths = 0
        self._wanted = workers
        self._workers: set[Supervised] = set()

    @property
    def capacity(self) -> int:
        """Each worker's task and the next."""
        return 2 * self._wanted

    @property
    def pids(self) -> list[int]:
        """Numbers of the scoring processes."""
        return [worker.pid for worker in self._workers]

    def submit(self, task: Task) -> None:
        """Take a task; processes are started as they are needed."""
        self._waiting.append(task)
        self._dispatch()

    def collect(self, timeout: float) -> Sequence[Outcome]:
        """What was finished since the last call, see :class:`~.base.Engine`."""
        end = time.monotonic() + timeout
        while not self._done and self._workers:
            self._enforce_time_limit()
            left = min([end, *self._deadlines()]) - time.monotonic()
            try:
                self._receive(*self._inbox.get(timeout=max(left, 0.01)))
            except Empty:
                if time.monotonic() >= end:
                    break
        while not self._inbox.empty():
            self._receive(*self._inbox.get())
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            worker.kill()
        while self._workers:
            self._workers.pop().bury()
        self._waiting.clear()

    def _dispatch(self) -> None:
        for worker in self._workers:
            if worker.state == "idle" and self._waiting:
                worker.score(self._waiting.popleft())
        starting = sum(worker.state == "starting" for worker in self._workers)
        for _ in range(min(self._wanted - len(self._workers), len(self._waiting) - starting)):
            self._workers.add(Supervised(self._config, self._inbox))

    def _receive(self, worker: Supervised, message: dict[str, Any] | None) -> None:
        if message is None:
            self._bury(worker)
        elif worker.state == "dying":
            return
        elif "refused" in message:
            raise EngineError(f"no worker can score: {message['refused']}")
        elif "ready" in message:
            worker.state, self._stillbirths = "idle", 0
        else:
            found = outcome(message)
            self._done.append(found)
            worker.state = "dying" if found.exhausted else "idle"
        self._dispatch()

    def _bury(self, worker: Supervised) -> None:
        self._workers.discard(worker)
        cause = worker.bury()
        if worker.state == "starting":
            self._stillbirths += 1
            if self._stillbirths > STILLBIRTHS_ALLOWED:
                raise EngineError(f"{self._stillbirths} workers died before they could score, the last of {cause}")
        elif worker.state == "busy" and worker.task:
            self._deaths[worker.task.key] += 1
            allowed = FAULTS_ALLOWED if cause in FAULTS else DEATHS_ALLOWED
            if self._deaths[worker.task.key] < allowed:
                self._waiting.append(worker.task)
            else:
                self._done.append(failed(worker.task, f"the worker died of {cause}, {allowed} times"))

    def _deadlines(self) -> list[float]:
        return [worker.since + self._config.time_limit for worker in self._workers if worker.state == "busy"]

    def _enforce_time_limit(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.state == "busy" and worker.task and now > worker.since + self._config.time_limit:
                self._done.append(failed(worker.task, f"took longer than {self._config.time_limit:g} s"))
                worker.kill()


def engine(config: Config, workers: int = 1) -> LocalEngine:
    """The engine ``local``: ``workers`` processes on this machine, with the campaign's ``threads`` each."""
    return LocalEngine(config, workers)
