"""A proxy in the place of NASLib's predictors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naslib.predictors.predictor import Predictor

from naslib_zc_plugin.hosts._data import Images
from naslib_zc_plugin.hosts._scoring import Material, Named, NoScore, requested, turned
from naslib_zc_plugin.hosts.naslib.answers import logger, number, numbers
from naslib_zc_plugin.hosts.naslib.loaders import drawn
from naslib_zc_plugin.hosts.naslib.memory import digest
from naslib_zc_plugin.hosts.naslib.names import ALIASES
from naslib_zc_plugin.hosts.naslib.panel import Panel, panel, runs
from naslib_zc_plugin.hosts.naslib.subjects import subject
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.scoring import Score


class ZeroCostPredictor(Predictor):
    """A proxy as a predictor: higher is better, also for proxies whose own direction is the other.

    It takes one graph, as ``ZeroCost`` does, and a list of them, as ``PredictorEvaluator`` gives; it needs no
    training. A graph comes back as it was. What is random depends on the seed and the architecture alone: scores are
    the same whatever was asked before. Predictors with equal settings share their passes (:class:`.panel.Panel`).

    Args:
        method_type: proxy: name, ours or NASLib's (:data:`.names.ALIASES`); or a mapping with ``name`` and the proxy's
            options; or what :func:`naslib_zc_plugin.proxy` makes.
        dataset: images: a source of :func:`naslib_zc_plugin.probes.probe`, a mapping with ``source`` and its options,
            or a ``Probe``.
        batch: instead of it, inputs and labels, or a DataLoader of such pairs, whose first is taken once. With either,
            the loaders that NASLib hands over are not looked at.
        preset: published protocol (:mod:`naslib_zc_plugin.protocols`): how images become a batch, and proxies' options.
        batch_size: images in the batch, without a preset; all where there are fewer.
        seed: of the images, of proxies' draws, and of the weights of graphs that are built here.
        device: where networks are scored; empty: where they are.
        search_space: a graph without architecture, in which specs are built.
        dataset_api: for the spaces that need one to set an architecture.
        undefined: what :meth:`query` gives where there is no score, instead of what ranks last (:mod:`.answers`).
        ss_type, encoding_type: see NASLib's ``Predictor``; neither matters here.

    Raises:
        ValueError: no such proxy or preset, both dataset and batch, or too few images.
        TypeError: an option that the proxy or the source does not have.
        DataError: the images are not what they should be.
    """

    def __init__(
        self,
        method_type: Named,
        dataset: Images | None = None,
        batch: Any = None,
        *,
        preset: str = "",
        batch_size: int = 64,
        seed: int = 0,
        device: str = "",
        search_space: Any = None,
        dataset_api: Any = None,
        undefined: float | None = None,
        ss_type: str | None = None,
        encoding_type: Any = None,
    ) -> None:
        self._arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(ss_type, encoding_type)
        asked = ALIASES.get(method_type, method_type) if isinstance(method_type, str) else method_type
        self.request = requested(asked)
        self.info = describe(self.request.name)
        self.method_type = method_type if isinstance(method_type, str) else self.request.label
        self.search_space, self.dataset_api, self.undefined = search_space, dataset_api, undefined
        self.seed, self.hyperparams = seed, None
        batch = None if batch is None else drawn(batch, seed)
        self._loads, self._looks = dataset is None and batch is None, runs(self.request)
        settings = (seed, device, preset, batch_size, _source(dataset), None if batch is None else digest(batch))
        self._panel = panel(settings, lambda: Panel(Material(dataset, batch, preset, batch_size, seed), seed, device))
        self._panel.expect(self.request)

    def query(self, graph: Any, dataloader: Any = None, info: Any = None) -> Any:
        """The score of a graph as a finite float, or those of a list as an array, by the rules of :mod:`.answers`.

        Args:
            graph: a graph, parsed or not, or a spec (see :func:`.subjects.subject`); or a list of such.
            dataloader: the images, where the predictor has none of its own: a loader, whose first batch is drawn under
                the predictor's seed, or inputs and labels. NASLib hands a list's ``info`` over in this place.
            info: not looked at.

        Raises:
            ValueError: there are no images or labels, or no search space for a spec.
            TypeError: a batch that is none.
        """
        if not isinstance(graph, list):
            return number(self.score(graph, dataloader), self.undefined)
        loader = None if _is_info(dataloader) else dataloader
        return numbers(self.scores(graph, loader), self.undefined)

    def score(self, graph: Any, dataloader: Any = None) -> Score:
        """The score of a graph as the proxy defines it, or the reason why there is none; see :meth:`query`."""
        return self.scores([graph], dataloader)[0]

    def scores(self, graphs: list[Any], dataloader: Any = None) -> list[Score]:
        """The scores of graphs, on one batch where a loader is given; see :meth:`query`.

        The loader that evaluators of NASLib set as ``train_loader`` is used where none is given.
        """
        loader = dataloader if dataloader is not None else getattr(self, "train_loader", None)
        batch = drawn(loader, self.seed) if self._loads and loader is not None and self._looks else None
        if self._loads and self._looks and batch is None:
            raise ValueError("there are no images: give query() a dataloader, or the predictor dataset= or batch=")
        made = (subject(each, self.search_space, self.dataset_api, self.seed) for each in graphs)
        return self._panel.scores(made, self.request, batch)

    def fitness(self, graph: Any, dataloader: Any = None) -> float | None:
        """The score of a graph, negative if lower is better; None where it is undefined or fails, which is logged."""
        try:
            return turned(self.score(graph, dataloader), self.method_type)
        except NoScore as error:
            logger.info("%s", error)
            return None

    def declare(self) -> None:
        """Say that it will be asked about each graph: whichever predictor of the panel is first asks for it as well."""
        self._panel.expect(self.request, always=True)

    def set_aside(self) -> None:
        """Say that it may never be asked: until it is, no graph is scored by it on another's behalf."""
        self._panel.set_aside(self.request)

    def __reduce__(self) -> Any:
        """Copies are made anew, and belong to the same panel."""
        return _made, (type(self), self._arguments), {"ss_type": self.ss_type, "encoding_type": self.encoding_type}


def _made(kind: type[ZeroCostPredictor], arguments: dict[str, Any]) -> ZeroCostPredictor:
    return kind(**arguments)


def _source(dataset: Images | None) -> Any:
    """What tells one source of images from another."""
    return repr(dataset) if dataset is None or isinstance(dataset, (str, Path, Mapping)) else id(dataset)


def _is_info(given: Any) -> bool:
    """What ``PredictorEvaluator`` hands over: a mapping for each architecture."""
    return isinstance(given, Mapping) or (isinstance(given, list) and all(isinstance(each, Mapping) for each in given))
