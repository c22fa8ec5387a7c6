"""Small model spaces, images and experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.hosts.nni.needs import needs

IMAGES = {"source": "synthetic:normal", "n": 16, "size": 8}
"""Enough for scores that differ."""


def space(name: str = "NasBench201") -> Any:
    """A small model space of NNI's hub."""
    hub = needs("nni.nas.hub.pytorch")
    sizes: dict[str, dict[str, Any]] = {
        "NasBench201": {"stem_out_channels": 4, "num_modules_per_stack": 1},
        "NasBench101": {"stem_out_channels": 8, "num_stacks": 2, "num_modules_per_stack": 1},
        "MobileNetV3Space": {},
    }
    return getattr(hub, name)(**sizes.get(name, {"width": 4, "num_cells": 3}))


def frozen(model_space: Any, key: str, evaluator: Any = None) -> Any:
    """The model of a key."""
    zc = needs("naslib_zc_plugin.hosts.nni")
    simplified = needs("nni.nas.space").SimplifiedModelSpace.from_model(model_space, evaluator)
    return simplified.freeze(zc.domain(model_space).to_sample(key))


def experiment(folder: Path, model_space: Any, evaluator: Any, strategy: Any, count: int, **engine: Any) -> Any:
    """An experiment in this process."""
    config = needs("nni.nas.experiment.config").NasExperimentConfig("sequential", "simplified", "local")
    config.max_trial_number = count
    config.experiment_working_directory = str(folder)
    for name, value in engine.items():
        setattr(config.execution_engine, name, value)
    return needs("nni.nas.experiment").NasExperiment(model_space, evaluator, strategy, config, id="made")


def run(folder: Path, model_space: Any, evaluator: Any, strategy: Any, count: int, **engine: Any) -> Any:
    """Such an experiment, done."""
    made = experiment(folder, model_space, evaluator, strategy, count, **engine)
    assert made.run()
    made.stop()
    return made
