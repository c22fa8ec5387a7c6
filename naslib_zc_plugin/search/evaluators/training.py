"""Fitness from really training, on images at hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naslib_zc_plugin.probes import Probe
from naslib_zc_plugin.probes import images as images_of
from naslib_zc_plugin.search.config import Search
from naslib_zc_plugin.search.evaluators.base import Evaluation
from naslib_zc_plugin.search.scores import Scores
from naslib_zc_plugin.spaces import Space, space


class TrainingEvaluator:
    """Trains a fresh network; the fitness is its validation accuracy, and its test accuracy is told.

    All that is random depends on the seed and the key. A class's images are divided alike: so many to train on, so many
    to validate with, and all others to test. Images are normalised by mean and deviation of those to train on.

    Args:
        images: the images.
        of: search space.
        sizes: how many images to train on and to validate with.
        network: options of the space's ``build``.
        recipe: ``epochs``, ``batch_size``, ``learning_rate`` of :func:`naslib_zc_plugin.training.train`.
        seed: of the split, the weights and the training.
        threads: CPU threads.
        device: ``cpu``, ``cuda`` …

    Raises:
        ValueError: more images asked for than there are.
    """

    costly = True
    tells = ("test accuracy",)

    def __init__(
        self, images: Probe, of: Space, sizes: tuple[int, int], network: Mapping[str, Any], recipe: Mapping[str, Any],
        seed: int, threads: int = 1, device: str = "cpu",
    ) -> None:  # fmt: skip
        import torch

        from naslib_zc_plugin.campaign.identity import digest

        torch.set_num_threads(threads)
        train, validation, test = images.split(*sizes, seed=seed)
        mean, std = float(train.images.mean() / 255), float(train.images.std() / 255)
        self._train, self._validation, self._test = (
            part.batch(len(part), mean, std) for part in (train, validation, test)
        )
        self._space, self._seed, self._device = of, seed, torch.device(device)
        self._network = {"num_classes": images.classes, **network}
        self._recipe = dict(recipe)
        self._facts: dict[str, Any] = {
            "images": {"name": images.name.rpartition("/")[2], "sha256": digest(images)},
            "sizes": list(sizes), "network": self._network, "recipe": self._recipe, "seed": seed, "threads": threads,
            "device": self._device.type, "torch": str(torch.__version__),
        }  # fmt: skip

    def __call__(self, key: str) -> Evaluation:
        """Train, validate, test."""
        from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything
        from naslib_zc_plugin.training import accuracy, train

        start = time.perf_counter()
        seed_everything(self._seed, "weights", key)
        net = self._space.build(key, **self._network).to(self._device)
        train(net, *self._train, seed=derived_seed(self._seed, key), **self._recipe)
        fitness = accuracy(net, *self._validation)
        return Evaluation(fitness, time.perf_counter() - start, told={self.tells[0]: accuracy(net, *self._test)})

    def facts(self) -> dict[str, Any]:
        """Images, split, network, recipe, seed."""
        return self._facts

    def notes(self) -> list[str]:
        """The numbers of images and the recipe."""
        recipe = ", ".join(f"{name} {value}" for name, value in self._recipe.items())
        parts = f"{len(self._train[0]):,} images, validated with {len(self._validation[0]):,}"
        return [
            f"fitness: validation accuracy (%) after really training on {parts}, tested on {len(self._test[0]):,} of "
            f"{self._facts['images']['name']}; {recipe}; seconds are those that passed"
        ]


def evaluator(
    search: Search, data: str | Path | None, scores: Scores | None, *, images: str | Mapping[str, Any], train: int,
    validate: int, epochs: int, network: Mapping[str, Any] | None = None, learning_rate: float = 0.1,
    batch_size: int = 64, threads: int = 1, device: str = "cpu",
) -> TrainingEvaluator:  # fmt: skip
    """Train on ``images``, a source of :func:`naslib_zc_plugin.probes.probe` or a mapping with ``source``."""
    options = {"source": images} if isinstance(images, str) else dict(images)
    shown = images_of(options.pop("source", ""), **options)
    recipe = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
    return TrainingEvaluator(
        shown, space(search.space), (train, validate), network or {}, recipe, search.seed, threads, device
    )
