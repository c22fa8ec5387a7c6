"""What an architecture is worth to a proxy, before it is evaluated."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Callable, Optional

from naslib_zc_plugin.hosts.naslib.predictor import ZeroCostPredictor
from naslib_zc_plugin.record import ProxyRequest

Fitness = Callable[[Any], Optional[float]]
logger = logging.getLogger(__name__)


def fitness(asked: Any, **data: Any) -> Fitness:
    """What a parsed graph is worth to a proxy, higher is better; None where it is undefined or fails.

    Args:
        asked: a :class:`.predictor.ZeroCostPredictor`, a function of the graph, or what that predictor is made of: a
            proxy by its name, or a mapping with its options.
        data: arguments of the predictor that is made.

    Raises:
        ValueError, TypeError: no such proxy, or data that it cannot be made with.
    """
    if isinstance(asked, ZeroCostPredictor):
        found: Fitness = asked.fitness
        return found
    if isinstance(asked, (str, Mapping, ProxyRequest)):
        made: Fitness = ZeroCostPredictor(asked, **data).fitness
        return made
    return _defined(asked)


def _defined(worth: Callable[[Any], Any]) -> Fitness:
    def found(graph: Any) -> float | None:
        try:
            value = float(worth(graph))
        except Exception:
            logger.warning("a score failed", exc_info=True)
            return None
        return value if math.isfinite(value) else None

    return found
