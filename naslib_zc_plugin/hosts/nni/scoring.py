"""A proxy's score of an NNI model: the same one in evaluators, profilers and strategies."""

from __future__ import annotations

from typing import Any

import torch
from nni.nas.space import ExecutableModelSpace
from torch import nn

from naslib_zc_plugin.hosts._data import Images, moved
from naslib_zc_plugin.hosts._scoring import Material, Named, requested, turned
from naslib_zc_plugin.hosts.nni.networks import logits, network, without_unused
from naslib_zc_plugin.hosts.nni.samples import key_of, space_of
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.scoring import Score, score


class Scorer:
    """Scores frozen models.

    All that is random depends on the seed and the architecture: scores are bitwise the same, however often and in
    whatever order. They are those of the modules that the network uses (:func:`.networks.without_unused`).

    Args:
        proxy: name; or a mapping with ``name`` and the proxy's options; or what :func:`naslib_zc_plugin.proxy` makes.
        dataset, batch, preset, batch_size: see :class:`naslib_zc_plugin.hosts._scoring.Material`; one of the first two.
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
        self.request = requested(proxy)
        self.info = describe(self.request.name)
        self.seed, self._device = seed, torch.device(device)
        self._material = Material(dataset, batch, preset, batch_size, seed)

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
        batch = self._material.batch(space, key)
        net = without_unused(net.to(self._device), moved(batch[0], self._device))
        asked = [self._material.request(self.request, space)]
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
        return turned(found, self.request.label)
