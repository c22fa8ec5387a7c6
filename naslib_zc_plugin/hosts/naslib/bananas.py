"""NASLib's predictor-guided searches, with any proxies among the features of their model.

NASLib's own make a ``ZeroCost`` of every name anew for each architecture, and miss what ``zc_api`` holds of those whose
specs have numpy's numbers; ``Npenas`` fails where scores are computed as it goes. Here scores are those of the
architecture: of a graph that is built from its spec, with weights that follow from the seed and the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from naslib.optimizers import Bananas as HostBananas
from naslib.optimizers import Npenas as HostNpenas
from naslib.utils import get_train_val_loaders
from torch import nn

from naslib_zc_plugin.hosts.naslib.catalogue import Predictors, predictors
from naslib_zc_plugin.hosts.naslib.graphs import plain, spec_of


class _WithProxies:
    """What both do about scores.

    Args:
        config: NASLib's; ``search.zc_names`` are the proxies' names, ours or NASLib's.
        zc_api: scores that are known, looked up where ``search.use_zc_api``; those that it lacks are computed.
        data: arguments of :class:`.predictor.ZeroCostPredictor`. With ``dataset`` or ``batch`` among them NASLib's
            loader of training images is not made, which would download them; else it is when it is needed.

    Raises:
        ValueError: no such proxy.
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
        """The predictors by name, the same ones each time."""
        return self.predictors

    def query_zc_scores(self, arch: Any, *_: Any) -> dict[str, float]:
        """The numbers of an architecture, a graph or its spec; ``Npenas`` hands over more, which is not needed."""
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
    """NASLib's ``Bananas``: takes features where ``search.zc`` is set. Arguments: :class:`_WithProxies`."""


class Npenas(_WithProxies, HostNpenas):
    """NASLib's ``Npenas``: takes features where ``search.zc_ensemble`` is set. Arguments: :class:`_WithProxies`."""


def _plainly(model: Any) -> Any:
    """A model whose spec is looked up by its text, which is another one with numpy's numbers."""
    model.arch_hash = spec_of(model.arch)
    return model
