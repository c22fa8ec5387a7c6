"""A benchmark at hand, and what its columns are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Measure:
    """What a column holds.

    Attributes:
        description: what was measured, and how.
        unit: ``"%"`` (0 to 100), ``"fraction"`` (0 to 1), ``"s"``, ``"M"`` (millions), ``""`` for a count.
        higher_is_better: None where neither direction is better by itself.
        gaps: whether architectures may be without it.
        cost: the column of the training's seconds and the share of them that this measurement took; None where no
            column tells.
    """

    description: str
    unit: str
    higher_is_better: bool | None
    gaps: bool = False
    cost: tuple[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A checked table: architectures × measures.

    Attributes:
        name: the benchmark's name.
        path: the file it was read from.
        keys: the architectures as the space writes them, in the benchmark's order, each once.
        columns: by name, what each holds.
        partial: whether architectures of the benchmark are missing, as the table itself says.
    """

    name: str
    path: Path
    keys: tuple[str, ...]
    columns: Mapping[str, Measure]
    partial: bool
    _values: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, name: str) -> dict[str, float]:
        """Key → number, in the order of ``keys``; architectures without one are left out.

        Raises:
            ValueError: no such column; the message names the closest.
        """
        if name not in self.columns:
            raise ValueError(f"{self.name} has no column {name!r}; {closest(name, self.columns)}")
        values = self._values[name]
        return {key: value for key, value in zip(self.keys, values.tolist()) if value == value}

    def training_seconds(self, name: str) -> dict[str, float]:
        """Key → seconds of the training that a measurement took, where only longer trainings were timed their share.

        Raises:
            ValueError: no such column, or its training was not timed.
        """
        self.column(name)
        cost = self.columns[name].cost
        if cost is None or cost[0] not in self.columns:
            timed = [each for each, measure in self.columns.items() if measure.cost and measure.cost[0] in self.columns]
            raise ValueError(f"{self.name} does not tell what {name!r} took; it does for {', '.join(timed) or 'none'}")
        return {key: cost[1] * seconds for key, seconds in self.column(cost[0]).items()}


def closest(name: str, known: Iterable[str]) -> str:
    """Advice on a name that is not known: the closest ones, or all."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are {', '.join(known)}"
