"""Scoring processes on this machine; the death of one is a message like any other."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, Callable

from naslib_zc_plugin.campaign.config import Config, provenance
from naslib_zc_plugin.campaign.engines import EngineError, Outcome, Task, versions

# Faults of the process itself repeat; other deaths may have a cause outside (kill -9, the system short of memory).
FAULTS = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")
FAULTS_ALLOWED, DEATHS_ALLOWED = 2, 5
STARTUP_FAILURES_ALLOWED, HANGS_ALLOWED = 10, 1
STARTUP_LIMIT = 300.0
"""Seconds in which a scoring process is ready."""
_TICK, _PAUSE = 0.25, 1.0  # seconds between two looks at the processes; a longer time without a look was a pause
WORKER = (sys.executable, "-m", "naslib_zc_plugin.campaign.worker")
"""The command of a scoring process."""
Message = tuple["ScoringProcess", "dict[str, Any] | None"]
Started = tuple["subprocess.Popen[str]", IO[str], IO[str]]
logger = logging.getLogger(__name__)


class ScoringProcess:
    """A scoring process, seen from its parent.

    Its messages are put into ``inbox``, each with the process itself, by a thread; None is the last one, its death.

    Args:
        setup: the first line that it reads.
        inbox: for its messages.
        start: returns the process or the one that forks it, its input and its output, given a file for its errors.

    Attributes:
        state: ``starting``, ``idle``, ``busy`` or ``dying``.
        task: the task that it scores while it is busy.
        pid: the number of the process; until that is forked, of the one that does it.
        seconds: how long it has been starting or busy; without the time in which it, or this process, was stopped.
    """

    def __init__(self, setup: str, inbox: Queue[Message], start: Callable[[IO[bytes]], Started]) -> None:
        self.state = "starting"
        self.task: Task | None = None
        self.seconds = 0.0
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in reap()
        self._process, self._tasks, self._answers = start(self._stderr)
        self.pid = self._process.pid
        self._code: int | None = None
        self._write(setup)
        self._listener = threading.Thread(target=self._listen, args=(inbox,), daemon=True)
        self._listener.start()

    def score(self, task: Task) -> None:
        """Send it a task; the outcome, or the message of its death, will be in the inbox."""
        self.state, self.task, self.seconds = "busy", task, 0.0
        self._write(json.dumps({"key": task.key, "labels": list(task.labels)}))

    def let_pass(self, seconds: float) -> None:
        """Count time, unless the process is stopped by a signal or a debugger (Linux)."""
        if self.state in ("starting", "busy"):
            with suppress(OSError, IndexError):
                state = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
                if state.rpartition(")")[2].split()[0] in "Tt":
                    return
            self.seconds += seconds

    def kill(self) -> None:
        """End it at once, and ignore its messages until then; before it is forked, the process that takes so long."""
        self.state = "dying"
        if self.pid == self._process.pid:
            self._process.kill()
        elif self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> str:
        """Wait for its end and return the reason, a signal or an exit code; its stderr is logged at debug level."""
        self._listener.join(5.0)
        if self._code is None and self.pid != self._process.pid:
            self._process.kill()  # what should have told the code; with it, all its forks end
        code = self._process.wait() if self._code is None else self._code
        for pipe in (self._tasks, self._answers):
            with suppress(OSError):  # unwritten text has no reader
                pipe.close()
        self._stderr.seek(0)
        last = self._stderr.read()[-2000:].decode("utf-8", "replace").strip()
        self._stderr.close()
        if code and last:
            logger.debug("worker %d: %s", self.pid, last)
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def _write(self, line: str) -> None:
        try:
            self._tasks.write(line + "\n")
            self._tasks.flush()
        except OSError:  # it is dead: the inbox will have that message
            logger.debug("worker %d cannot be written to", self.pid)

    def _listen(self, inbox: Queue[Message]) -> None:
        for line in self._answers:
            with suppress(ValueError):  # killed in the middle of a line
                message = json.loads(line)
                self.pid, self._code = message.get("forked", self.pid), message.get("ended", self._code)
                if message.keys().isdisjoint(("forked", "ended")):
                    inbox.put((self, message))
        inbox.put((self, None))


class ForkServer:
    """A process that has torch, the proxies and the images loaded, of which scoring processes are forks (Linux).

    It ends with this process, and they end with it.

    Args:
        setup: the first line that a scoring process reads.
        threads: of each of them.
        errors: a file for its errors.
    """

    def __init__(self, setup: str, threads: int, errors: IO[bytes]) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process, tasks, answers = _spawned(WORKER, threads, errors, theirs.fileno())
        with suppress(OSError), answers, tasks:  # or it is dead
            tasks.write(setup + "\n")

    def fork(self, errors: IO[bytes]) -> Started:
        """Have it fork; where it cannot, nobody writes to the output."""
        (tasks, to_tasks), (answers, to_answers) = os.pipe(), os.pipe()
        with suppress(OSError):  # it is dead
            socket.send_fds(self._channel, [b"+"], [tasks, to_answers, errors.fileno()])
        for stream in (tasks, to_answers):
            os.close(stream)
        return self.process, os.fdopen(to_tasks, "w", encoding="utf-8"), os.fdopen(answers, encoding="utf-8")

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self._channel.close()


def _spawned(command: Sequence[str], threads: int, errors: IO[bytes], *descriptors: int) -> Started:
    path = os.pathsep.join(filter(None, sys.path))  # with all extensions
    process = subprocess.Popen(
        [*command, *map(str, descriptors)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
        encoding="utf-8", pass_fds=descriptors,
    )  # fmt: skip
    assert process.stdin and process.stdout
    return process, process.stdin, process.stdout


class LocalEngine:
    """An engine that keeps ``workers`` scoring processes at work, and replaces those that die.

    An architecture that kills its process (2 times by a fault such as a segmentation fault, 5 times by another cause)
    has failed; one over the time limit has failed at once. Time in which the processes, or this one, were stopped
    (Ctrl-Z, a frozen container) does not count. A process that looks at other images, or has other versions, than this
    one does not score.

    Args:
        config: the campaign.
        workers: number of processes.
        command: of a scoring process; it reads and writes the lines of :mod:`naslib_zc_plugin.campaign.worker`. Unless
            given, :data:`WORKER`, or on Linux forks of a process in which that has loaded torch and the images.
        expected: what a process must find, see :func:`expectations`; unless given, what this one finds.

    Raises:
        ValueError: fewer than one worker.
    """

    def __init__(
        self,
        config: Config,
        workers: int = 1,
        command: Sequence[str] | None = None,
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(workers, int) or workers < 1:
            raise ValueError(f"workers must be a whole number of at least 1, not {workers!r}")
        self._config, self._expected, self._setup = config, expected, ""
        self._command = command or (None if sys.platform == "linux" else WORKER)
        self._server: ForkServer | None = None
        self._inbox: Queue[Message] = Queue()
        self._waiting: deque[Task] = deque()
        self._done: list[Outcome] = []
        self._deaths: Counter[str] = Counter()
        self._startup_failures = self._hangs = 0
        self._looked = time.monotonic()
        self._wanted = workers
        self._workers: set[ScoringProcess] = set()

    @property
    def capacity(self) -> int:
        """One task and the next for each worker."""
        return 2 * self._wanted

    @property
    def pids(self) -> list[int]:
        """The numbers of the scoring processes."""
        return [worker.pid for worker in self._workers]

    def submit(self, task: Task) -> None:
        """Take a task; processes are started as they are needed."""
        self._waiting.append(task)
        self._dispatch()

    def collect(self, timeout: float) -> Sequence[Outcome]:
        """Return the outcomes since the last call, see :class:`~.Engine`."""
        end = time.monotonic() + timeout
        while not self._done and self._workers:
            self._empty_inbox()
            self._enforce_limits()
            left = end - time.monotonic()
            with suppress(Empty):
                if not self._done:
                    self._receive(*self._inbox.get(timeout=min(max(left, 0.01), _TICK)))
            if left <= 0:
                break
        self._empty_inbox()
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            worker.kill()
        while self._workers:
            self._workers.pop().reap()
        if self._server:
            self._server.close()
        self._waiting.clear()

    def _dispatch(self) -> None:
        for worker in self._workers:
            if worker.state == "idle" and self._waiting:
                worker.score(self._waiting.popleft())
        starting = sum(worker.state == "starting" for worker in self._workers)
        for _ in range(min(self._wanted - len(self._workers), len(self._waiting) - starting)):
            if not self._setup:
                expected = self._expected or expectations(self._config)
                self._setup = json.dumps({**self._config.plain(), "expected": expected})
            self._workers.add(ScoringProcess(self._setup, self._inbox, self._started))

    def _started(self, errors: IO[bytes]) -> Started:
        if self._command:
            return _spawned(self._command, self._config.threads, errors)
        if self._server and self._server.process.poll() is not None:
            self._server.close()
            self._server = None
        self._server = self._server or ForkServer(self._setup, self._config.threads, errors)
        return self._server.fork(errors)

    def _receive(self, worker: ScoringProcess, message: dict[str, Any] | None) -> None:
        if message is None:
            self._reap(worker)
        elif worker.state == "dying":
            return
        elif "refused" in message:
            raise EngineError(f"no worker can score: {message['refused']}")
        elif "ready" in message:
            worker.state, self._startup_failures, self._hangs = "idle", 0, 0
        else:
            found = Outcome.of(message)
            self._done.append(found)
            worker.state = "dying" if found.exhausted else "idle"
        self._dispatch()

    def _reap(self, worker: ScoringProcess) -> None:
        self._workers.discard(worker)
        cause = worker.reap()
        if worker.state == "starting":
            self._startup_failures += 1
            if self._startup_failures > STARTUP_FAILURES_ALLOWED:
                raise EngineError(f"{self._startup_failures} workers died before they could score, the last of {cause}")
        elif worker.state == "busy" and worker.task:
            self._deaths[worker.task.key] += 1
            allowed = FAULTS_ALLOWED if cause in FAULTS else DEATHS_ALLOWED
            if self._deaths[worker.task.key] < allowed:
                self._waiting.append(worker.task)
            else:
                self._done.append(Outcome.failed(worker.task, f"the worker died of {cause}, {allowed} times"))

    def _empty_inbox(self) -> None:
        while not self._inbox.empty():
            self._receive(*self._inbox.get())

    def _enforce_limits(self) -> None:
        """Kill the processes that were given more time than they may have."""
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        for worker in self._workers:
            worker.let_pass(passed if passed < _PAUSE else 0.0)
            if worker.state == "busy" and worker.task and worker.seconds > self._config.time_limit:
                self._done.append(Outcome.failed(worker.task, f"took longer than {self._config.time_limit:g} s"))
                worker.kill()
            elif worker.state == "starting" and worker.seconds > STARTUP_LIMIT:
                self._hangs += 1
                if self._hangs > HANGS_ALLOWED:
                    raise EngineError(
                        f"{self._hangs} workers were not ready after {STARTUP_LIMIT:g} s each: does it take so long "
                        "to import torch and to read the images here?"
                    )
                worker.kill()


def expectations(config: Config) -> dict[str, Any]:
    """Return what each scoring process must find as well: the images' digest, and the versions.

    Where they cannot be read here, there is a digest that no images have.
    """
    try:
        images = provenance(config)["images"]["sha256"]
    except (ValueError, TypeError, OSError, ImportError) as error:
        images = f"cannot be read by the driver: {error}"
    return {"images": images, "versions": versions()}


def engine(config: Config, workers: int = 1) -> LocalEngine:
    """Start the engine ``local``: ``workers`` processes on this machine, with the campaign's ``threads`` each.

    Raises:
        ValueError: fewer than one worker, or a graphics card that is not here.
    """
    kind, _, number = config.device.partition(":")
    if kind == "cuda":
        import torch

        if int(number or 0) >= torch.cuda.device_count():
            raise ValueError(f"device: {config.device}: torch finds {torch.cuda.device_count()} CUDA devices here")
    return LocalEngine(config, workers)
