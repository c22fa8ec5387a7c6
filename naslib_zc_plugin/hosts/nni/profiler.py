"""A proxy as one of NNI's profilers, whose metrics need no training."""

from __future__ import annotations

from typing import Any

from nni.nas.profiler import Profiler
from nni.nas.space import BaseModelSpace, SimplifiedModelSpace

from naslib_zc_plugin.hosts._scoring import Named
from naslib_zc_plugin.hosts.nni.samples import Sample
from naslib_zc_plugin.hosts.nni.scoring import Scorer


class ProxyProfiler(Profiler):
    """Scores samples of a model space; higher is better.

    Args:
        model_space: of the hub, or one's own.
        proxy: name of a proxy, or more, see :class:`.scoring.Scorer`.
        data: ``dataset`` or ``batch``, ``preset``, ``batch_size``, ``seed``, ``device``, see there.

    Raises:
        ValueError, TypeError, DataError: see there.
    """

    def __init__(self, model_space: BaseModelSpace, proxy: Named, **data: Any) -> None:
        super().__init__(model_space)
        self.scorer = Scorer(proxy, **data)
        self._space = SimplifiedModelSpace.from_model(model_space)

    def profile(self, sample: Sample) -> float:
        """The score of a sample, negative if lower is better.

        Raises:
            NoScore: it is undefined, or scoring failed.
            nni.mutable.SampleValidationError: the sample is not of the model space.
        """
        return self.scorer.fitness(self._space.freeze(dict(sample)))
