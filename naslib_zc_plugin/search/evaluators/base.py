"""What evaluators are, and what they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Evaluation:
    """What an architecture is worth.

    Attributes:
        fitness: higher is better; None: it failed, or is undefined.
        seconds: what the evaluation costs on the search's clock.
        reason: why there is no fitness.
        told: what else was found, by name, such as a test accuracy that must not guide the search.
    """

    fitness: float | None
    seconds: float
    reason: str = ""
    told: Mapping[str, float] = field(default_factory=dict)


class Evaluator(Protocol):
    """Gives architectures their fitness. An exception fails the architecture, not the search."""

    @property
    def costly(self) -> bool:
        """Whether an evaluation is worth writing down at once."""

    @property
    def tells(self) -> tuple[str, ...]:
        """Names of what it tells besides the fitness."""

    def __call__(self, key: str) -> Evaluation:
        """The fitness of a key: the same whenever it is asked for."""

    def facts(self) -> dict[str, Any]:
        """What the fitness depends on besides the key, as values that JSON knows."""

    def notes(self) -> list[str]:
        """What a reader must know, a line each."""
