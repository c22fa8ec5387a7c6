"""An architecture and a learning rate searched by NePS, with a warm-up by a proxy; every trial is really trained.

    pip install 'naslib-zc-plugin[neps]' scikit-learn       # in an environment of its own
    python examples/neps_search.py [ROOT]

The space and the pipeline are as in NePS's own examples; the proxy is the argument `optimizer`. The same command goes
on where it was stopped: scores and results lie in ROOT.
"""

from __future__ import annotations

import logging
import sys
from functools import partial

import neps
import torch
from torch import nn

from naslib_zc_plugin.hosts.neps import WarmUp, agreement, read_trials
from naslib_zc_plugin.probes import probe


class Space(neps.PipelineSpace):
    """Three cells of a convolution and an activation; what has a prefix _ is no argument of the pipeline."""

    _channels = neps.Categorical((4, 8, 16, 32))
    _kernel = neps.Categorical((1, 3, 5))
    _activation = neps.Categorical((nn.ReLU(), nn.Sigmoid(), nn.Tanh()))
    _convolution = neps.Operation(
        nn.LazyConv2d,
        kwargs={"out_channels": _channels.resample(), "kernel_size": _kernel.resample(), "padding": "same"},
    )
    _cell = neps.Operation(
        nn.Sequential,
        args=(_convolution.resample(), neps.Operation(nn.LazyBatchNorm2d).resample(), _activation.resample()),
    )
    model = neps.Operation(
        nn.Sequential,
        args=(
            _cell.resample(),
            _cell.resample(),
            neps.Operation(nn.MaxPool2d, args=(2,)),
            _cell.resample(),
            neps.Operation(nn.AdaptiveAvgPool2d, args=(1,)),
            neps.Operation(nn.Flatten),
            neps.Operation(nn.LazyLinear, args=(10,)),
        ),
    )
    lr = neps.Float(1e-3, 3e-1, log=True)


def train(model: nn.Module, lr: float) -> dict[str, float]:
    """Train on handwritten digits; return the share of 600 others that are wrong."""
    digits = probe("digits", size=16)
    x, y = digits.random(1200, seed=0).batch(1200)
    generator = torch.Generator().manual_seed(0)
    model(x[:2])  # lazy layers get their parameters
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(2):
        for few in torch.randperm(600, generator=generator).split(50):
            loss = nn.functional.cross_entropy(model(x[few]), y[few])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        wrong = (model.eval()(x[600:]).argmax(1) != y[600:]).float().mean().item()
    return {"objective_to_minimize": wrong}


def main(root: str = "neps-results", trials: int = 12) -> None:
    """Search, and print what was trained."""
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.WARNING)
    neps.run(
        train,
        Space(),
        root_directory=root,
        total_evaluations_to_spend=trials,
        optimizer=partial(
            WarmUp, proxy="recommended", shape=(1, 16, 16), batch_size=16, pool=40, evaluate=5, sample=20
        ),
    )
    for each in read_trials(root):
        print(f"{each.trial:>3}  {each.by:8}  {'–' if each.score is None else f'{each.score:.2f}'}")
    print(agreement(root).sentence())


if __name__ == "__main__":
    main(*sys.argv[1:2])
