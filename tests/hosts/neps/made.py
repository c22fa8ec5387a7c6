"""Spaces of NePS, functions that its options name, and runs.

As a script it is a run of a process of its own, which kills itself where it is told to:
``python -m tests.hosts.neps.made ROOT TRIALS KILLED_AT_SCORE KILLED_AT_TRIAL``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.hosts.neps.needs import needs

neps = needs("neps")
host = needs("naslib_zc_plugin.hosts.neps")


class Cells(neps.PipelineSpace):  # type: ignore[name-defined,misc]
    """Two cells of a convolution and an activation, as NePS's example has them, and a learning rate."""

    _width = neps.Integer(1, 12)
    _activation = neps.Categorical((nn.ReLU(), nn.Sigmoid(), nn.Tanh()))
    _convolution = neps.Operation(nn.LazyConv2d, args=(_width.resample(), 1))
    _cell = neps.Operation(nn.Sequential, args=(_convolution.resample(), _activation.resample()))
    model = neps.Operation(nn.Sequential, args=(_cell.resample(), _cell.resample(), neps.Operation(nn.Flatten)))
    lr = neps.Float(1e-4, 1e-1, log=True)


class Widths(neps.PipelineSpace):  # type: ignore[name-defined,misc]
    """Plain values, of which a function makes the network."""

    first = neps.Integer(1, 16)
    second = neps.Categorical((4, 2, 8, 16))
    lr = neps.Float(1e-4, 1e-1, log=True)


class Trained(neps.PipelineSpace):  # type: ignore[name-defined,misc]
    """The same with a fidelity; NePS's spaces inherit nothing."""

    first = neps.Integer(1, 16)
    second = neps.Categorical((4, 2, 8, 16))
    lr = neps.Float(1e-4, 1e-1, log=True)
    epochs = neps.IntegerFidelity(1, 9)


def perceptron(first: int, second: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(12, first), nn.ReLU(), nn.Linear(first, second))


def size(net: nn.Module) -> float:
    """The parameters of an initialised network."""
    return float(sum(each.numel() for each in net.parameters()))


def weights(first: int, second: int) -> float:
    """The parameters of :func:`perceptron`, by hand."""
    return 13.0 * first + (first + 1) * second


def at_random(net: nn.Module) -> float:
    return random.Random(repr(net)).random()


def fails(net: nn.Module) -> float:
    raise RuntimeError("no such score")


def noise() -> torch.Tensor:
    return torch.zeros(2, 3, 2, 2)


def train(first: int, second: int, lr: float, epochs: int = 9) -> float:
    """An objective to minimize: the nearer to a network of 100 weights the better; lr decides between equals."""
    return abs(weights(first, second) - 100) + lr


def guided(name: str = "WarmUp", **options: Any) -> Any:
    """An optimizer for :func:`neps.run`."""
    return partial(getattr(host, name), **{"proxy": size, "build": perceptron, **options})


def run(root: Path, optimizer: Any, trials: int, space: Any = None, pipeline: Any = train, **more: Any) -> list[Any]:
    """The trials of a run, begun or gone on with, in their order."""
    random.seed(5)
    more = {"total_evaluations_to_spend": trials, **more}
    neps.run(pipeline, Widths() if space is None else space, root_directory=root, optimizer=optimizer, **more)
    return trials_of(root)


def trials_of(root: Path) -> list[Any]:
    state = needs("neps.state").NePSState.create_or_load(root, load_only=True)
    return sorted(state.lock_and_read_trials().values(), key=lambda trial: int(trial.id))


def lines_of(root: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's record."""
    text = (root / "proxy_scores.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def _after(count: int) -> Any:
    left = iter(range(count - 1))

    def once() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return once


_kill_score, _kill_trial = _after(10**9), _after(10**9)


def deadly_size(net: nn.Module) -> float:
    _kill_score()
    return size(net)


def deadly_train(first: int, second: int, lr: float) -> float:
    _kill_trial()
    return train(first, second, lr)


if __name__ == "__main__":
    from tests.hosts.neps import made

    _root, _trials, _at_score, _at_trial = sys.argv[1:]
    made._kill_score, made._kill_trial = _after(int(_at_score)), _after(int(_at_trial))
    _options = {"proxy": made.deadly_size, "build": made.perceptron, "pool": 30, "evaluate": 4}
    made.run(Path(_root), partial(host.WarmUp, **_options), int(_trials), pipeline=made.deadly_train)
