"""A proxy's score of an NNI model: the same one in evaluators, profilers and strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

import torch
from nni.nas.space import ExecutableModelSpace
from torch import nn

from naslib_zc_plugin import presets
from naslib_zc_plugin.hosts.nni.data import Images, first, images_of, moved
from naslib_zc_plugin.hosts.nni.networks import logits, network, without_unused
from naslib_zc_plugin.hosts.nni.samples import key_of, space_of
from naslib_zc_plugin.observe.seeding import derived_seed
from naslib_zc_plugin.proxies import describe, proxy
from naslib_zc_plugin.request import ProxyRequest
from naslib_zc_plugin.score import Score, score

Named = Union[str, ProxyRequest, Mapping[str, Any]]


class NoScore(ValueError):
    """A network without a score; the message says why. To NNI it is a model that failed, and never wins."""


class Scorer:
    """Scores frozen models.

    All that is random depends on the seed and the architecture: scores are bitwise the same, however often and in
    whatever order. They are those of the modules that the network uses (:func:`.networks.without_unused`).

    Args:
        proxy: name; or a mapping with ``name`` and the proxy's options; or what :func:`naslib_zc_plugin.proxy` makes.
        dataset: images: a source of :func:`naslib_zc_plugin.probes.probe`, a mapping with ``source`` and its options,
            or a ``Probe``.
        batch: instead of it, inputs and labels, or a DataLoader of such pairs, whose first is taken once.
        preset: published protocol (:mod:`naslib_zc_plugin.presets`), says how images become a batch; without it they
            are scaled to 0..1.
        batch_size: images in the batch, without a preset; all where there are fewer.
        seed: of the images, the weights and the proxy's draws.
        device: where networks are scored.

    Raises:
        ValueError: no such proxy or preset, not one of dataset and batch, or too few images.
        TypeError: an option that the proxy or the source does not have.
        DataError: the images are not what they should be.
    """

    def __init__(
        self,
        proxy: Named,
        dataset: Images | None = None,
        batch: Any = None,
        *,
        preset: str = "",
        batch_size: int = 64,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        if (dataset is None) == (batch is None):
            raise ValueError("give one of dataset= (images) and batch= (inputs and labels, or a DataLoader)")
        self.request = _request(proxy)
        self.info = describe(self.request.name)
        self._preset = presets.preset(preset) if preset else None
        self._images = None if dataset is None else images_of(dataset)
        self._given = None if batch is None else first(batch)
        self.seed, self._device = seed, torch.device(device)
        if self._preset is None and self._images is not None:
            count = min(batch_size, len(self._images))
            self._given = self._images.random(count, seed).batch(count)

    def __call__(self, model: ExecutableModelSpace) -> Score:
        """The score of a frozen model; a network that cannot be built is a failed one."""
        key, space = key_of(model.sample), space_of(model.sample)
        try:
            net = network(model, self.seed, key)
        except Exception as error:
            reason = f"the network cannot be built: {type(error).__name__}: {error}"
            return Score(None, "failed", reason, 0.0, None, self.info.name, self.info.version)
        return self.of_network(net, key, space)

    def of_network(self, net: nn.Module, key: str = "", space: str = "") -> Score:
        """The score of a network with the weights that it has.

        Args:
            net: a network that is the caller's to give away: modules that it does not use are taken out of it.
            key: architecture, on which images and draws depend.
            space: the benchmark of its space, on which the protocol may depend.
        """
        batch = self._given or self._protocol_batch(space, key)
        net = without_unused(net.to(self._device), moved(batch[0], self._device))
        asked = [self._with_protocol(space)]
        (found,) = score(net, batch, asked, seed=derived_seed(self.seed, key), logits=logits).values()
        return found

    def fitness(self, model: ExecutableModelSpace) -> float:
        """The score of a frozen model, turned round if lower is better.

        Raises:
            NoScore: it is undefined, or scoring failed.
        """
        return self.turned(self(model))

    def turned(self, found: Score) -> float:
        """The value of a score, negative if lower is better.

        Raises:
            NoScore: there is none.
        """
        if found.value is None:
            raise NoScore(f"{self.request.label} is {found.status}: {found.reason}")
        return found.value if self.info.higher_is_better else -found.value

    def _with_protocol(self, space: str) -> ProxyRequest:
        if self._preset is None:
            return self.request
        (usual,) = self._preset.requests([self.request.name], space)
        return ProxyRequest(self.request.name, {**usual.options, **self.request.options}, self.request.label)

    def _protocol_batch(self, space: str, key: str) -> Any:
        assert self._preset is not None and self._images is not None
        return self._preset.batch(self._images, space, self.seed, key)


def _request(asked: Named) -> ProxyRequest:
    if isinstance(asked, Mapping):
        options = dict(asked)
        return proxy(options.pop("name", ""), **options)
    return asked if isinstance(asked, ProxyRequest) else proxy(asked)
