"""What a search has evaluated, and what was the best when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Optional

Entry = tuple[str, Optional[float]]


class Record:
    """Keys and what they were worth, by epoch, from 0.

    Attributes:
        entries: (key, fitness or None) in the order told.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._improved: list[int] = []  # epochs whose architecture was the best until then

    def add(self, key: str, worth: float | None, best: bool) -> None:
        """An epoch's evaluation; ``best`` says whether it is the best so far."""
        if best:
            self._improved.append(len(self.entries))
        self.entries.append((key, worth))

    def last(self, epoch: int) -> Entry | None:
        """What was evaluated in an epoch, or before it if nothing was; None: nothing ever."""
        return self.entries[min(epoch, len(self.entries) - 1)] if self.entries else None

    def best(self, epoch: int) -> Entry | None:
        """The best until an epoch, that one included; None: nothing has a fitness."""
        count = bisect_right(self._improved, epoch)
        return self.entries[self._improved[count - 1]] if count else None

    def state(self) -> dict[str, Any]:
        """As values that JSON knows."""
        return {"history": [list(entry) for entry in self.entries], "improved": self._improved}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Record:
        """The record whose :meth:`state` was kept.

        Raises:
            LookupError, TypeError, ValueError: it is damaged.
        """
        made = cls()
        made.entries = [(str(key), None if worth is None else float(worth)) for key, worth in state["history"]]
        made._improved = [int(epoch) for epoch in state["improved"]]
        return made
