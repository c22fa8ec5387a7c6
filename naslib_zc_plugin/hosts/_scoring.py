"""What the hosts' predictors and evaluators have in common: how a proxy is asked for, on what, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from naslib_zc_plugin import protocols
from naslib_zc_plugin.hosts._data import Images, first, images_of
from naslib_zc_plugin.proxies import describe, proxy
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.scoring import Score

Named = Union[str, ProxyRequest, Mapping[str, Any]]


class NoScore(ValueError):
    """A network without a score; the message says why."""


def requested(asked: Named) -> ProxyRequest:
    """A proxy by name, by a mapping with ``name`` and its options, or as :func:`naslib_zc_plugin.proxy` makes it.

    Raises:
        ValueError: no such proxy.
        TypeError: an option that it does not have.
    """
    if isinstance(asked, Mapping):
        options = dict(asked)
        return proxy(options.pop("name", ""), **options)
    return asked if isinstance(asked, ProxyRequest) else proxy(asked)


def turned(found: Score, label: str = "") -> float:
    """The value of a score, negative if lower is better.

    Args:
        found: score.
        label: what the message calls the proxy; its name unless given.

    Raises:
        NoScore: there is none.
    """
    if found.value is None:
        raise NoScore(f"{label or found.name} is {found.status}: {found.reason}")
    return found.value if describe(found.name).higher_is_better else -found.value


class Material:
    """What networks are shown: images made into batches as a protocol says, or one batch.

    Args:
        dataset: images: a source of :func:`naslib_zc_plugin.probes.probe`, a mapping with ``source`` and its options,
            or a ``Probe``.
        batch: instead of it, inputs and labels, or a DataLoader of such pairs, whose first is taken once.
        preset: published protocol (:mod:`naslib_zc_plugin.protocols`), says how images become a batch; without it they
            are scaled to 0..1.
        batch_size: images in the batch, without a preset; all where there are fewer.
        seed: of the images.

    Raises:
        ValueError: no such preset, both dataset and batch, or too few images.
        TypeError: an option that the source does not have.
        DataError: the images are not what they should be.
    """

    def __init__(
        self, dataset: Images | None = None, batch: Any = None, preset: str = "", batch_size: int = 64, seed: int = 0
    ) -> None:
        if dataset is not None and batch is not None:
            raise ValueError("give one of dataset= (images) and batch= (inputs and labels, or a DataLoader)")
        self._preset = protocols.protocol(preset) if preset else None
        self._images = None if dataset is None else images_of(dataset)
        self._given = None if batch is None else first(batch)
        self._seed = seed
        if self._preset is None and self._images is not None:
            count = min(batch_size, len(self._images))
            self._given = self._images.random(count, seed).batch(count)

    def batch(self, space: str, key: str) -> Any:
        """The batch for an architecture of a search space, on both of which a protocol may depend."""
        if self._given is not None:
            return self._given
        assert self._preset is not None and self._images is not None
        return self._preset.batch(self._images, space, self._seed, key)

    def request(self, asked: ProxyRequest, space: str) -> ProxyRequest:
        """A proxy with the options that the protocol gives it, unless it is asked for with others."""
        if self._preset is None:
            return asked
        (usual,) = self._preset.requests([asked.name], space)
        return ProxyRequest(asked.name, {**usual.options, **asked.options}, asked.label)
