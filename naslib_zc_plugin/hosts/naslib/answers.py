"""What NASLib gets for a score: always a finite number, higher is better, and none for a score that there is not.

NASLib ranks predictions, and feeds them to trees, in single precision. So a number is turned round where lower is
better; of a synaptic flow, which reaches 1e50, it is the logarithm (0 stays 0) as in NASLib; and what goes beyond ±1e30
is cut there. A graph without a score comes last: in a list just below the lowest of the list; alone, where nothing is
known of the others, at :data:`LAST`, which nothing else reaches and which does not depend on what was asked before.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from naslib_zc_plugin import presets
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.score import Score

LAST = -1e30
"""A graph without a score, on its own."""
_LOGS = presets.preset("naslib").logs
logger = logging.getLogger(__name__)


def number(found: Score, undefined: float | None = None) -> float:
    """A score as NASLib gets it.

    Args:
        found: score.
        undefined: instead of :data:`LAST` where there is none.
    """
    if found.value is None:
        logger.info("%s is %s: %s", found.name, found.status, found.reason)
        return LAST if undefined is None else undefined
    return told(found.name, found.value)


def told(proxy: str, value: float) -> float:
    """A proxy's value as NASLib gets it.

    Raises:
        ValueError: no such proxy.
    """
    if proxy in _LOGS and value > 0:
        value = math.log(value)
    return _cut(value if describe(proxy).higher_is_better else -value)


def known_number(value: Any) -> float:
    """A score of a ``zc_api``, which is a number of NASLib's already; :data:`LAST` where it is none, or not finite."""
    return _cut(float(value)) if value is not None and math.isfinite(value) else LAST


def _cut(value: float) -> float:
    return min(max(value, math.nextafter(LAST, 0.0)), -LAST)


def numbers(found: Sequence[Score], undefined: float | None = None) -> np.ndarray:
    """The scores of a list as NASLib gets them, float64.

    Args:
        found: scores of one proxy.
        undefined: where there is none; by default as far below the lowest as a tenth of the distance to the highest,
            and :data:`LAST` where the list holds none at all.
    """
    known = [number(each) for each in found if each.value is not None]
    if undefined is None and known:
        low, high = min(known), max(known)
        undefined = min(low - (high - low) / 10, math.nextafter(low, -math.inf))
    return np.array([number(each, undefined) for each in found], dtype=np.float64)
