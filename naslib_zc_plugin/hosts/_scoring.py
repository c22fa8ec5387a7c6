"""How the hosts' predictors and evaluators score: the proxy, the batch that a network sees, the score as a fitness."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Union

from naslib_zc_plugin import protocols
from naslib_zc_plugin.aggregates import SAMPLE, Aggregate, Known, Reference, aggregate_named
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.probes import Probe, images
from naslib_zc_plugin.proxies import describe, proxy
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.scoring import Score
from naslib_zc_plugin.strategies import NoScore

NamedProxy = Union[str, ProxyRequest, Mapping[str, Any]]
Images = Union[str, Path, Probe, Mapping[str, Any]]


def proxy_request(asked: NamedProxy) -> ProxyRequest:
    """Return a proxy's request, given its name, a mapping with ``name`` and its options, or a request.

    Raises:
        ValueError: the proxy is unknown.
        TypeError: the proxy has no such option.
    """
    if isinstance(asked, Mapping):
        options = dict(asked)
        return proxy(options.pop("name", ""), **options)
    return asked if isinstance(asked, ProxyRequest) else proxy(asked)


class JoinedProxies:
    """A proxy, or an aggregate of several, as the fitness of a host's networks.

    An aggregate ranks a network in a random sample of its space, which is scored when it is first needed. A search
    keeps the sample's scores in its state.

    Args:
        asked: a proxy, as :func:`proxy_request` takes it, or the name of an aggregate, such as ``"recommended"``.
        sample: number of networks that an aggregate ranks in.

    Attributes:
        aggregate: the aggregate; None: a proxy alone.
        requests: the proxies that are scored.
        label: its name.
        reference: the sample's scores; None until they are there.

    Raises:
        ValueError: the proxy is unknown.
        TypeError: the proxy has no such option.
    """

    def __init__(self, asked: NamedProxy, sample: int = SAMPLE) -> None:
        self.aggregate: Aggregate | None = aggregate_named(asked)
        self.requests = self.aggregate.requests() if self.aggregate else [proxy_request(asked)]
        self.label = self.aggregate.label if self.aggregate else self.requests[0].label
        self.sample = sample
        self.reference: Reference | None = None

    @property
    def weights(self) -> str:
        """The weights that networks are scored with: an aggregate's proxies read fresh ones, whatever they hold."""
        return "given" if self.aggregate is None else "fresh"

    def joined(self, found: Mapping[str, Score], draw: Callable[[int], Iterable[Mapping[str, Score]]]) -> Score:
        """Return the score of a network: that of the proxy, or its number in the sample.

        Args:
            found: its scores by label.
            draw: returns the scores of so many random networks, called once.

        Raises:
            NoScore: the aggregate says nothing of the sample.
        """
        if self.aggregate is None:
            return next(iter(found.values()))
        if self.reference is None:
            try:
                self.reference = Reference(self.aggregate, [_known(each) for each in draw(self.sample)])
            except ValueError as error:
                raise NoScore(str(error)) from error
        value = self.reference.value(_known(found))
        seconds = sum(each.seconds for each in found.values())
        if not math.isnan(value):
            return Score(value, "ok", "", seconds, None, self.label, 1)
        failed = next(label for label in self.reference.used if found[label].status == "failed")
        return Score(None, "failed", f"{failed}: {found[failed].reason}", seconds, None, self.label, 1)

    def fitness(self, found: Score) -> float:
        """Return the value of a score, higher better.

        Raises:
            NoScore: it has none.
        """
        if self.aggregate is None or found.value is None:
            return oriented_value(found, self.label)
        return found.value

    def state_dict(self) -> dict[str, Any] | None:
        """Return the sample's scores as values that JSON knows; None while there are none."""
        return None if self.reference is None else self.reference.plain()

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Go on with the sample of an earlier run.

        Raises:
            ValueError: it is another aggregate's, or damaged.
        """
        if state is not None:
            if self.aggregate is None:
                raise ValueError(f"the state is of an aggregate, {state.get('aggregate')}, not of {self.label}")
            self.reference = Reference.of(self.aggregate, state)


def _known(found: Mapping[str, Score]) -> Known:
    return {
        label: math.nan if score.status == "failed" else None if score.value is None else oriented_value(score)
        for label, score in found.items()
    }


def oriented_value(found: Score, label: str = "") -> float:
    """Return the value of a score, negated if lower is better.

    Args:
        found: score.
        label: the proxy's name in the message; its own unless given.

    Raises:
        NoScore: the score has no value.
    """
    if found.value is None:
        raise NoScore(f"{label or found.name} is {found.status}: {found.reason}", found.status == "failed")
    return found.value if describe(found.name).higher_is_better else -found.value


def proxy_fitness(score: Callable[[Any], Any]) -> Callable[[Any], float]:
    """Wrap a score of a host's models, higher is better: where there is none, it raises ``NoScore`` with the reason."""

    def fitness(model: Any) -> float:
        try:
            value = float(score(model))
        except NoScore:
            raise
        except Exception as error:
            raise NoScore(f"{type(error).__name__}: {error}") from error
        if not math.isfinite(value):
            raise NoScore(f"the score is {value}", failed=False)
        return value

    return fitness


def load_images(dataset: Images) -> Probe:
    """Return the images of a source, of a mapping with ``source`` and its options, or of a probe.

    Raises:
        DataError: the images cannot be read.
        TypeError: the source has no such option.
    """
    if isinstance(dataset, Probe):
        return dataset
    options = dict(dataset) if isinstance(dataset, Mapping) else {"source": dataset}
    return images(options.pop("source", ""), **options)


def first_batch(batch: Any) -> Any:
    """Return a batch as it is, inputs by themselves without labels, or the first batch of a DataLoader.

    Random states stay as they were.
    """
    from torch import Tensor

    if not isinstance(batch, (tuple, list, Tensor, Mapping)):
        with kept_random_states():  # a DataLoader draws a seed for its workers
            batch = next(iter(batch))
    return (batch, None) if isinstance(batch, (Tensor, Mapping)) else batch


class BatchSource:
    """The batches that networks are scored on: images prepared by a protocol, or one batch.

    Args:
        dataset: images: a source of :func:`naslib_zc_plugin.probes.probe`, a mapping with ``source`` and its options,
            or a ``Probe``.
        batch: instead of it, inputs and labels, or a DataLoader of such pairs, whose first is taken once.
        preset: published protocol (:mod:`naslib_zc_plugin.protocols`), which prepares the batch; without it images are
            scaled to 0..1.
        batch_size: images in the batch, without a preset; all where the source has fewer.
        seed: of the draw of images.

    Raises:
        ValueError: the preset is unknown, dataset and batch are both given, or the images are too few.
        TypeError: the source has no such option.
        DataError: the images cannot be read.
    """

    def __init__(
        self, dataset: Images | None = None, batch: Any = None, preset: str = "", batch_size: int = 64, seed: int = 0
    ) -> None:
        if dataset is not None and batch is not None:
            raise ValueError("give one of dataset= (images) and batch= (inputs and labels, or a DataLoader)")
        self._preset = protocols.protocol(preset) if preset else None
        self._images = None if dataset is None else load_images(dataset)
        self._batch = None if batch is None else first_batch(batch)
        self._seed = seed
        if self._preset is None and self._images is not None:
            count = min(batch_size, len(self._images))
            self._batch = self._images.random(count, seed).batch(count)

    @property
    def has_images(self) -> bool:
        """Whether images or a batch were given."""
        return self._batch is not None or self._images is not None

    def batch(self, space: str, key: str) -> Any:
        """Return the batch for an architecture; a protocol may draw one for each."""
        if self._batch is not None:
            return self._batch
        assert self._preset is not None and self._images is not None
        return self._preset.batch(self._images, space, self._seed, key)

    def request(self, asked: ProxyRequest, space: str) -> ProxyRequest:
        """Return a proxy with the protocol's options, which options of its own override."""
        if self._preset is None:
            return asked
        (usual,) = self._preset.requests([asked.name], space)
        return ProxyRequest(asked.name, {**usual.options, **asked.options}, asked.label)


@contextmanager
def quiet(name: str, level: int = logging.ERROR) -> Iterator[None]:
    """Raise a logger's level to ``level`` inside the block; one that lets less through stays as it is."""
    log = logging.getLogger(name)
    before = log.level
    log.setLevel(max(before, level))
    try:
        yield
    finally:
        log.setLevel(before)
