"""What NASLib's benchmark says of architectures, asked through one graph."""

from __future__ import annotations

import logging
import math
from typing import Any

from naslib.search_spaces.core.query_metrics import Metric

from naslib_zc_plugin.hosts.naslib.graphs import spec_from

REPORTED = (Metric.TRAIN_ACCURACY, Metric.VAL_ACCURACY, Metric.TEST_ACCURACY, Metric.TRAIN_TIME)
"""What ``Trainer`` wants to know of an architecture after each epoch."""
logger = logging.getLogger(__name__)


class Benchmark:
    """Answers for keys as ``Graph.query`` does for graphs.

    Copying a graph and giving it an architecture takes most of a search's time, and graphs that are kept its memory
    (NASLib's issue 142). Where a space can hold an architecture without its network, one graph takes them all in turn.

    Args:
        search_space: a graph without architecture; it stays as it is.
        dataset: NASLib's name of the images.
        dataset_api: what the space's ``query`` reads.
    """

    def __init__(self, search_space: Any, dataset: str, dataset_api: Any) -> None:
        self._dataset, self._api = dataset, dataset_api
        self._space = search_space
        self._reused = hasattr(search_space, "instantiate_model")
        self._graph = search_space.clone()
        if self._reused:
            self._graph.instantiate_model = False

    @property
    def answers(self) -> bool:
        """Whether there is anything to query."""
        return bool(self._space.QUERYABLE) and self._api is not None

    def graph(self, key: str) -> Any:
        """A graph that has the architecture, and perhaps no network; the next call may give it another."""
        graph = self._graph if self._reused else self._space.clone()
        graph.set_spec(spec_from(key, self._space), dataset_api=self._api)
        return graph

    def query(self, key: str, metric: Metric, epoch: int = -1) -> Any:
        """As ``Graph.query``; ``epoch`` of the training, −1: its last."""
        return self.graph(key).query(metric, self._dataset, epoch=epoch, dataset_api=self._api)

    def reported(self, key: str) -> tuple[float, float, float, float]:
        """Train, validation and test accuracy and training time; NaN for what the benchmark does not have."""
        found = (self._answer(key, metric) for metric in REPORTED)
        train, val, test, seconds = (math.nan if each is None else float(each) for each in found)
        return train, val, test, seconds

    def raw(self, key: str) -> Any:
        """All that the benchmark has of an architecture; None if it has nothing."""
        return self._answer(key, Metric.RAW)

    def _answer(self, key: str, metric: Metric) -> Any:
        """What is only reported, and shall not end a search if it is not there."""
        try:
            return self.query(key, metric)
        except Exception as error:
            logger.info("%s of %s: %s: %s", metric.name, key, type(error).__name__, error)
            return None
