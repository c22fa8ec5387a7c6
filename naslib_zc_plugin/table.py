"""Scores of many architectures as one table, which a campaign makes and a report reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

STATUSES = ("pending", "ok", "undefined", "failed")
"""The meaning of a code in :attr:`Column.status`; ``pending``: not scored yet. Stores hold codes, never these texts."""


@dataclass(frozen=True, eq=False)
class Column:
    """One proxy's scores, an entry per architecture of the table.

    Attributes:
        proxy: the proxy's name (the column's label may be another).
        version: its version.
        higher_is_better: its direction.
        values: float64, NaN where the status is not ``ok``; finite otherwise.
        status: uint8, positions in :data:`STATUSES`.
        seconds: float64, of every pass that the proxy needed, NaN where not known.
        options: the proxy's options that were given.
    """

    proxy: str
    version: int
    higher_is_better: bool
    values: NDArray[np.float64]
    status: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    options: Mapping[str, Any] = field(default_factory=dict)

    def count(self, status: str) -> int:
        """Return how many architectures have a status of :data:`STATUSES`."""
        return int(np.count_nonzero(self.status == STATUSES.index(status)))


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Architectures × proxies.

    Attributes:
        name: where it comes from, for titles and messages.
        keys: the architectures, each once.
        columns: by label, each with one entry per key.
        facts: how the scores were made: the campaign's configuration (``space``, ``preset``, ``images``, ``seed``,
            ``threads``, ``device`` …) as plain values.
    """

    name: str
    keys: Sequence[str]
    columns: Mapping[str, Column]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __getitem__(self, label: str) -> Column:
        if label not in self.columns:
            raise ValueError(f"{self.name} has no scores called {label!r}; it has {', '.join(self.columns)}")
        return self.columns[label]

    def of_all(self, keys: Sequence[str], class_of: Callable[[str], str] | None) -> ScoreTable:
        """Return the scores of a whole space, given those of one architecture of each class of identical networks.

        Args:
            keys: the architectures of the space.
            class_of: returns the class that an architecture is of; None where classes are not known.

        Returns:
            The table itself, unless it has one architecture of each class, and of no class two.
        """
        if class_of is None or len(self) == len(keys):
            return self
        places = {class_of(key): row for row, key in enumerate(self.keys)}
        classes = list(map(class_of, keys))
        if len(places) < len(self) or places.keys() != set(classes):
            return self
        rows = [places[each] for each in classes]
        columns = {
            label: replace(column, values=column.values[rows], status=column.status[rows], seconds=column.seconds[rows])
            for label, column in self.columns.items()
        }
        facts = {**self.facts, "identical": "each network has the scores of the one of its class that was scored"}
        return ScoreTable(self.name, keys, columns, facts)
