"""A scoring process: ``python -m naslib_zc_plugin.campaign.worker``, lines of JSON in and out.

The first line that comes in is the configuration, each further one a task; each line that goes out is
``{"ready": true}``, ``{"refused": reason}`` or an outcome. It ends when its input ends, also in the middle of an
architecture: nothing is left behind when the supervisor is killed.

With the number of a socket as its argument (Linux) it loads torch, the proxies and the images of the configuration, and
forks into such a process for each three descriptors that come through the socket: the process's input, output and
errors. To that output it adds ``{"forked": number}`` and, at the end, ``{"ended": exit code}`` (negative: a signal).
When the socket is closed, it ends; then, and when it is killed, the kernel ends its forks.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from queue import Queue
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.scorer import Scorer

_GIB = 2**30


def keep_memory() -> None:
    """Have the C library keep what is freed: a score frees large blocks and takes them again, each page anew.

    It is for processes of this package's own alone, and does nothing where the library is not glibc.
    """
    with suppress(AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: the heap does not shrink
        library.mallopt(-4, 0)  # M_MMAP_MAX: all blocks are of the heap


def serve() -> None:
    """Answer tasks until the input ends, in this process or in forks of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    scorer = _forked(socket.socket(fileno=int(sys.argv[1]))) if sys.argv[1:] else None
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)  # the output of a network is no answer
        inbox: Queue[dict[str, Any]] = Queue()
        setup = json.loads(sys.stdin.readline())
        threading.Thread(target=_read, args=(inbox,), daemon=True).start()
        _serve(setup, scorer, inbox, output)


def _read(inbox: Queue[dict[str, Any]]) -> None:
    """Put tasks into the inbox, and end the process with the input."""
    for line in sys.stdin:
        inbox.put(json.loads(line))
    os._exit(0)


def _serve(setup: dict[str, Any], scorer: Scorer | None, inbox: Queue[dict[str, Any]], output: IO[str]) -> None:
    from naslib_zc_plugin.campaign.engines import Task

    try:
        scorer = scorer or _scorer(setup)
        _limit(setup["memory_limit"])
    except Exception as error:
        _send(output, {"refused": f"{type(error).__name__}: {error}"})
        return
    _send(output, {"ready": True})
    keep_memory()
    while True:
        task = inbox.get()
        outcome = scorer(Task(task["key"], tuple(task["labels"])))
        _send(output, outcome.plain())
        if outcome.exhausted:
            return


def _scorer(setup: dict[str, Any]) -> Scorer:
    """Return what scores a configuration, with the versions and images that the supervisor has found."""
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.campaign.engines import versions
    from naslib_zc_plugin.campaign.scorer import Scorer

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
    return scorer


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


# A server of forks --------------------


def _forked(channel: socket.socket) -> Scorer | None:
    """Fork for each request that comes through the channel; return in the new processes alone, with the scorer."""
    scorer = _loaded()
    alone, server, outputs = threading.active_count() == 1, os.getpid(), dict[int, int]()
    told, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken
    while True:
        ready, _, _ = select.select([channel.fileno(), told], [], [])
        if told in ready:
            os.read(told, 1024)
            _reap(outputs)
        if channel.fileno() in ready:
            request, streams, _, _ = socket.recv_fds(channel, 1, 3)
            if not request:
                os._exit(0)
            try:
                number = os.fork()
            except OSError:  # no memory, or too many processes
                _tell(streams[1], ended=os.EX_OSERR)
            else:
                if not number:
                    break
                outputs[number] = os.dup(streams[1])
                _tell(streams[1], forked=number)
            for stream in streams:
                os.close(stream)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it ends with its parent
    if os.getppid() != server:  # it ended before that
        os._exit(0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in (*streams, *outputs.values(), told, woken, channel.detach()):
        os.close(stream)
    torch = sys.modules.get("torch")
    if not alone or (torch and torch.cuda._is_in_bad_fork()):  # what was loaded has started a thread, or asked for GPUs
        os.execv(sys.executable, [sys.executable, "-m", "naslib_zc_plugin.campaign.worker"])  # noqa: S606
    return scorer


def _loaded() -> Scorer | None:
    """Return the scorer of the configuration that comes in, after all imports; None where a worker will say why not."""
    os.dup2(2, 1)
    setup, scorer = json.loads(sys.stdin.readline()), None
    with suppress(Exception):
        import torch

        from naslib_zc_plugin.passes.capture import Unseen
        from naslib_zc_plugin.passes.seeding import own_states

        with own_states(torch.device("cpu"), 1):  # a pool of threads does not survive a fork
            scorer = _scorer(setup)
            with Unseen(lambda: False):
                torch.zeros(1)  # the first call that is watched so has torch import as much again
    gc.collect()
    gc.freeze()  # what is never looked at stays shared
    return scorer


def _reap(outputs: dict[int, int]) -> None:
    """Tell of the processes that have ended."""
    for number in list(outputs):
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            _tell(outputs[number], ended=os.waitstatus_to_exitcode(status))
            os.close(outputs.pop(number))


def _tell(output: int, **message: int) -> None:
    with suppress(OSError):  # the supervisor is gone
        os.write(output, f"\n{json.dumps(message)}\n".encode())  # perhaps after half a line


if __name__ == "__main__":
    serve()
