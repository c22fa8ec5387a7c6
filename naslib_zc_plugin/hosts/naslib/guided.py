"""NASLib's predictor-guided searches and ensembles, with any proxies among the features of their model.

NASLib's own make a ``ZeroCost`` of every name anew for each architecture, and miss what ``zc_api`` holds of those whose
specs have numpy's numbers; ``Npenas`` fails where scores are computed as it goes. Here scores are those of the
architecture: of a graph that is built from its spec, with weights that follow from the seed and the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from naslib.evaluators.zc_ensemble_evaluator import ZCEnsembleEvaluator as HostEvaluator
from naslib.optimizers import Bananas as HostBananas
from naslib.optimizers import Npenas as HostNpenas
from naslib.utils import get_train_val_loaders
from torch import nn

from naslib_zc_plugin.hosts.naslib.graphs import plain, spec_of
from naslib_zc_plugin.hosts.naslib.predictor import Predictors, predictors


class _WithProxies:
    """The scores of both searches.

    Args:
        config: NASLib's; ``search.zc_names`` are the proxies' names, ours or NASLib's.
        zc_api: scores that are known, looked up where ``search.use_zc_api``; those that it lacks are computed.
        data: arguments of :class:`.predictor.ZeroCostPredictor`. With ``dataset`` or ``batch`` among them NASLib's
            loader of training images is not made, which would download them; else it is when it is needed.

    Raises:
        ValueError: a proxy is unknown.
    """

    config: Any
    search_space: Any
    zc: Any
    zc_api: Any
    zc_names: Any
    use_zc_api: bool

    def __init__(
        self, config: Any, zc_api: Mapping[str, Any] | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(config, zc_api)  # type: ignore[call-arg]
        self._data = dict(data or {})
        self.predictors: Predictors = predictors(self.zc_names or (), **self._data)
        self.train_loader: Any = None

    def adapt_search_space(self, search_space: Any, scope: str | None = None, dataset_api: Any = None) -> None:
        """Take the search space over; predictors build their graphs in it."""
        wanted, self.zc = self.zc, None
        super().adapt_search_space(search_space, scope, dataset_api)  # type: ignore[misc]
        self.zc = wanted
        space = {"search_space": self.search_space, "dataset_api": dataset_api}
        self.predictors = predictors(self.zc_names or (), **{**space, **self._data})

    def get_zero_cost_predictors(self) -> Predictors:
        """Return the predictors by name, the same ones each time."""
        return self.predictors

    def query_zc_scores(self, arch: Any, *_: Any) -> dict[str, float]:
        """Return the numbers of an architecture, a graph or its spec; ``Npenas`` gives more, which is not used."""
        spec = spec_of(arch) if isinstance(arch, nn.Module) else plain(arch)
        known = self.zc_api.get(str(spec)) if self.use_zc_api else None
        return self.predictors.features(spec, self._loader, known)

    def _loader(self) -> Any:
        if self.train_loader is None and not {"dataset", "batch"} & set(self._data):
            self.train_loader, *_ = get_train_val_loaders(self.config, mode="train")
        return self.train_loader

    def _sample_new_model(self) -> Any:
        return _plainly(super()._sample_new_model())  # type: ignore[misc]

    def _get_new_candidates(self, ytrain: Any) -> list[Any]:
        return [_plainly(model) for model in super()._get_new_candidates(ytrain)]  # type: ignore[misc]


class Bananas(_WithProxies, HostBananas):
    """NASLib's ``Bananas``: takes features where ``search.zc`` is set. Arguments: :class:`_WithProxies`.

    >>> from naslib_zc_plugin.hosts.naslib import Bananas  # doctest: +SKIP
    >>> Bananas(config, data={"dataset": "digits"})  # doctest: +SKIP
    """


class Npenas(_WithProxies, HostNpenas):
    """NASLib's ``Npenas``: takes features where ``search.zc_ensemble`` is set. Arguments: :class:`_WithProxies`."""


def _plainly(model: Any) -> Any:
    """Give a model's spec plain numbers: it is looked up by its text, which is another one with numpy's."""
    model.arch_hash = spec_of(model.arch)
    return model


class ZCEnsembleEvaluator(HostEvaluator):
    """NASLib's ``ZCEnsembleEvaluator``, which computes the scores that ``zc_api`` does not hold; NASLib's own fails.

    Args:
        n_train, n_test: architectures, drawn from those that the search space holds as ``labeled_archs``.
        zc_names: the proxies' names, ours or NASLib's.
        zc_api: by spec, ``val_accuracy`` and the scores that are known.
        data: arguments of :class:`.predictor.ZeroCostPredictor`; the loader of :meth:`evaluate` is used if there are no
            images among them.

    Raises:
        ValueError: a proxy is unknown.
    """

    def __init__(
        self, n_train: int, n_test: int, zc_names: Iterable[str], zc_api: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
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
