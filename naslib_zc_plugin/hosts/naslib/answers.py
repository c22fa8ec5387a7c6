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

from naslib_zc_plugin.campaign.naslib_json import below, naslib_number
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.scoring import Score

LAST = -2e30
"""A graph without a score, on its own."""
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
    return naslib_number(found.name, found.version, describe(found.name).higher_is_better, found.value)


def known_number(value: Any) -> float:
    """A score of a ``zc_api``, which is a number of NASLib's already; :data:`LAST` where it is none, or not finite."""
    return naslib_number("", 0, True, float(value)) if value is not None and math.isfinite(value) else LAST


def numbers(found: Sequence[Score], undefined: float | None = None) -> np.ndarray:
    """The scores of a list as NASLib gets them, float64.

    Args:
        found: scores of one proxy.
        undefined: where there is none; by default what lies :func:`~naslib_zc_plugin.campaign.naslib_json.below` the lowest;
            :data:`LAST` where the list holds none at all.
    """
    known = [number(each) for each in found if each.value is not None]
    if undefined is None and known:
        undefined = below(min(known), max(known))
    return np.array([number(each, undefined) for each in found], dtype=np.float64)
