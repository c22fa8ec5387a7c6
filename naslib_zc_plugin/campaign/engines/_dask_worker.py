"""What runs inside a Dask worker: each of its threads keeps one scoring process, as :mod:`.local` keeps several.

So time limits, memory, crashes and poisonous architectures are treated as they are on one machine. A scoring process
ends with its Dask worker, with its campaign, and when nothing was asked of it for a while: nothing stays behind on a
cluster that belongs to others as well.
"""

from __future__ import annotations

import json
import threading
from importlib.metadata import PackageNotFoundError, version
from socket import gethostname
from typing import Any
from weakref import WeakSet

from naslib_zc_plugin import __version__
from naslib_zc_plugin.campaign.config import Config
from naslib_zc_plugin.campaign.engines.base import EngineError
from naslib_zc_plugin.campaign.engines.local import LocalEngine
from naslib_zc_plugin.campaign.outcome import Outcome, Task

IDLE = 60.0
"""Seconds after which an idle scoring process is ended, say of a campaign whose driver was killed."""
_PATIENCE = 0.1


def versions() -> dict[str, str]:
    """What driver and workers must agree on: it stands beside every score."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "missing"
    return {"naslib-zc-plugin": __version__, "torch": torch}


def score(setup: str, task: str) -> dict[str, Any]:
    """Score an architecture in the scoring process of this thread.

    Args:
        setup: the engine's, as JSON: its id, the configuration, and the driver's :func:`versions`.
        task: key and labels, as JSON.

    Returns:
        The outcome as plain values, or ``{"refused": why}``; empty if the campaign has ended meanwhile.
    """
    given = json.loads(setup)
    if given["versions"] != versions():
        return _refused(f"it has {_told(versions())}, but the driver {_told(given['versions'])}")
    child = _child(given["campaign"], given["config"])
    try:
        found = child.score(Task(**json.loads(task)))
    except EngineError as error:
        return _refused(str(error))
    return found.plain() if found else {}


def release(campaign: str) -> None:
    """End the scoring processes of a campaign in this Dask worker, whatever they are at."""
    _ended.add(campaign)
    for child in list(_children):
        if child.campaign == campaign:
            child.rest()


class _Child:
    """The scoring process of a thread, started when it is needed."""

    def __init__(self, campaign: str, config: Config) -> None:
        self.campaign = campaign
        self._config = config
        self._engine: LocalEngine | None = None
        self._busy = threading.Lock()
        self._alarm = threading.Timer(IDLE, self.rest)

    def score(self, task: Task) -> Outcome | None:
        """The outcome of a task; None once the campaign has ended."""
        self._alarm.cancel()
        found = None
        with self._busy:
            try:
                found = self._found(task)
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

    def _found(self, task: Task) -> Outcome | None:
        self._engine = self._engine or LocalEngine(self._config)
        self._engine.submit(task)
        while self.campaign not in _ended:
            for found in self._engine.collect(_PATIENCE):
                return found
        return None

    def _close(self) -> None:
        if self._engine:
            self._engine.close()
            self._engine = None


_here = threading.local()
_children: WeakSet[_Child] = WeakSet()
_ended: set[str] = set()


def _child(campaign: str, config: dict[str, Any]) -> _Child:
    """This thread's; that of an earlier campaign makes room."""
    child: _Child | None = getattr(_here, "child", None)
    if child is None or child.campaign != campaign:
        if child:
            child.rest()
        child = _here.child = _Child(campaign, Config(**config))
        _children.add(child)
    return child


def _refused(why: str) -> dict[str, Any]:
    return {"refused": f"on {gethostname()}: {why}"}


def _told(found: dict[str, str]) -> str:
    return " and ".join(f"{name} {number}" for name, number in found.items())
