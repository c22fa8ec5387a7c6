"""Checks of what strategies are given."""

from __future__ import annotations

import math
from typing import Any

LOWEST = -math.inf
"""The fitness of what has none: it never wins."""


def defined(fitness: float | None) -> float:
    """A fitness that can be compared: :data:`LOWEST` for None, NaN and infinities."""
    return float(fitness) if fitness is not None and math.isfinite(fitness) else LOWEST


def text(value: Any) -> str:
    """``value``, which is a text.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {value!r}")
    return value


def texts(value: Any) -> list[str]:
    """A copy of ``value``, which is a list of texts.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, list):
        raise TypeError(f"expected a list of texts, found {value!r}")
    return [text(item) for item in value]


def least(name: str, value: int, bound: int = 1) -> int:
    """``value``, which is a whole number of at least ``bound``.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < bound:
        raise ValueError(f"{name} must be a whole number, at least {bound}, not {value!r}")
    return value


def one_of(name: str, value: str, *known: str) -> str:
    """``value``, which is one of those that are known.

    Raises:
        ValueError: it is not.
    """
    if value not in known:
        raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, not {value!r}")
    return value
