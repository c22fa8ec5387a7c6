"""What a model is worth before it is evaluated: by a proxy, or by any function of its network."""

from __future__ import annotations

import logging
import math
from typing import Any, Callable, Optional

from nni.nas.space import ExecutableModelSpace

from naslib_zc_plugin.hosts._scoring import NoScore
from naslib_zc_plugin.hosts.nni.networks import network
from naslib_zc_plugin.hosts.nni.samples import key_of
from naslib_zc_plugin.hosts.nni.scoring import Scorer
from naslib_zc_plugin.record import ProxyRequest

Fitness = Callable[[ExecutableModelSpace], Optional[float]]
logger = logging.getLogger(__name__)


def fitness(asked: Any, **data: Any) -> Fitness:
    """What a model is worth to a proxy; None where it is undefined or fails, which is logged.

    Args:
        asked: a :class:`Scorer`; what holds one as ``scorer`` (an evaluator, a profiler); a function of the network,
            higher is better; or a proxy by name, see :class:`Scorer`.
        data: arguments of :class:`Scorer`; of a function only ``seed`` counts.

    Raises:
        ValueError, TypeError: as for :class:`Scorer`.
    """
    scorer = asked if isinstance(asked, Scorer) else getattr(asked, "scorer", None)
    if isinstance(scorer, Scorer):
        return _defined(scorer.fitness)
    if callable(asked) and not isinstance(asked, (str, ProxyRequest)):
        return _defined(lambda model: float(asked(network(model, data.get("seed", 0), key_of(model.sample)))))
    return _defined(Scorer(asked, **data).fitness)


def _defined(worth: Callable[[ExecutableModelSpace], float]) -> Fitness:
    def found(model: ExecutableModelSpace) -> float | None:
        try:
            value = worth(model)
            return value if math.isfinite(value) else None
        except NoScore as error:
            logger.info("%s: %s", key_of(model.sample), error)
        except Exception:
            logger.warning("%s: the score failed", key_of(model.sample), exc_info=True)
        return None

    return found
