"""What every engine can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from naslib_zc_plugin.campaign.outcome import Outcome, Task


class EngineError(OSError):
    """Scoring processes cannot be started or reached: no architecture's fault, and nothing scored is lost."""


class Engine(Protocol):
    """Scores tasks somewhere.

    Every task that is submitted comes back exactly once, as an outcome, also if its process hangs, crashes or is
    killed.
    """

    @property
    def capacity(self) -> int:
        """How many tasks it wants to hold, so that no worker waits for the next one."""

    def submit(self, task: Task) -> None:
        """Take a task."""

    def collect(self, timeout: float) -> Sequence[Outcome]:
        """What was finished since the last call; waits for up to ``timeout`` seconds if there is nothing.

        Raises:
            EngineError: there is no one left who scores.
        """

    def close(self) -> None:
        """End all scoring at once; what is in flight is dropped."""
