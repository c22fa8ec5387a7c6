"""Fitness from really training, on images at hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.probes import images as images_of
from naslib_zc_plugin.search.loop import Evaluation
from naslib_zc_plugin.spaces import space

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import SearchConfig

_SMALL: dict[str, dict[str, Any]] = {"nasbench201": {"C": 8, "N": 1}}
"""Options of networks that train on scenes in seconds, by space."""


class TrainingEvaluator:
    """An evaluator that trains a fresh network; the fitness is its validation accuracy (%), a metric its test accuracy.

    All random draws depend on the seed and the key. A class's images are divided alike: so many to train on, so many
    to validate with, and all others to test. Images are normalised by mean and deviation of those to train on.

    By default networks see scenes (:mod:`naslib_zc_plugin.probes.scenes`), once each: 120 steps of 64, seconds on a
    core. With two pieces, ``images: {source: scenes, pieces: 2}``, and ``batch_size: 32`` there are 240 harder steps.

    Args:
        config: the search; its space is trained, its seed is that of the split, the weights and the training.
        data: not used.
        scores: not used.
        images: a source of :func:`naslib_zc_plugin.probes.probe`, or a mapping with ``source`` and options.
        train, validate: numbers of images to train on and to validate with; 7,680 and 2,000 of the scenes' 11,680.
        epochs, learning_rate, batch_size: of :func:`naslib_zc_plugin.training.train`.
        network: options of the space's ``build``; for scenes in ``nasbench201``, 8 channels and one cell a stage
            unless given.
        threads: CPU threads.
        device: ``cpu``, ``cuda`` …

    Raises:
        ValueError: there are fewer images than that.
    """

    costly = True
    metric_names = ("test accuracy",)

    def __init__(
        self, config: SearchConfig, data: str | Path | None, scores: Any, *,
        images: str | Mapping[str, Any] = "scenes", train: int = 7680, validate: int = 2000, epochs: int = 1,
        network: Mapping[str, Any] | None = None, learning_rate: float = 0.1, batch_size: int = 64, threads: int = 1,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        import torch

        from naslib_zc_plugin.store.provenance import digest

        options = {"source": images} if isinstance(images, str) else dict(images)
        small = _SMALL.get(config.space, {}) if options.get("source") == "scenes" else {}
        shown = images_of(options.pop("source", ""), **options)
        parts = shown.split(train, validate, seed=config.seed)
        mean, std = float(parts[0].images.mean() / 255), float(parts[0].images.std() / 255)
        self._train, self._validation, self._test = (part.batch(len(part), mean, std) for part in parts)
        self._threads = threads
        self._space, self._seed, self._device = space(config.space), config.seed, torch.device(device)
        self._network = {"num_classes": shown.classes, **(small if network is None else network)}
        self._recipe: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
        self._provenance: dict[str, Any] = {
            "images": {"name": shown.name.rpartition("/")[2], "sha256": digest(shown)},
            "sizes": [train, validate], "network": self._network, "recipe": self._recipe, "seed": config.seed,
            "threads": threads, "device": self._device.type, "torch": str(torch.__version__),
        }  # fmt: skip

    def __call__(self, key: str) -> Evaluation:
        """Train a network, and return its validation and test accuracies.

        Random states and the number of CPU threads are afterwards what they were.
        """
        from naslib_zc_plugin.passes.seeding import own_states

        with own_states(self._device, self._threads):
            return self._evaluation(key)

    def _evaluation(self, key: str) -> Evaluation:
        from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything
        from naslib_zc_plugin.training import accuracy, train

        start = time.perf_counter()
        seed_everything(self._seed, "weights", key)
        net = self._space.build(key, **self._network).to(self._device)
        train(net, *self._train, seed=derived_seed(self._seed, key), **self._recipe)
        fitness = accuracy(net, *self._validation)
        return Evaluation(
            fitness, time.perf_counter() - start, metrics={self.metric_names[0]: accuracy(net, *self._test)}
        )

    def provenance(self) -> dict[str, Any]:
        """Return images, split, network, recipe and seed."""
        return self._provenance

    def notes(self) -> list[str]:
        """Return a line about the numbers of images and the recipe."""
        recipe = ", ".join(f"{name} {value}" for name, value in self._recipe.items())
        parts = f"{len(self._train[0]):,} images, validated with {len(self._validation[0]):,}"
        return [
            f"fitness: validation accuracy (%) after really training on {parts}, tested on {len(self._test[0]):,} of "
            f"{self._provenance['images']['name']}; {recipe}; seconds are those that passed"
        ]


EVALUATOR = TrainingEvaluator
