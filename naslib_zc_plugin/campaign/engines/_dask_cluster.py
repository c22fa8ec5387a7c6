"""Reaching a Dask cluster, or starting one on this machine."""

from __future__ import annotations

import logging
import signal
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from naslib_zc_plugin.campaign.engines.base import EngineError

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

CONNECT = 10.0
"""Seconds for reaching a scheduler, the first time and after it was lost."""


def connected(address: str) -> Client:
    """A client of the scheduler at an address such as ``tcp://node01:8786``.

    Raises:
        EngineError: nobody answers there.
    """
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no Dask scheduler answers at {address} ({error}): is it running, and the address (tcp://host:port) right?"
        ) from error


def started(workers: int) -> tuple[Client, LocalCluster]:
    """A cluster of worker processes on this machine, seen from nowhere else, and its client.

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
        memory_limit=None,  # the scoring processes have theirs
        silence_logs=logging.CRITICAL,
    )
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # it comes with the first process, and would unblock the signal
        cluster.loop.add_callback(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT})
    cluster.scale(workers)
    return Client(cluster, timeout=CONNECT, set_as_default=False), cluster
