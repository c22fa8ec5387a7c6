"""What was asked for in an experiment, what is under way, and what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


class Ledger:
    """Keys by where they stand.

    Attributes:
        history: (key, fitness or None) of every evaluated architecture, in the order told.
    """

    def __init__(self) -> None:
        self.history: list[tuple[str, float | None]] = []
        self._running: Counter[str] = Counter()
        self._waiting: list[str] = []  # asked for before an interruption

    def waiting(self) -> str | None:
        """Take the next key that was under way when the search was interrupted."""
        return self._waiting.pop(0) if self._waiting else None

    def begin(self, key: str) -> None:
        """A key is under way."""
        self._running[key] += 1

    def end(self, key: str, fitness: float | None) -> bool:
        """A key was evaluated; False if it was not under way, and nothing is noted."""
        if not self._running[key]:
            return False
        self._running[key] -= 1
        self.history.append((key, fitness))
        return True

    def state(self) -> dict[str, Any]:
        """As values that JSON knows."""
        under_way = [*self._running.elements(), *self._waiting]
        return {"waiting": under_way, "history": [list(each) for each in self.history]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state` was taken; what was under way then waits."""
        self._waiting = list(state["waiting"])
        self.history = [(key, fitness) for key, fitness in state["history"]]
