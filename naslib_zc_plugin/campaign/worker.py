"""A scoring process: ``python -m naslib_zc_plugin.campaign.worker``, lines of JSON in and out.

The first line that comes in is the configuration, each further one a task; each line that goes out is
``{"ready": true}``, ``{"refused": reason}`` or an outcome. It ends when its input ends, also in the middle of an
architecture: nothing is left behind when the supervisor is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from queue import Queue
from typing import IO, Any

_GIB = 2**30


def serve() -> None:
    """Answer tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)  # the output of a network is no answer
        inbox: Queue[dict[str, Any]] = Queue()
        setup = json.loads(sys.stdin.readline())
        threading.Thread(target=_read, args=(inbox,), daemon=True).start()
        _serve(setup, inbox, output)


def _read(inbox: Queue[dict[str, Any]]) -> None:
    """Put tasks into the inbox, and end the process with the input."""
    for line in sys.stdin:
        inbox.put(json.loads(line))
    os._exit(0)


def _serve(setup: dict[str, Any], inbox: Queue[dict[str, Any]], output: IO[str]) -> None:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.campaign.engines import Task, versions
    from naslib_zc_plugin.campaign.scorer import Scorer

    try:
        expected = setup.pop("expected")
        if expected["versions"] != versions():
            raise ImportError(f"here are {versions()}, at the driver {expected['versions']}")
        config = Config(**setup)
        scorer = Scorer(config)
        if scorer.shown != expected["images"]:
            raise ValueError(
                f"{config.images or config.tokens}: other images than those of the campaign: their SHA-256 is "
                f"{scorer.shown}, and not {expected['images']}"
            )
        _limit(config.memory_limit)
    except Exception as error:
        _send(output, {"refused": f"{type(error).__name__}: {error}"})
        return
    _send(output, {"ready": True})
    while True:
        task = inbox.get()
        outcome = scorer(Task(task["key"], tuple(task["labels"])))
        _send(output, outcome.plain())
        if outcome.exhausted:
            return


def _send(output: IO[str], message: dict[str, Any]) -> None:
    output.write(json.dumps(message) + "\n")
    output.flush()


def _limit(gib: float | None) -> None:
    """Let allocations fail beyond ``gib`` GiB more than now: the error of one architecture, not a kill at random."""
    if gib is None or not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        data = int(file.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (data + int(gib * _GIB),) * 2)


if __name__ == "__main__":
    serve()
