"""A scoring process seen from outside: it is sent tasks, and its death is a message like any other."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from queue import Queue
from typing import Any

from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.outcome import Task

Message = tuple["Supervised", "dict[str, Any] | None"]
logger = logging.getLogger(__name__)


class Supervised:
    """Starts a scoring process.

    Its messages are put into ``inbox`` with the process itself, by a thread; None is the last one, its death.

    Attributes:
        state: ``starting``, ``idle``, ``busy`` or ``dying``.
        task: what it is scoring while it is busy.
        since: when that began (``time.monotonic``).
    """

    def __init__(self, config: Config, inbox: Queue[Message]) -> None:
        self.state = "starting"
        self.task: Task | None = None
        self.since = time.monotonic()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in bury()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "naslib_zc_plugin.campaign.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            encoding="utf-8",
            env={**os.environ, **_environment(config.threads)},
        )
        self._write(config.plain())
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def score(self, task: Task) -> None:
        """Let it score an architecture; its outcome, or its death, will be in the inbox."""
        self.state, self.task, self.since = "busy", task, time.monotonic()
        self._write({"key": task.key, "labels": list(task.labels)})

    def kill(self) -> None:
        """End it at once; what it says until then counts no more."""
        self.state = "dying"
        self._process.kill()

    def bury(self) -> str:
        """What it died of, in a few words; its own last words are logged."""
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                _close(pipe)
        self._words.seek(0)
        last = self._words.read()[-2000:].decode("utf-8", "replace").strip()
        self._words.close()
        if code and last:
            logger.debug("worker %d: %s", self.pid, last)
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:  # it is dead, which the inbox will tell
            logger.debug("worker %d cannot be written to", self.pid)

    def _listen(self, inbox: Queue[Message]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                inbox.put((self, json.loads(line)))
            except ValueError:  # killed in the middle of a line
                break
        inbox.put((self, None))


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # what was left to be written has no reader
        logger.debug("a pipe was closed with something in it")


def _environment(threads: int) -> dict[str, str]:
    """The parent's search path, whatever it was extended with, and the threads of numerical libraries."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {"PYTHONPATH": path, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
