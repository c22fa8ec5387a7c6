"""Real training in the place of NNI's evaluators."""

from __future__ import annotations

from typing import Any

import nni
from nni.nas.evaluator import Evaluator
from nni.nas.space import ExecutableModelSpace
from torch import Tensor, nn

from naslib_zc_plugin.hosts._data import Images, images_of
from naslib_zc_plugin.hosts.nni.networks import logits, network
from naslib_zc_plugin.hosts.nni.samples import key_of
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.training import accuracy, train


@nni.trace
class TrainingEvaluator(Evaluator):
    """Accuracy after real training, by a plain loop, in per cent of the images that are held out.

    Weights and the order of the images depend on the seed and the architecture. NNI's evaluators of Lightning use one
    trainer for all models, so that in one process only the first is trained.

    Args:
        dataset: images, see :class:`.scoring.Scorer`; a pixel is 0 to 1.
        epochs, batch_size, learning_rate: see :func:`naslib_zc_plugin.training.train`.
        held_out: share of the images, drawn by the seed, that are not trained on.
        images: how many images to use, drawn by the seed; None: all.
        seed: of all that is drawn.
        device: where networks are trained.

    Raises:
        ValueError, TypeError, DataError: the images cannot be had, or no share that leaves some on both sides.
    """

    def __init__(
        self,
        dataset: Images,
        epochs: int = 1,
        batch_size: int = 64,
        learning_rate: float = 0.1,
        held_out: float = 0.25,
        images: int | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        source = images_of(dataset)
        count = len(source) if images is None else images
        x, y = source.random(count, seed).batch(count)
        part = round(held_out * count)
        if not 0 < part < count:
            raise ValueError(f"held_out={held_out} of {count} images leaves none on one side")
        self._parts = (x[part:], y[part:]), (x[:part], y[:part])
        self._options: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
        self._seed, self._device = seed, device

    def evaluate(self, model: nn.Module) -> float:
        """Train a network with the weights that it has, and report its accuracy."""
        return _reported(self._accuracy(model, ""))

    def _execute(self, model: ExecutableModelSpace) -> float:
        key = key_of(model.sample)
        return _reported(self._accuracy(network(model, self._seed, key), key))

    def _accuracy(self, net: nn.Module, key: str) -> float:
        net, (learnt, held) = _Logits(net).to(self._device), self._parts
        train(net, *learnt, seed=derived_seed(self._seed, "training", key), **self._options)
        return accuracy(net, *held)


class _Logits(nn.Module):
    """A network's logits, of whatever it returns."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Images to logits."""
        return logits(self.net(x))


def _reported(value: float) -> float:
    nni.report_final_result(value)
    return value
