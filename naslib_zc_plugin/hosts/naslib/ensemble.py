"""NASLib's evaluator of ensembles, with any proxies among their features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from naslib.evaluators.zc_ensemble_evaluator import ZCEnsembleEvaluator as HostEvaluator

from naslib_zc_plugin.hosts.naslib.catalogue import Predictors, predictors


class ZCEnsembleEvaluator(HostEvaluator):
    """NASLib's ``ZCEnsembleEvaluator``, which computes the scores that ``zc_api`` does not hold; NASLib's own fails.

    Args:
        n_train, n_test: architectures, drawn from those that the search space holds as ``labeled_archs``.
        zc_names: the proxies' names, ours or NASLib's.
        zc_api: by spec, ``val_accuracy`` and the scores that are known.
        data: arguments of :class:`.predictor.ZeroCostPredictor`; the loader of :meth:`evaluate` is used if there are no
            images among them.

    Raises:
        ValueError: no such proxy.
    """

    def __init__(
        self,
        n_train: int,
        n_test: int,
        zc_names: Iterable[str],
        zc_api: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(n_train, n_test, list(zc_names), zc_api)
        self._data = dict(data or {})
        self.predictors: Predictors = predictors(self.zc_names, **self._data)

    def adapt_search_space(self, search_space: Any, dataset: str, dataset_api: Any, config: Any) -> None:
        """Take the search space over; specs are drawn in it, and graphs built from them."""
        super().adapt_search_space(search_space, dataset, dataset_api, config)
        self.search_space.instantiate_model = False
        space = {"search_space": search_space, "dataset_api": dataset_api}
        self.predictors = predictors(self.zc_names, **{**space, **self._data})

    def _compute_zc_scores(self, encoding: Any, predictors: Any, train_loader: Any) -> dict[str, float]:
        return self.predictors.features(encoding, train_loader, self.zc_api[str(encoding)])
